package seedream

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/seedreamfake"
)

func setup(t *testing.T, fault providertest.Fault, good int) (*Provider, *seedreamfake.Server) {
	t.Helper()
	fake := seedreamfake.New(t, fault, good)
	p, err := New(Config{BaseURL: fake.URL, Key: providertest.Key, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, fake
}

// small is a provider whose model draws small pictures too, which makes the suites fast.
type small struct{ *Provider }

func (s small) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (providers.ImageResult, error) {
	asked := req.Model
	req.Model = "seedream-4-0-250828"
	result, err := s.Provider.Generate(ctx, req, sink)
	if err == nil {
		result.Meta.Model = asked
	}
	return result, err
}

func TestProvider_suite(t *testing.T) {
	t.Parallel()
	providertest.Image(t, func(t *testing.T) providers.Image {
		p, _ := setup(t, providertest.None, 0)
		return small{p}
	})
}

func TestProvider_faults(t *testing.T) { //nolint:paralleltest // measures memory
	providertest.Faults(t, func(t *testing.T, fault providertest.Fault, good int) providers.Image {
		p, _ := setup(t, fault, good)
		return small{p}
	})
}

func TestGenerate_request(t *testing.T) {
	t.Parallel()
	p, fake := setup(t, providertest.None, 0)
	req, sink := providertest.Request(), &providertest.MemorySink{}
	req.Model, req.Width, req.Height, req.Variants = "seedream-4-5-251128", 1920, 1080, 2
	req.References = []providers.Reference{providertest.Reference(t, "selfie")}
	result, err := p.Generate(t.Context(), req, sink)
	require.NoError(t, err)
	require.InDelta(t, 0.08, result.Meta.CostEstimate, 1e-9)
	require.Equal(t, "seedream", result.Meta.ProviderName)
	sent := fake.Requests()
	require.Len(t, sent, 2, "one call a variant")
	require.Equal(t, sent[0], sent[1])
	require.Equal(t, "2560x1440", sent[0].Size, "1920x1080 is too small for this model")
	require.False(t, *sent[0].Watermark)
	require.Equal(t, "disabled", sent[0].Sequential)
	require.True(t, strings.HasPrefix(sent[0].Image[0], "data:image/png;base64,"))
	require.Contains(t, sent[0].Prompt, "I survived 100 days")
	require.Contains(t, sent[0].Prompt, "Image 1")

	req.Model = "dola-seedream-5-0-pro-260628"
	_, err = p.Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	require.Equal(t, "1920x1080", fake.Requests()[2].Size)
	require.Empty(t, fake.Requests()[2].Sequential)
}

func TestGenerate_whatTakesTooLong(t *testing.T) {
	t.Parallel()
	fake := seedreamfake.New(t, providertest.Hang, 0)
	p, err := New(Config{BaseURL: fake.URL, Key: providertest.Key, Now: time.Now, CallTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	_, err = p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
	requireFault(t, err, providers.Transient, "timeout")
}

func TestGenerate_redrawsWhatLeavesTheHouse(t *testing.T) {
	t.Parallel()
	fake := seedreamfake.New(t, providertest.None, 0)
	drawn := providertest.Drawing("jpeg", 40, 30)
	redraw := func(_ context.Context, r providers.Reference) (providers.Reference, error) {
		return providers.Reference{Role: r.Role, ContentType: "image/jpeg", Data: drawn}, nil
	}
	p, err := New(Config{BaseURL: fake.URL, Key: providertest.Key, Now: time.Now, Redraw: redraw})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	req := providertest.Request()
	req.References = []providers.Reference{providertest.Reference(t, "selfie")}
	_, err = p.Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	require.Equal(t, []string{"data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(drawn)}, fake.Requests()[0].Image)
}

func TestNew_needsAKeyAndAClock(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Now: time.Now})
	require.Error(t, err)
	_, err = New(Config{Key: "k"})
	require.Error(t, err)
}

func TestSize_isLegalAndKeepsTheShape(t *testing.T) {
	t.Parallel()
	for _, model := range []string{
		"dola-seedream-5-0-pro-260628", "seedream-5-0-260128", "seedream-5-0-lite-260128", "doubao-seedream-4-5-251128", "seedream-4-0-250828", "ep-20260101-x",
	} {
		l := limitsOf(model)
		for _, want := range [...][2]int{
			{1280, 720},
			{1920, 1080},
			{1080, 1920},
			{1080, 1350},
			{1200, 628},
			{1200, 630},
			{3000, 3000},
			{3840, 2160},
			{3840, 3840},
			{3840, 2010},
			{64, 64},
			{1600, 100},
			{97, 1009},
		} {
			w, h, err := l.size(want[0], want[1])
			require.NoError(t, err)
			require.GreaterOrEqual(t, w*h, l.minPixels, "%s %v", model, want)
			require.LessOrEqual(t, w*h, l.maxPixels, "%s %v", model, want)
			require.InEpsilon(t, float64(want[0])/float64(want[1]), float64(w)/float64(h), 0.005, "%s %v", model, want)
		}
	}
	w, h, err := limitsOf("seedream-4-0-250828").size(1920, 1080)
	require.NoError(t, err)
	require.Equal(t, [2]int{1920, 1080}, [2]int{w, h}, "what is legal stays")
	for _, wrong := range [][2]int{{0, 100}, {100, 0}, {1700, 100}, {100, 1700}, {-5, -5}} {
		_, _, err := limitsOf("seedream-4-0-250828").size(wrong[0], wrong[1])
		requireFault(t, err, providers.Permanent, "invalid_size")
	}
}

func TestGenerate_refusesReferencesThatTheVendorWould(t *testing.T) {
	t.Parallel()
	good := providertest.Reference(t, "ref")
	for reason, references := range map[string][]providers.Reference{
		"too_many_references": {good, good, good, good, good, good, good, good, good, good, good},
		"invalid_reference":   {good, {Role: "ref", ContentType: "image/png", Data: []byte("none")}},
	} {
		p, fake := setup(t, providertest.None, 0)
		req := providertest.Request()
		req.References = references
		_, err := p.Generate(t.Context(), req, &providertest.MemorySink{})
		requireFault(t, err, providers.Permanent, reason)
		require.Empty(t, fake.Requests())
	}
	for _, size := range [][2]int{{14, 100}, {17 * 20, 20}, {7000, 6000}} {
		_, err := dataURL(providertest.Drawing("png", size[0], size[1]))
		require.Error(t, err, "%v", size)
	}
	_, err := dataURL(append(good.Data, make([]byte, maxReferenceBytes)...))
	require.Error(t, err)
}

func TestFailure_classes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		status int
		class  providers.Class
		reason string
	}{
		"InputTextSensitiveContentDetected":                     {400, providers.Blocked, "="},
		"InputImageSensitiveContentDetected.PrivacyInformation": {400, providers.Blocked, "="},
		"OutputImageSensitiveContentDetected.DeepFake":          {400, providers.Blocked, "="},
		"OutputImageSensitiveContentDetected.PolicyViolation":   {200, providers.Blocked, "="},
		"InvalidParameter.image":                                {400, providers.Permanent, "="},
		"MissingParameter":                                      {400, providers.Permanent, "="},
		"AuthenticationError":                                   {401, providers.Permanent, "="},
		"AccountOverdueError":                                   {403, providers.Permanent, "="},
		"AccessDenied":                                          {403, providers.Permanent, "="},
		"ModelNotOpen":                                          {404, providers.Permanent, "="},
		"InvalidEndpointOrModel.NotFound":                       {404, providers.Permanent, "="},
		"ModelAccountIpmRateLimitExceeded":                      {429, providers.Transient, "="},
		"ModelAccountRpmRateLimitExceeded":                      {429, providers.Transient, "="},
		"APIAccountRpmRateLimitExceeded":                        {429, providers.Transient, "="},
		"RateLimitExceeded.EndpointTPMExceeded":                 {429, providers.Transient, "="},
		"AccountRateLimitExceeded":                              {429, providers.Transient, "="},
		"ServerOverloaded":                                      {429, providers.Transient, "="},
		"RequestBurstTooFast":                                   {429, providers.Transient, "="},
		"QuotaExceeded":                                         {429, providers.Permanent, "="},
		"SetLimitExceeded":                                      {429, providers.Permanent, "="},
		"InflightBatchsizeExceeded":                             {429, providers.Permanent, "="},
		"InternalServiceError":                                  {500, providers.Transient, "="},
		"SomethingNew":                                          {418, providers.Permanent, "="},
		"SomethingNewer":                                        {502, providers.Transient, "="},
		"SomethingNewest":                                       {429, providers.Transient, "="},
		"SomethingInGood":                                       {200, providers.Transient, "="},
		"a prompt, quoted":                                      {400, providers.Permanent, "status_400"},
		"":                                                      {503, providers.Transient, "status_503"},
	} {
		err := vendorError{Code: code, Message: "secret words. Request id: 021757abcdef"}.failure(want.status, http.Header{})
		if want.reason == "=" {
			want.reason = code
		}
		requireFault(t, err, want.class, want.reason)
		require.Contains(t, err.Error(), "021757abcdef")
		require.NotContains(t, err.Error(), "secret words")
	}
}

// A creator is told to change the words or pictures only where that may help.
func TestFailure_whoseItIs(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		status int
		ours   bool
	}{
		"AuthenticationError": {401, true}, "AccountOverdueError": {403, true}, "ModelNotOpen": {404, true},
		"InvalidEndpointOrModel.NotFound": {404, true}, "QuotaExceeded": {429, true}, "SomethingNew": {403, true},
		"InvalidParameter.image": {400, false}, "InputTextSensitiveContentDetected": {403, false}, "ServerOverloaded": {429, false},
		"SomethingNewer": {400, false},
	} {
		require.Equal(t, want.ours, vendorError{Code: code}.failure(want.status, http.Header{}).Ours, code)
	}
}

func TestGenerate_errorInAGoodStatus(t *testing.T) {
	t.Parallel()
	for body, class := range map[string]providers.Class{
		`{"error":{"code":"OutputImageSensitiveContentDetected","message":"m"}}`: providers.Blocked,
		`{"data":null,"error":{"code":"ServerOverloaded"}}`:                      providers.Transient,
		`{"data":[{"error":{"code":"InternalServiceError"}}]}`:                   providers.Transient,
		`{"data":[{"url":"https://evil.com/a.png"}]}`:                            providers.Transient,
		`{"data":[{"b64_json":"!!!"}]}`:                                          providers.Transient,
		`null`:                                                                   providers.Transient,
		`[]`:                                                                     providers.Transient,
		`{"data":[{"b64_json":""}],"error":{"code":"InputImageSensitiveContentDetected.DeepFake"}}`: providers.Blocked,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		p, err := New(Config{BaseURL: server.URL, Key: providertest.Key, Now: time.Now})
		require.NoError(t, err)
		_, err = p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
		fault, ok := errors.AsType[*providers.Error](err)
		require.True(t, ok, body)
		require.Equal(t, class, fault.Class, body)
		p.Close()
		server.Close()
	}
}

// The vendor takes no idempotency key, so that a request which may have been drawn, and billed, must not go out again by
// itself.
func TestGenerate_neverRepeatsARequest(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	fake := seedreamfake.New(t, providertest.None, 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			http.Redirect(w, r, fake.URL+"/images/generations", http.StatusTemporaryRedirect)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	p, err := New(Config{BaseURL: server.URL, Key: providertest.Key, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	_, err = p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
	requireFault(t, err, providers.Permanent, "status_307")
	_, err = p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
	require.Error(t, err)
	require.EqualValues(t, 2, calls.Load())
	require.Empty(t, fake.Requests(), "a redirect is not followed")
}

func requireFault(t *testing.T, err error, class providers.Class, reason string) {
	t.Helper()
	fault, ok := errors.AsType[*providers.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, class.String(), fault.Class.String(), "%v", err)
	require.Equal(t, reason, fault.Reason)
}
