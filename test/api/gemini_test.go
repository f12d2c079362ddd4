package api_test

import (
	"bytes"
	"image/png"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/logtest"
)

// onGemini starts an application whose Gemini models are drawn by the real adapter, against a fake of the vendor.
func onGemini(t testing.TB, fake *geminifake.Fake, options ...apptest.Option) *apptest.App {
	t.Helper()
	return apptest.New(t, append(options,
		apptest.With("GEMINI_API_KEY", providertest.Key), apptest.With("GEMINI_BASE_URL", fake.URL))...)
}

func TestGemini_drawsThroughTheWholeStack(t *testing.T) {
	t.Parallel()
	fake, log := geminifake.New(t), &logtest.Buffer{}
	app := onGemini(t, fake, apptest.WithWorker(), apptest.With("PROVIDER_MODELS", "nano_banana=gemini-of-tomorrow"),
		apptest.WithLog(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	wish := draft()
	wish.Prompt.RefAssetIds = []uuid.UUID{app.Picture(t, who, client.AssetTypeRef)}
	queued, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, wish).ID, nil,
		client.QueueRequest{Quality: client.QualityStd, Variants: 2})
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)

	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
	require.Len(t, job.Renders, 2)
	decoded, err := png.Decode(bytes.NewReader(download(t, app, job.Renders[1].Asset.URL)))
	require.NoError(t, err)
	require.Equal(t, [2]int{1280, 720}, [2]int{decoded.Bounds().Dx(), decoded.Bounds().Dy()})
	meta := job.ProviderMeta.MustGet()
	require.Equal(t, "gemini", meta.ProviderName)
	require.Equal(t, "gemini-of-tomorrow", meta.Model)
	require.NotEmpty(t, meta.RequestID)
	require.EqualValues(t, 6, balance(t, who))
	raw, err := who.GetJobWithResponse(t.Context(), queued.JSON201.JobID)
	require.NoError(t, err)
	require.NotContains(t, string(raw.Body), "cost_estimate", "what a picture costs the product is kept, and not told")

	asked := fake.Requests()
	require.Len(t, asked, 2, "one call for each variant")
	require.Equal(t, "gemini-of-tomorrow", asked[0].Model)
	require.Contains(t, asked[0].Prompt(), "I built a robot")
	require.Len(t, asked[0].Turns[0].Images, 1)
	require.Equal(t, "image/jpeg", asked[0].Turns[0].Images[0].MIMEType, "pictures are sent to vendors redrawn, without metadata")
	for _, secret := range []string{providertest.Key, "I built a robot"} {
		require.NotContains(t, log.String(), secret)
	}
}

func TestGemini_refundsWhatTheVendorBlocks(t *testing.T) {
	t.Parallel()
	for _, fault := range []providertest.Fault{providertest.BlockedBefore, providertest.BlockedAfter} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			fake := geminifake.New(t)
			fake.Fail(fault, 0)
			app := onGemini(t, fake, apptest.WithWorker(), quiet())
			who, queued := queuedJob(t, app, 3)
			job := follow(t, who, queued.JobID, nil)
			require.Equal(t, client.JobStatusFailed, job.Status)
			require.True(t, job.Refunded)
			problem := job.Error.MustGet()
			require.EqualValues(t, "content_blocked", problem.Code)
			require.Contains(t, problem.Message, "safety rules")
			require.Contains(t, problem.Message, "your credits are back")
			require.EqualValues(t, 1, job.Attempt, "what safety refuses is not asked again")
			require.Len(t, fake.Requests(), 1)

			ledger, err := who.ListCreditsWithResponse(t.Context(), nil)
			require.NoError(t, err)
			require.EqualValues(t, 3, ledger.JSON200.Balance)
			var reasons []client.CreditReason
			var sum int64
			for _, e := range ledger.JSON200.Items[:2] {
				reasons, sum = append(reasons, e.Reason), sum+e.Delta
			}
			require.Equal(t, []client.CreditReason{client.CreditReasonJobRefund, client.CreditReasonJobCharge}, reasons)
			require.Zero(t, sum)
		})
	}
}

func modelAvailable(t testing.TB, app *apptest.App, id client.ModelID) bool {
	t.Helper()
	res, err := app.Client("").ListModelsWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	for _, m := range res.JSON200.Items {
		if m.ID == id {
			return m.Available
		}
	}
	require.Fail(t, "no such model", id)
	return false
}

// While a vendor is down, its model can't be queued, not even at a process that calls no vendor itself. Jobs that were queued
// before wait without losing attempts, and are drawn when the vendor is back.
func TestModel_isUnavailableWhileItsVendorIsDown(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	fake.Fail(providertest.Unavailable, 0)
	api := onGemini(t, fake, apptest.With("PROVIDER_FAILURES", "1"), apptest.With("PROVIDER_REST", "4s"), quiet())
	apptest.New(t, apptest.Beside(api), apptest.WithWorker(), quiet())
	who, queued := queuedJob(t, api, 5)
	project := createProject(t, who, draft())
	require.Eventually(t, func() bool { return !modelAvailable(t, api, client.ModelIDNanoBanana) }, 20*time.Second, 100*time.Millisecond)
	require.True(t, modelAvailable(t, api, client.ModelIDNanoBananaPro), "each model has a breaker of its own")
	refusal, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, order())
	require.NoError(t, err)
	refused(t, refusal.JSON409, refusal.Body, client.ErrorCodeModelUnavailable)
	require.EqualValues(t, 4, balance(t, who))

	fake.Answer(func(geminifake.Request) geminifake.Reply { return geminifake.Reply{} })
	job := follow(t, who, queued.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
	require.EqualValues(t, 2, job.Attempt, "an attempt whose vendor was not asked does not count")
	require.Eventually(t, func() bool { return modelAvailable(t, api, client.ModelIDNanoBanana) }, 20*time.Second, 100*time.Millisecond)
}
