package edge

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/logtest"
	"github.com/mugshot-studio/backend/test/kit/speccheck"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	base      = "/api/v1"
	goodToken = "good-token"
	aUUID     = "0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12"
)

var (
	theUser    = uuid.MustParse("0199f3a0-5d2c-7a41-b1c7-0e9d8f7a6b5c")
	theSession = uuid.MustParse("0199f3a1-9c3d-7f52-a2d8-1f0e9d8c7b6a")
	theTime    = time.Date(2026, 11, 21, 18, 5, 12, 0, time.UTC)
)

// impl implements the operations that the tests of the edge need; a test sets what it cares about.
type impl struct {
	api.StrictServerInterface
	startAuth     func(context.Context, api.StartAuthRequestObject) (api.StartAuthResponseObject, error)
	signIn        func(context.Context, api.SignInRequestObject) (api.SignInResponseObject, error)
	refresh       func(context.Context, api.RefreshSessionRequestObject) (api.RefreshSessionResponseObject, error)
	createProject func(context.Context, api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error)
	updateProject func(context.Context, api.UpdateProjectRequestObject) (api.UpdateProjectResponseObject, error)
	queueProject  func(context.Context, api.QueueProjectRequestObject) (api.QueueProjectResponseObject, error)
	listProjects  func(context.Context, api.ListProjectsRequestObject) (api.ListProjectsResponseObject, error)
	events        func(context.Context, api.StreamJobEventsRequestObject) (api.StreamJobEventsResponseObject, error)
	cancelJob     func(context.Context, api.CancelJobRequestObject) (api.CancelJobResponseObject, error)
	models        func(context.Context) (api.ListModelsResponseObject, error)
}

func (i *impl) StartAuth(ctx context.Context, r api.StartAuthRequestObject) (api.StartAuthResponseObject, error) {
	return i.startAuth(ctx, r)
}

func (i *impl) SignIn(ctx context.Context, r api.SignInRequestObject) (api.SignInResponseObject, error) {
	return i.signIn(ctx, r)
}

func (i *impl) RefreshSession(ctx context.Context, r api.RefreshSessionRequestObject) (api.RefreshSessionResponseObject, error) {
	return i.refresh(ctx, r)
}

func (i *impl) CreateProject(ctx context.Context, r api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error) {
	return i.createProject(ctx, r)
}

func (i *impl) UpdateProject(ctx context.Context, r api.UpdateProjectRequestObject) (api.UpdateProjectResponseObject, error) {
	return i.updateProject(ctx, r)
}

func (i *impl) QueueProject(ctx context.Context, r api.QueueProjectRequestObject) (api.QueueProjectResponseObject, error) {
	return i.queueProject(ctx, r)
}

func (i *impl) ListProjects(ctx context.Context, r api.ListProjectsRequestObject) (api.ListProjectsResponseObject, error) {
	return i.listProjects(ctx, r)
}

func (i *impl) StreamJobEvents(ctx context.Context, r api.StreamJobEventsRequestObject) (api.StreamJobEventsResponseObject, error) {
	return i.events(ctx, r)
}

func (i *impl) CancelJob(ctx context.Context, r api.CancelJobRequestObject) (api.CancelJobResponseObject, error) {
	return i.cancelJob(ctx, r)
}

func (i *impl) ListModels(ctx context.Context, _ api.ListModelsRequestObject) (api.ListModelsResponseObject, error) {
	return i.models(ctx)
}

func (i *impl) DeleteProject(context.Context, api.DeleteProjectRequestObject) (api.DeleteProjectResponseObject, error) {
	return api.DeleteProject204Response{}, nil
}

func newImpl() *impl {
	return &impl{
		startAuth: func(context.Context, api.StartAuthRequestObject) (api.StartAuthResponseObject, error) {
			return api.StartAuth200JSONResponse{Next: api.AuthStartNextPassword}, nil
		},
		models: func(context.Context) (api.ListModelsResponseObject, error) {
			return api.ListModels200JSONResponse{Items: []api.Model{}}, nil
		},
		listProjects: func(context.Context, api.ListProjectsRequestObject) (api.ListProjectsResponseObject, error) {
			return api.ListProjects200JSONResponse{Items: []api.Project{}}, nil
		},
		createProject: func(_ context.Context, r api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error) {
			return api.CreateProject201JSONResponse{
				Body:    project(r.Body),
				Headers: api.CreateProject201ResponseHeaders{ETag: `"1"`},
			}, nil
		},
		queueProject: func(context.Context, api.QueueProjectRequestObject) (api.QueueProjectResponseObject, error) {
			return api.QueueProject201JSONResponse{Body: api.QueuedJob{
				JobID: uuid.MustParse(aUUID), Status: api.QueuedJobStatusQueued, CostCredits: 1,
			}}, nil
		},
		refresh: func(context.Context, api.RefreshSessionRequestObject) (api.RefreshSessionResponseObject, error) {
			return nil, apperr.New(apperr.Unauthenticated, apperr.CodeInvalidRefreshToken, "Please sign in again.")
		},
		signIn: func(context.Context, api.SignInRequestObject) (api.SignInResponseObject, error) {
			return nil, apperr.New(apperr.Unauthenticated, apperr.CodeInvalidCredentials, "Wrong e-mail or password.")
		},
	}
}

func project(b *api.CreateProjectJSONRequestBody) api.Project {
	return api.Project{
		ID: uuid.MustParse(aUUID), Mode: b.Mode, Platform: b.Platform, Width: 1280, Height: 720, Status: api.ProjectStatusDraft,
		ModelPref: nullable.NewNullNullable[api.ModelPreference](), Seed: nullable.NewNullNullable[int64](),
		Prompt: api.ProjectPrompt{Headline: b.Prompt.Headline, RefAssetIds: b.Prompt.RefAssetIds}, Version: 1, CreatedAt: theTime, UpdatedAt: theTime,
	}
}

// fixture is an edge under test. Every answer that goes through do is held against the spec.
type fixture struct {
	*Edge
	impl    *impl
	handler http.Handler
	log     *logtest.Buffer
}

func setup(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	b := &fixture{impl: newImpl(), log: &logtest.Buffer{}}
	cfg := Config{
		BasePath:     base,
		Log:          slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		NewID:        func() uuid.UUID { return uuid.Must(uuid.NewV7()) },
		Authenticate: authenticate,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	b.Edge, err = New(cfg, b.impl)
	require.NoError(t, err)
	b.handler = speccheck.Wrap(t, base, b.Edge, "/storage/")
	return b
}

func authenticate(_ context.Context, token string) (Principal, error) {
	switch token {
	case goodToken:
		return Principal{UserID: theUser, SessionID: theSession}, nil
	case "down-token":
		return Principal{}, apperr.ErrUnavailable.WithRetryAfter(2500 * time.Millisecond).With(errors.New("redis: refused"))
	}
	return Principal{}, errUnauthenticated.With(errors.New("bad signature"))
}

// do sends a request as a signed-in client would; headers are pairs, an empty value takes a header away.
func (b *fixture) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+goodToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return b.send(r)
}

func (b *fixture) send(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	b.handler.ServeHTTP(rec, r)
	return rec
}

// problem is an error as a client reads it.
type problem struct {
	Error struct {
		Code    apperr.Code
		Message string
		Details struct {
			Fields []apperr.Field
			Checks map[string]string
		}
	}
}

func requireProblem(t testing.TB, rec *httptest.ResponseRecorder, status int, code apperr.Code) problem {
	t.Helper()
	require.Equal(t, status, rec.Code, rec.Body.String())
	var p problem
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &p), rec.Body.String())
	require.Equal(t, code, p.Error.Code, rec.Body.String())
	require.NotEmpty(t, p.Error.Message)
	return p
}

// lines decodes the log.
func (b *fixture) lines(t testing.TB) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		all = append(all, m)
	}
	return all
}
