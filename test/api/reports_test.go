package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/sentrytest"
)

// reported waits for an event with a message at Sentry.
func reported(t *testing.T, sentry *sentrytest.Sentry, message string) sentrytest.Event {
	t.Helper()
	var found *sentrytest.Event
	require.Eventually(t, func() bool {
		for _, event := range sentry.Events() {
			if event.Message == message {
				found = &event
			}
		}
		return found != nil
	}, 20*time.Second, 20*time.Millisecond, message)
	return *found
}

// A job that was given up is reported with ids, and without prompts, addresses and tokens.
func TestReports_nameDeadTasksAndNoSecret(t *testing.T) {
	t.Parallel()
	sentry, vendor := sentrytest.New(t), geminifake.New(t)
	vendor.Fail(providertest.BadKey, 0)
	app := onGemini(t, vendor, apptest.WithWorker(), quiet(), apptest.With("SENTRY_DSN", sentry.DSN))
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	queued, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, draft()).ID, nil, order(), asRequest("dies"))
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	require.Equal(t, client.JobStatusFailed, follow(t, who, queued.JSON201.JobID, nil).Status)
	event := reported(t, sentry, "job given up")
	require.Equal(t, "dies", event.Tags["request_id"])
	require.Equal(t, queued.JSON201.JobID.String(), event.Tags["job_id"])
	require.Equal(t, "provider_failed", event.Tags["code"])
	for _, secret := range []string{providertest.Key, "I built a robot", who.Email, who.Session.SessionToken, "Authorization", vendor.URL} {
		require.NotContains(t, sentry.Said(), secret)
	}
}

// An answer of 5xx is reported by the process that gave it, with ids and without secrets.
func TestReports_nameAnswersOf5xxAndNoSecret(t *testing.T) {
	t.Parallel()
	sentry := sentrytest.New(t)
	// As the owner of the tables, since it renames one.
	app := apptest.New(t, quiet(), apptest.With("SENTRY_DSN", sentry.DSN), apptest.With("DATABASE_URL", pgtest.New(t)))
	who := app.SignUp(t)
	_, err := app.Store.Pool().Exec(t.Context(), "alter table projects rename to gone")
	require.NoError(t, err)
	res, err := who.CreateProjectWithResponse(t.Context(), nil, draft(), asRequest("breaks"))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, res.StatusCode(), "%s", res.Body)
	event := reported(t, sentry, "request")
	require.Equal(t, map[string]string{
		"request_id": "breaks", "user_id": who.Session.User.ID.String(), "method": "POST", "route": "/api/v1/project",
		"status": "500", "code": "internal",
	}, event.Tags)
	require.Contains(t, event.Exception[0].Value, "*pgconn.PgError")
	for _, secret := range []string{"I built a robot", who.Email, apptest.Password, who.Session.SessionToken, "Bearer", "insert into", "127.0.0.1"} {
		require.NotContains(t, event.Raw, secret)
	}
}
