package api_test

import (
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestApp_answers503WhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	postgres := pgtest.Server(t)
	dsn := postgres.DSN("app")
	require.NoError(t, postgres.EnsureDatabase(t.Context(), "app"))
	_, err := migrate.Up(t.Context(), dsn, migrations.FS, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	app := apptest.New(t, apptest.With("DATABASE_URL", dsn), quiet())
	who := app.SignUp(t)
	project := createProject(t, who, draft())
	postgres.Kill()

	bearer := []string{"Authorization", "Bearer " + who.Session.SessionToken, "Content-Type", "application/json"}
	for range 3 { // with broken connections first, and then without any
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/me", ""},
			{"GET", "/me/credits", ""},
			{"GET", "/project/" + project.ID.String(), ""},
			{"POST", "/project", `{"mode":"design","platform":"x","prompt":{"headline":"x"}}`},
			{"POST", "/project/" + project.ID.String() + "/queue", `{"quality":"std","variants":1}`},
			{"GET", "/jobs/" + uuid.NewString() + "/events", ""},
			{"POST", "/auth/start", `{"email":"ada@example.com"}`},
			{"POST", "/auth/signin", `{"email":"` + who.Email + `","password":"` + apptest.Password + `"}`},
			{"POST", "/auth/refresh", `{"refresh_token":"` + *who.Session.RefreshToken + `"}`},
		} {
			res := app.Do(t, c.method, apptest.BasePath+c.path, c.body, bearer...)
			res.Problem(t, 503, client.ErrorCodeUnavailable)
			require.NotEmpty(t, res.Header.Get("Retry-After"))
		}
	}
	models, err := app.Client("").ListModelsWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, models.JSON200, "what needs no database goes on")

	require.NoError(t, postgres.Restart(t.Context()))
	require.Equal(t, []client.Project{project}, listProjects(t, who, nil))
	next := refresh(t, app, *who.Session.RefreshToken)
	require.NotNil(t, next.JSON200, "a refresh that failed has not spent the token: %s", next.Body)
}

// quiet discards the log of a test that provokes errors.
func quiet() apptest.Option { return apptest.WithLog(slog.DiscardHandler) }
