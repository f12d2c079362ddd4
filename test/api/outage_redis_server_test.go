//go:build redis_server

package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// While Redis is down, guesses can't be counted, so that operations with a rate limit are refused, at once. The others go on.
func TestApp_refusesOnlyWhatIsLimitedWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	redis := redistest.Real(t)
	app := apptest.New(t, apptest.With("REDIS_URL", redis.URL()), quiet())
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	project := createProject(t, who, draft())
	redis.Kill()

	fastest := time.Hour // of a few, since this machine may be busy
	for range 5 {
		begun := time.Now()
		res := signIn(t, app, who.Email, apptest.Password)
		fastest = min(fastest, time.Since(begun))
		refused(t, res.JSON503, res.Body, client.ErrorCodeUnavailable)
		require.Positive(t, res.Headers503.RetryAfter)
	}
	require.Less(t, fastest, time.Second)
	queued, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, order())
	require.NoError(t, err)
	refused(t, queued.JSON503, queued.Body, client.ErrorCodeUnavailable)
	require.EqualValues(t, 5, balance(t, who), "reads go on, and nothing was charged")
	createProject(t, who, draft())
	require.Len(t, listProjects(t, who, nil), 2)
	require.Equal(t, http.StatusServiceUnavailable, app.Do(t, "GET", "/readyz", "").Status)
	require.Equal(t, http.StatusOK, app.Do(t, "GET", "/healthz", "").Status)

	require.NoError(t, redis.Restart(t.Context()))
	app.SignIn(t, who.Email)
	queueProject(t, who, project.ID)
	// The look that answered 503 counts for a second.
	require.Eventually(t, func() bool { return app.Do(t, "GET", "/readyz", "").Status == http.StatusOK }, 20*time.Second, 100*time.Millisecond)
}
