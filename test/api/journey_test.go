package api_test

import (
	"bytes"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/logtest"
)

// The main job as a creator does it, from an e-mail address to a finished picture. No secret of it reaches the log.
func TestMainJob_fromAddressToPicture(t *testing.T) {
	t.Parallel()
	log := &logtest.Buffer{}
	app := apptest.New(t, apptest.WithWorker(),
		apptest.WithLog(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	stranger := app.Client("")
	wish := apptest.NewAccount()

	started, err := stranger.StartAuthWithResponse(t.Context(), client.EmailRequest{Email: wish.Email})
	require.NoError(t, err)
	require.Equal(t, client.AuthStartNextCreateAccount, started.JSON200.Next)
	require.NotNil(t, signUp(t, app, wish).JSON201)
	code := app.Code(t, wish.Email)
	require.NotNil(t, confirm(t, app, wish.Email, code).JSON200)
	who := app.SignIn(t, wish.Email)
	bonus := who.Session.User.Credits
	app.Grant(t, wish.Email, 10)

	project := createProject(t, who, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube, Seed: new(int64(7)),
		Prompt: client.Prompt{Headline: "I built a robot", Subtext: new("in 24 hours"), Vibe: new("neon cyberpunk")},
	})
	queued, err := who.QueueProjectWithResponse(t.Context(), project.ID,
		&client.QueueProjectParams{IdempotencyKey: new(uuid.NewString())}, client.QueueRequest{Quality: client.QualityStd, Variants: 1})
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	require.Equal(t, []int64{2, bonus + 8}, []int64{queued.JSON201.CostCredits, queued.JSON201.CreditsLeft})

	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
	require.Len(t, job.Renders, 1)
	asset := job.Renders[0].Asset
	require.Equal(t, client.AssetTypeRender, asset.Type)
	require.True(t, strings.HasPrefix(asset.StoragePath, who.Session.User.ID.String()+"/render/"), asset.StoragePath)
	picture := download(t, app, asset.URL)
	require.Len(t, picture, int(asset.SizeBytes))
	decoded, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	require.Equal(t, []int{1280, 720}, []int{decoded.Bounds().Dx(), decoded.Bounds().Dy()})

	done, err := who.GetProjectWithResponse(t.Context(), project.ID)
	require.NoError(t, err)
	require.Equal(t, client.ProjectStatusDone, done.JSON200.Status)
	ledger, err := who.ListCreditsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, bonus+8, ledger.JSON200.Balance)
	var reasons []client.CreditReason
	var sum int64
	for _, e := range ledger.JSON200.Items {
		reasons, sum = append(reasons, e.Reason), sum+e.Delta
	}
	require.Equal(t, []client.CreditReason{client.CreditReasonJobCharge, client.CreditReasonGrant, client.CreditReasonSignupBonus}, reasons)
	require.Equal(t, ledger.JSON200.Balance, sum)

	signature, err := url.Parse(asset.URL)
	require.NoError(t, err)
	require.NotEmpty(t, signature.RawQuery)
	require.Contains(t, log.String(), who.Session.User.ID.String(), "the log belongs to these requests")
	for name, secret := range map[string]string{
		"password": wish.Password, "code": `"` + code + `"`, "address": wish.Email, "name": wish.FullName,
		"session token": who.Session.SessionToken, "refresh token": *who.Session.RefreshToken,
		"signature": signature.RawQuery, "prompt": "I built a robot",
	} {
		require.NotContains(t, log.String(), secret, name)
	}
}

// download fetches a picture by its signed address, without a token, and shows that the address is refused without its
// signature.
func download(t testing.TB, app *apptest.App, address string) []byte {
	t.Helper()
	res, err := app.HTTP.Get(address)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "image/png", res.Header.Get("Content-Type"))
	picture, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	bare, _, _ := strings.Cut(address, "?")
	unsigned, err := app.HTTP.Get(bare)
	require.NoError(t, err)
	_ = unsigned.Body.Close()
	require.GreaterOrEqual(t, unsigned.StatusCode, http.StatusBadRequest)
	return picture
}
