package fal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/falfake"
)

const edit = "fal-ai/bytedance/seedream/v4.5/edit"

func setup(t *testing.T, fault providertest.Fault, good int, change ...func(*Config)) (*Provider, *falfake.Server) {
	t.Helper()
	fake := falfake.New(t, fault, good)
	cfg := Config{
		BaseURL: fake.URL, Key: providertest.Key, Now: time.Now, EditEndpoint: edit, AllowLoopback: true,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	for _, c := range change {
		c(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, fake
}

func generate(t *testing.T, p *Provider) error {
	t.Helper()
	_, err := p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
	return err
}

func TestProvider_suite(t *testing.T) {
	t.Parallel()
	providertest.Image(t, func(t *testing.T) providers.Image {
		p, _ := setup(t, providertest.None, 0)
		return p
	})
}

func TestProvider_faults(t *testing.T) { //nolint:paralleltest // measures memory
	providertest.Faults(t, func(t *testing.T, fault providertest.Fault, good int) providers.Image {
		p, _ := setup(t, fault, good)
		return p
	}, providertest.ExpiredURL)
}

func TestGenerate_requests(t *testing.T) {
	t.Parallel()
	p, fake := setup(t, providertest.None, 0)
	req, sink := providertest.Request(), &providertest.MemorySink{}
	req.Model, req.Width, req.Height, req.Variants = DefaultModel, 1280, 720, 2
	result, err := p.Generate(t.Context(), req, sink)
	require.NoError(t, err)
	require.Equal(t, "req-1,req-2", result.Meta.RequestID)
	require.InDelta(t, 0.05, result.Meta.CostEstimate, 1e-9)
	sent := fake.Requests()
	require.Len(t, sent, 2)
	require.Equal(t, DefaultModel, sent[0].Endpoint)
	require.EqualValues(t, 43, *sent[0].Seed)
	require.EqualValues(t, 44, *sent[1].Seed)
	require.Equal(t, [2]int{1280, 720}, [2]int{sent[0].ImageSize.Width, sent[0].ImageSize.Height})
	require.True(t, sent[0].SafetyChecker)
	require.JSONEq(t, `{"expiration_duration_seconds":3600}`, sent[0].Header.Get("X-Fal-Object-Lifecycle-Preference"))
	require.Equal(t, "300", sent[0].Header.Get("X-Fal-Request-Timeout"))
	require.Contains(t, sent[0].Prompt, "I survived 100 days")
	require.Empty(t, fake.Cancelled())

	req.References = []providers.Reference{providertest.Reference(t, "selfie")}
	_, err = p.Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	edited := fake.Requests()[2]
	require.Equal(t, edit, edited.Endpoint)
	require.True(t, strings.HasPrefix(edited.ImageURLs[0], "data:image/png;base64,"))
	require.Equal(t, [2]int{2560, 1440}, [2]int{edited.ImageSize.Width, edited.ImageSize.Height})
	require.Empty(t, edited.OutputFormat)
}

func TestGenerate_refusesBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	reference := providertest.Reference(t, "ref")
	for reason, change := range map[string]func(*providers.ImageRequest){
		"too_many_references": func(r *providers.ImageRequest) {
			for range 11 {
				r.References = append(r.References, reference)
			}
		},
		"invalid_reference": func(r *providers.ImageRequest) { r.References = []providers.Reference{{Data: []byte("GIF89a")}} },
		"invalid_size":      func(r *providers.ImageRequest) { r.Width = 0 },
		"invalid_endpoint":  func(r *providers.ImageRequest) { r.Model = "fal-ai/../../admin" },
	} {
		p, fake := setup(t, providertest.None, 0)
		req := providertest.Request()
		change(&req)
		_, err := p.Generate(t.Context(), req, &providertest.MemorySink{})
		requireFault(t, err, providers.Permanent, reason)
		require.Empty(t, fake.Requests())
	}
	p, fake := setup(t, providertest.None, 0, func(c *Config) { c.EditEndpoint = "" })
	req := providertest.Request()
	req.References = []providers.Reference{reference}
	_, err := p.Generate(t.Context(), req, &providertest.MemorySink{})
	requireFault(t, err, providers.Permanent, "references_unsupported")
	require.Empty(t, fake.Requests())
}

// fal knows no idempotency key: what was sent and not confirmed may be drawn and billed, and must not be sent again.
func TestGenerate_neverRepeatsASubmissionThatMayHaveBeenTaken(t *testing.T) {
	t.Parallel()
	for _, fault := range []providertest.Fault{providertest.Reset, providertest.Malformed, providertest.Oversized, providertest.Hang} {
		p, fake := setup(t, fault, 0, func(c *Config) {
			if fault == providertest.Hang {
				c.CallTimeout = 50 * time.Millisecond
			}
		})
		fake.At = falfake.Submit
		err := generate(t, p)
		requireFault(t, err, providers.Permanent, "submit_unconfirmed")
		require.True(t, isOurs(err))
		require.Len(t, fake.Requests(), 1)
	}
	p, _ := setup(t, providertest.None, 0, func(c *Config) { c.BaseURL = "http://127.0.0.1:1" })
	requireFault(t, generate(t, p), providers.Transient, "unreachable")
}

func TestGenerate_sendsTheKeyToNoOtherHost(t *testing.T) {
	t.Parallel()
	for _, foreign := range []string{
		"https://evil.example/requests/1", "http://queue.fal.run.evil.example/", "", "//evil.example/", "ftp://127.0.0.1/", "http://127.0.0.1:1/x", ":",
	} {
		for _, member := range []string{"status_url", "response_url", "cancel_url"} {
			p, fake := setup(t, providertest.None, 0)
			fake.Rewrite = func(accepted map[string]any) { accepted[member] = foreign }
			requireFault(t, generate(t, p), providers.Permanent, "foreign_url")
		}
	}
	p, fake := setup(t, providertest.None, 0)
	fake.Rewrite = func(a map[string]any) {
		a["status_url"] = strings.Replace(a["status_url"].(string), "http://", "http://user:pass@", 1)
	}
	requireFault(t, generate(t, p), providers.Permanent, "foreign_url")
	for _, foreign := range []string{"https://evil.example/a.png", "http://169.254.169.254/latest", "http://v3.fal.media/a.png", "file:///etc/passwd"} {
		p, fake := setup(t, providertest.None, 0)
		fake.Output = func(output map[string]any) { output["images"] = []any{map[string]any{"url": foreign}} }
		requireFault(t, generate(t, p), providers.Permanent, "result_url_refused")
	}
}

func TestGenerate_completedIsNotSuccess(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]providers.Class{
		"content_policy_violation": providers.Blocked, "no_media_generated": providers.Blocked,
		"generation_timeout": providers.Transient, "runner_disconnected": providers.Transient,
		"image_load_error": providers.Permanent, "bad_request": providers.Permanent,
	} {
		p, fake := setup(t, providertest.None, 0)
		fake.Completed = map[string]any{"error": providertest.BodySecret, "error_type": kind}
		requireFault(t, generate(t, p), want, kind)
	}
	p, fake := setup(t, providertest.None, 0)
	fake.Completed = map[string]any{"error": "something"}
	requireFault(t, generate(t, p), providers.Transient, "completed_with_error")
	p, fake = setup(t, providertest.BlockedBefore, 0)
	fake.Completed = map[string]any{"error": "something"}
	requireFault(t, generate(t, p), providers.Blocked, "content_policy_violation")
}

func TestGenerate_callsOffWhatItStopsFollowing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p, fake := setup(t, providertest.Hang, 0)
	fake.At = falfake.Status
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	_, err := p.Generate(ctx, providertest.Request(), &providertest.MemorySink{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"req-1"}, fake.Cancelled())

	p, fake = setup(t, providertest.Hang, 0, func(c *Config) { c.CallTimeout = 50 * time.Millisecond })
	fake.At = falfake.Status
	requireFault(t, generate(t, p), providers.Transient, "timeout")
	require.Equal(t, []string{"req-1"}, fake.Cancelled())

	p, fake = setup(t, providertest.Unavailable, 0)
	fake.At = falfake.Status
	requireFault(t, generate(t, p), providers.Transient, "status_503")
	require.Equal(t, []string{"req-1"}, fake.Cancelled())
}

func TestGenerate_looksLessAndLessOften(t *testing.T) {
	t.Parallel()
	var pauses []time.Duration
	p, fake := setup(t, providertest.None, 0, func(c *Config) {
		c.Wait = func(ctx context.Context, d time.Duration) error {
			pauses = append(pauses, d)
			return ctx.Err()
		}
	})
	req := providertest.Request()
	req.Variants = 1
	_, err := p.Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	require.Equal(t, []time.Duration{250 * time.Millisecond, 375 * time.Millisecond, 562500 * time.Microsecond}, pauses)
	require.Len(t, fake.Requests(), 1)
}

// hiccup answers the first question at each address with a 503 of a gateway, and counts what goes to the queue.
type hiccup struct {
	next  http.RoundTripper
	asked map[string]int
}

func (h hiccup) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked[r.URL.Path]++
	if r.Method == http.MethodGet && h.asked[r.URL.Path] == 1 {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	return h.next.RoundTrip(r)
}

func TestGenerate_asksAgainWhatCostsNothing(t *testing.T) {
	t.Parallel()
	client := transport.NewClient(maxAnswer)
	h := hiccup{client.Transport, map[string]int{}}
	client.Transport = h
	p, fake := setup(t, providertest.None, 0, func(c *Config) { c.Client = client })
	t.Cleanup(h.next.(interface{ CloseIdleConnections() }).CloseIdleConnections)
	require.NoError(t, generate(t, p))
	require.Len(t, fake.Requests(), providertest.Request().Variants)
	require.Empty(t, fake.Cancelled())

	// What is too large stays so.
	p, fake = setup(t, providertest.Oversized, 0, func(c *Config) { c.Client = client })
	clear(h.asked)
	requireFault(t, generate(t, p), providers.Transient, "answer_too_large")
	require.Equal(t, 2, h.asked["/model-under-test/requests/req-1"], "once for the hiccup")
	require.Len(t, fake.Requests(), 1)
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{
		{Now: time.Now},
		{Key: "k"},
		{Key: "k", Now: time.Now, BaseURL: "queue.fal.run"},
		{Key: "k", Now: time.Now, BaseURL: "https://u:p@queue.fal.run"},
		{Key: "k", Now: time.Now, EditEndpoint: "/x"},
	} {
		_, err := New(cfg)
		require.Error(t, err)
	}
}

func TestDialect_sizes(t *testing.T) {
	t.Parallel()
	for _, want := range [][2]int{{1280, 720}, {1080, 1920}, {3840, 2160}, {3840, 3840}, {320, 180}, {1200, 628}, {1600, 100}} {
		got := dialectOf(DefaultModel).size(want[0], want[1])
		require.Zero(t, got.Width%16+got.Height%16, "%v", got)
		require.Less(t, got.Width*got.Height, 2_200_000, "%v", got)
		require.Greater(t, got.Width*got.Height, 240_000, "%v", got)
		require.InEpsilon(t, float64(want[0])/float64(want[1]), float64(got.Width)/float64(got.Height), 0.06, "%v", want)
	}
}

func requireFault(t *testing.T, err error, class providers.Class, reason string) {
	t.Helper()
	fault, ok := errors.AsType[*providers.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, class.String(), fault.Class.String(), "%v", err)
	require.Equal(t, reason, fault.Reason)
	require.NotContains(t, err.Error(), providertest.BodySecret)
}
