package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestSignIn_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	res := signIn(t, app, strings.ToUpper(who.Email), apptest.Password)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	session := *res.JSON200
	require.Equal(t, client.SessionTokenTypeBearer, session.TokenType)
	require.EqualValues(t, 900, session.ExpiresIn)
	require.NotNil(t, session.RefreshToken)
	require.Empty(t, res.HTTPResponse.Cookies(), "cookies are set on request only")
	require.Equal(t, "no-store", res.HTTPResponse.Header.Get("Cache-Control"))
	require.NotEqual(t, who.Session.SessionID, session.SessionID, "each sign-in is a session of its own")
	me, err := app.Client(session.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	me.JSON200.Limits, me.JSON200.Usage = nil, nil // which getMe alone answers
	require.Equal(t, &session.User, me.JSON200)
}

func TestSignIn_401(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	wrong, unknown := signIn(t, app, who.Email, "not the password"), signIn(t, app, "stranger@example.com", apptest.Password)
	refused(t, wrong.JSON401, wrong.Body, client.ErrorCodeInvalidCredentials)
	require.Equal(t, string(wrong.Body), string(unknown.Body), "nothing tells whether there is an account")
	require.Equal(t, `Bearer realm="mugshot"`, wrong.Headers401.WWWAuthenticate)
}

func TestSignIn_403_emailNotConfirmed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	wish := apptest.NewAccount()
	require.NotNil(t, signUp(t, app, wish).JSON201)
	res := signIn(t, app, wish.Email, wish.Password)
	refused(t, res.JSON403, res.Body, client.ErrorCodeEmailNotConfirmed)
	guessed := signIn(t, app, wish.Email, "not the password")
	refused(t, guessed.JSON401, guessed.Body, client.ErrorCodeInvalidCredentials)
}

func TestSignIn_429_locked(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	for range 5 {
		res := signIn(t, app, who.Email, "not the password")
		refused(t, res.JSON401, res.Body, client.ErrorCodeInvalidCredentials)
	}
	res := signIn(t, app, who.Email, apptest.Password)
	refused(t, res.JSON429, res.Body, client.ErrorCodeAccountLocked)
	require.InDelta(t, 60, res.Headers429.RetryAfter, 10)
	require.EqualValues(t, 0, balance(t, who), "open sessions go on")
}

func refresh(t testing.TB, app *apptest.App, token string) *client.RefreshSessionResponse {
	t.Helper()
	res, err := app.Client("").RefreshSessionWithResponse(t.Context(), nil, client.RefreshRequest{RefreshToken: &token})
	require.NoError(t, err)
	return res
}

func TestRefreshSession_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Clock.Advance(time.Hour)
	res := refresh(t, app, *who.Session.RefreshToken)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.Equal(t, who.Session.SessionID, res.JSON200.SessionID, "the session goes on")
	require.NotEqual(t, who.Session.RefreshToken, res.JSON200.RefreshToken)
	require.Empty(t, res.HTTPResponse.Cookies())
	me, err := app.Client(res.JSON200.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON200)

	retried := refresh(t, app, *who.Session.RefreshToken)
	require.NotNil(t, retried.JSON200, "a lost answer is answered again: %s", retried.Body)
	require.Equal(t, res.JSON200.RefreshToken, retried.JSON200.RefreshToken)
}

func TestRefreshSession_401_spentTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	next := refresh(t, app, *who.Session.RefreshToken)
	require.NotNil(t, next.JSON200, "%s", next.Body)
	app.Clock.Advance(11 * time.Second)
	lost := refresh(t, app, *who.Session.RefreshToken)
	require.NotNil(t, lost.JSON200, "its successor is unused: %s", lost.Body)
	used := refresh(t, app, *next.JSON200.RefreshToken)
	require.NotNil(t, used.JSON200, "%s", used.Body)
	stolen := refresh(t, app, *who.Session.RefreshToken)
	refused(t, stolen.JSON401, stolen.Body, client.ErrorCodeInvalidRefreshToken)
	heir := refresh(t, app, *used.JSON200.RefreshToken)
	refused(t, heir.JSON401, heir.Body, client.ErrorCodeInvalidRefreshToken)
	me, err := app.Client(next.JSON200.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	refused(t, me.JSON401, me.Body, client.ErrorCodeUnauthenticated)
}

func TestRefreshSession_401(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res := refresh(t, app, "none of ours")
	refused(t, res.JSON401, res.Body, client.ErrorCodeInvalidRefreshToken)
	bare := app.Do(t, "POST", apptest.BasePath+"/auth/refresh", "")
	bare.Problem(t, 401, client.ErrorCodeInvalidRefreshToken)
}

func TestSignOut_204(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	other := apptest.New(t, apptest.Beside(app))
	who := app.SignUp(t)
	elsewhere := app.SignIn(t, who.Email)
	res, err := who.SignOutWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 204, res.StatusCode(), "%s", res.Body)
	for _, process := range []*apptest.App{app, other} {
		me, err := process.Client(who.Session.SessionToken).GetMeWithResponse(t.Context())
		require.NoError(t, err)
		refused(t, me.JSON401, me.Body, client.ErrorCodeUnauthenticated)
		again := refresh(t, process, *who.Session.RefreshToken)
		refused(t, again.JSON401, again.Body, client.ErrorCodeInvalidRefreshToken)
	}
	require.EqualValues(t, 0, balance(t, elsewhere), "other sessions go on")
}

func TestSignOut_401(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res, err := app.Client("").SignOutWithResponse(t.Context(), nil)
	require.NoError(t, err)
	refused(t, res.JSON401, res.Body, client.ErrorCodeUnauthenticated)
}
