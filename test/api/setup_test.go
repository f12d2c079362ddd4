// Package api_test drives the whole application through the generated client, with one test for each operation and status,
// named Test<Operation>_<status>_<case>. The domains test their own rules; these tests show what a client sees of them. Every
// answer is checked against the spec (see speccheck). The fixture is an [apptest.App].
package api_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// refused expects an error envelope with a code. envelope is the field of the response for the expected status; nil means that
// the status was another.
func refused(t testing.TB, envelope *client.ErrorEnvelope, body []byte, code client.ErrorCode) client.APIError {
	t.Helper()
	require.NotNil(t, envelope, "another status: %s", body)
	require.Equal(t, code, envelope.Error.Code, "%s", body)
	require.NotEmpty(t, envelope.Error.Message)
	return envelope.Error
}

// fields returns the failing fields of a validation error, as "in field: code".
func fields(t testing.TB, problem client.APIError) []string {
	t.Helper()
	require.Equal(t, client.ErrorCodeValidationFailed, problem.Code)
	require.NotNil(t, problem.Details)
	var list []string
	for _, f := range problem.Details.Fields {
		require.NotEmpty(t, f.Message)
		list = append(list, string(f.In)+" "+f.Field+": "+f.Code)
	}
	return list
}

// draft is a valid project.
func draft() client.ProjectCreate {
	return client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube, Prompt: client.Prompt{Headline: "I built a robot"},
	}
}

// order is the cheapest request to draw a project; it costs one credit.
func order() client.QueueRequest {
	return client.QueueRequest{Quality: client.QualityDraft, Variants: 1}
}

func createProject(t testing.TB, who *apptest.Account, wish client.ProjectCreate) client.Project {
	t.Helper()
	res, err := who.CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	return *res.JSON201
}

func queueProject(t testing.TB, who *apptest.Account, projectID uuid.UUID) client.QueuedJob {
	t.Helper()
	res, err := who.QueueProjectWithResponse(t.Context(), projectID, nil, order())
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	return *res.JSON201
}

// queuedJob makes an account with a balance and a queued job, which costs one credit.
func queuedJob(t testing.TB, app *apptest.App, balance int64) (*apptest.Account, client.QueuedJob) {
	t.Helper()
	who := app.SignUp(t)
	app.Grant(t, who.Email, balance)
	return who, queueProject(t, who, createProject(t, who, draft()).ID)
}

func getJob(t testing.TB, who *apptest.Account, id uuid.UUID) client.Job {
	t.Helper()
	res, err := who.GetJobWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	return *res.JSON200
}

func balance(t testing.TB, who *apptest.Account) int64 {
	t.Helper()
	res, err := who.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	return res.JSON200.Credits
}

// painter is an image provider made of a function.
type painter func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error

// Generate implements providers.Image.
func (p painter) Generate(
	ctx context.Context, req providers.ImageRequest, sink providers.Sink,
) (providers.ImageResult, error) {
	meta := providers.Meta{ProviderName: "painter", Model: req.Model, LatencyMS: 1}
	return providers.ImageResult{Meta: meta}, p(ctx, req, sink)
}

// studio registers the painter for the default model; the other models have no provider.
func studio(p painter) apptest.Option {
	return apptest.WithImages(providers.Registry{"nano_banana": {Provider: "painter", Image: p, VendorModel: "painter-1"}})
}

// paint stores a small gray picture for every variant.
func paint(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, image.NewGray(image.Rect(0, 0, 16, 9))); err != nil {
		return err
	}
	for variant := 1; variant <= req.Variants; variant++ {
		picture := providers.Picture{ContentType: "image/png", Data: encoded.Bytes(), Width: 16, Height: 9}
		if _, err := sink.Put(ctx, variant, picture); err != nil {
			return err
		}
	}
	return nil
}
