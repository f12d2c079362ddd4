package api_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// quota is what the headers of an answer say about a rate limit.
type quota struct{ status, limit, remaining int }

// spend posts a request that is rate-limited.
func spend(t testing.TB, app *apptest.App, path, body string, headers ...string) (quota, apptest.Answer) {
	t.Helper()
	res := app.Do(t, "POST", apptest.BasePath+path, body, append(headers, "Content-Type", "application/json")...)
	reset := number(t, res, "RateLimit-Reset")
	require.Positive(t, reset)
	require.LessOrEqual(t, reset, 60)
	return quota{res.Status, number(t, res, "RateLimit-Limit"), number(t, res, "RateLimit-Remaining")}, res
}

func number(t testing.TB, res apptest.Answer, header string) int {
	t.Helper()
	n, err := strconv.Atoi(res.Header.Get(header))
	require.NoError(t, err, header)
	return n
}

func TestStartAuth_429(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("RATE_LIMIT_FACTOR", "0.1")) // 2 a minute for an account, 6 for an address
	ask := func(email string) (quota, apptest.Answer) {
		return spend(t, app, "/auth/start", `{"email":"`+email+`"}`)
	}
	for left := 1; left >= 0; left-- {
		got, _ := ask("ada@example.com")
		require.Equal(t, quota{200, 2, left}, got, "the tighter of the two budgets")
	}
	got, res := ask("ADA@example.com")
	require.Equal(t, quota{429, 2, 0}, got)
	res.Problem(t, 429, client.ErrorCodeRateLimited)
	wait := number(t, res, "Retry-After")
	require.Positive(t, wait)
	require.LessOrEqual(t, wait, 60)

	another, _ := ask("grace@example.com")
	require.Equal(t, 200, another.status, "another account has a budget of its own")
}

func TestQueueProject_429(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("RATE_LIMIT_FACTOR", "0.03")) // 3 a minute and account
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	queue := func() (quota, apptest.Answer) {
		return spend(t, app, "/project/"+createProject(t, who, draft()).ID.String()+"/queue", `{"quality":"draft","variants":1}`,
			"Authorization", "Bearer "+who.Session.SessionToken)
	}
	for left := 2; left >= 0; left-- {
		got, res := queue()
		require.Equal(t, quota{201, 3, left}, got, "%s", res.Body)
	}
	_, res := queue()
	res.Problem(t, 429, client.ErrorCodeRateLimited)
	require.EqualValues(t, 7, balance(t, who), "what is not limited goes on, and nothing was charged")
}

// An account that opens streams without end keeps neither others nor its own requests out.
func TestStreamChatEvents_429_tooManyStreams(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("API_USER_STREAMS", "2"))
	ada, eve := app.SignUp(t), app.SignUp(t)
	open := func(who *apptest.Account) (*http.Response, func()) {
		begun, err := who.NewChatWithResponse(t.Context(), client.ChatCreate{})
		require.NoError(t, err)
		require.NotNil(t, begun.JSON201, "%s", begun.Body)
		ctx, cancel := context.WithCancel(t.Context())
		res, err := who.StreamChatEvents(ctx, begun.JSON201.ChatID, nil)
		require.NoError(t, err)
		t.Cleanup(func() { cancel(); _ = res.Body.Close() })
		return res, cancel
	}
	_, closeFirst := open(ada)
	second, _ := open(ada)
	require.Equal(t, http.StatusOK, second.StatusCode)
	refused, _ := open(ada)
	require.Equal(t, http.StatusTooManyRequests, refused.StatusCode)
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
	others, _ := open(eve)
	require.Equal(t, http.StatusOK, others.StatusCode)
	closeFirst()
	require.Eventually(t, func() bool { res, _ := open(ada); return res.StatusCode == http.StatusOK }, 10*time.Second, 10*time.Millisecond)
}
