package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// browser is a client that keeps the cookies of a session. They are Secure, so that the HTTP client would not send them back
// to a test server without TLS by itself.
type browser struct {
	*client.ClientWithResponses

	session       client.Session
	refresh, csrf *http.Cookie
}

func openBrowser(t testing.TB, app *apptest.App) *browser {
	t.Helper()
	who := app.SignUp(t)
	res, err := app.Client("").SignInWithResponse(t.Context(),
		client.SignInRequest{Email: who.Email, Password: apptest.Password, Cookie: new(true)})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	b := &browser{ClientWithResponses: app.Client(res.JSON200.SessionToken), session: *res.JSON200}
	b.keep(t, res.HTTPResponse)
	return b
}

func (b *browser) keep(t testing.TB, res *http.Response) {
	t.Helper()
	cookies := res.Cookies()
	require.Len(t, cookies, 2)
	b.refresh, b.csrf = cookies[0], cookies[1]
}

func (b *browser) params(csrf *string) *client.RefreshSessionParams {
	return &client.RefreshSessionParams{XCSRFToken: csrf, MugshotRefresh: &b.refresh.Value, MugshotCsrf: &b.csrf.Value}
}

func TestSignIn_200_cookie(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	require.Nil(t, b.session.RefreshToken, "out of reach of scripts")
	require.Equal(t, "mugshot_refresh", b.refresh.Name)
	require.Equal(t, apptest.BasePath+"/auth", b.refresh.Path)
	require.True(t, b.refresh.HttpOnly)
	require.Equal(t, "mugshot_csrf", b.csrf.Name)
	require.Equal(t, "/", b.csrf.Path)
	require.False(t, b.csrf.HttpOnly, "scripts have to read it")
	for _, c := range []*http.Cookie{b.refresh, b.csrf} {
		require.True(t, c.Secure)
		require.Equal(t, http.SameSiteStrictMode, c.SameSite)
		require.Empty(t, c.Domain)
		require.WithinDuration(t, app.Clock.Now().Add(720*time.Hour), c.Expires, time.Minute)
	}
}

func TestRefreshSession_200_cookie(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	spent := *b.refresh
	res, err := app.Client("").RefreshSessionWithResponse(t.Context(), b.params(&b.csrf.Value), client.RefreshRequest{})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.Nil(t, res.JSON200.RefreshToken)
	b.keep(t, res.HTTPResponse)
	require.NotEqual(t, spent.Value, b.refresh.Value)
	again, err := app.Client("").RefreshSessionWithResponse(t.Context(), b.params(&b.csrf.Value), client.RefreshRequest{})
	require.NoError(t, err)
	require.NotNil(t, again.JSON200, "%s", again.Body)
}

func TestRefreshSession_403_csrfFailed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b, another := openBrowser(t, app), openBrowser(t, app)
	tossed := b.params(&another.csrf.Value) // another session's, in both places
	tossed.MugshotCsrf = &another.csrf.Value
	for name, params := range map[string]*client.RefreshSessionParams{
		"no token":          b.params(nil),
		"a wrong token":     b.params(new("guessed")),
		"another session's": tossed,
	} {
		res, err := app.Client("").RefreshSessionWithResponse(t.Context(), params, client.RefreshRequest{})
		require.NoError(t, err)
		refused(t, res.JSON403, res.Body, client.ErrorCodeCsrfFailed)
		require.Empty(t, res.HTTPResponse.Cookies(), name)
	}
	res, err := app.Client("").RefreshSessionWithResponse(t.Context(), b.params(&b.csrf.Value), client.RefreshRequest{})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "the attempts have spent nothing: %s", res.Body)
}

func TestSignOut_204_cookie(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	forged, err := b.SignOutWithResponse(t.Context(), &client.SignOutParams{MugshotRefresh: &b.refresh.Value, MugshotCsrf: &b.csrf.Value})
	require.NoError(t, err)
	refused(t, forged.JSON403, forged.Body, client.ErrorCodeCsrfFailed)

	res, err := b.SignOutWithResponse(t.Context(),
		&client.SignOutParams{MugshotRefresh: &b.refresh.Value, MugshotCsrf: &b.csrf.Value, XCSRFToken: &b.csrf.Value})
	require.NoError(t, err)
	require.Equal(t, 204, res.StatusCode(), "%s", res.Body)
	cookies := res.HTTPResponse.Cookies()
	require.Len(t, cookies, 2)
	for _, c := range cookies {
		require.Empty(t, c.Value)
		require.True(t, c.Expires.Before(time.Now()), "browsers forget it")
	}
	require.True(t, strings.HasSuffix(cookies[0].Path, "/auth"), "cookies are told apart by their paths")
	after, err := app.Client("").RefreshSessionWithResponse(t.Context(), b.params(&b.csrf.Value), client.RefreshRequest{})
	require.NoError(t, err)
	refused(t, after.JSON401, after.Body, client.ErrorCodeInvalidRefreshToken)
}

// requireForgotten expects an answer that makes the browser forget both cookies.
func requireForgotten(t testing.TB, res *http.Response) {
	t.Helper()
	cookies := res.Cookies()
	require.Len(t, cookies, 2)
	require.Equal(t, []string{"mugshot_refresh", "mugshot_csrf"}, []string{cookies[0].Name, cookies[1].Name})
	require.Equal(t, []string{apptest.BasePath + "/auth", "/"}, []string{cookies[0].Path, cookies[1].Path})
	for _, c := range cookies {
		require.Empty(t, c.Value)
		require.True(t, c.Expires.Before(time.Now()))
	}
}

// A browser whose session is over would send its cookies for weeks.
func TestRefreshSession_401_deadCookiesAreForgotten(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	revoked, err := b.RevokeSessionWithResponse(t.Context(), b.session.SessionID)
	require.NoError(t, err)
	require.Equal(t, 204, revoked.StatusCode())
	res, err := app.Client("").RefreshSessionWithResponse(t.Context(), b.params(&b.csrf.Value), client.RefreshRequest{})
	require.NoError(t, err)
	refused(t, res.JSON401, res.Body, client.ErrorCodeInvalidRefreshToken)
	requireForgotten(t, res.HTTPResponse)

	csrfAlone, err := app.Client("").RefreshSessionWithResponse(t.Context(),
		&client.RefreshSessionParams{MugshotCsrf: &b.csrf.Value}, client.RefreshRequest{})
	require.NoError(t, err)
	refused(t, csrfAlone.JSON401, csrfAlone.Body, client.ErrorCodeInvalidRefreshToken)
	requireForgotten(t, csrfAlone.HTTPResponse)

	bare, err := app.Client("").RefreshSessionWithResponse(t.Context(), nil, client.RefreshRequest{})
	require.NoError(t, err)
	refused(t, bare.JSON401, bare.Body, client.ErrorCodeInvalidRefreshToken)
	require.Empty(t, bare.HTTPResponse.Cookies(), "another site can't sign its visitors out: cookies do not come along from there")
}

func TestSignOut_401_deadCookiesAreForgotten(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	app.Clock.Advance(time.Hour)
	res, err := b.SignOutWithResponse(t.Context(),
		&client.SignOutParams{MugshotRefresh: &b.refresh.Value, MugshotCsrf: &b.csrf.Value, XCSRFToken: &b.csrf.Value})
	require.NoError(t, err)
	refused(t, res.JSON401, res.Body, client.ErrorCodeUnauthenticated)
	requireForgotten(t, res.HTTPResponse)
}

func TestDeleteMe_204_cookiesAreForgotten(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	res, err := b.DeleteMeWithResponse(t.Context(), client.DeleteMeRequest{Password: apptest.Password})
	require.NoError(t, err)
	require.Equal(t, 204, res.StatusCode(), "%s", res.Body)
	requireForgotten(t, res.HTTPResponse)
}

// Of two cookies of one name one may be of a stranger, who has a page on a sister host: none is chosen.
func TestRefreshSession_400_aCookieThatComesTwice(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openBrowser(t, app)
	for _, name := range []string{b.refresh.Name, b.csrf.Name} {
		for _, cookies := range []string{name + "=strangers; ", ""} {
			own := b.refresh.Name + "=" + b.refresh.Value + "; " + b.csrf.Name + "=" + b.csrf.Value
			if cookies == "" {
				own += "; " + name + "=strangers"
			}
			answer := app.Do(t, http.MethodPost, apptest.BasePath+"/auth/refresh", "",
				"Cookie", cookies+own, "X-CSRF-Token", b.csrf.Value)
			answer.Problem(t, http.StatusBadRequest, client.ErrorCodeValidationFailed)
			require.Contains(t, string(answer.Body), `"field":"`+name+`","in":"cookie","code":"repeated"`)
			requireForgotten(t, &http.Response{Header: answer.Header})
		}
	}
	res, err := app.Client("").RefreshSessionWithResponse(t.Context(), b.params(&b.csrf.Value), client.RefreshRequest{})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "nothing was spent: %s", res.Body)
}
