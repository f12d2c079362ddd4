package handler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// browser keeps the two cookies of a session, and nothing else of what a browser does.
type browser struct {
	app           *apptest.App
	refresh, csrf *http.Cookie
	token         string
}

// openByCookie signs in with cookie set to true.
func openByCookie(t *testing.T, app *apptest.App, email string) *browser {
	t.Helper()
	b := &browser{app: app}
	b.take(t, app.Do(t, http.MethodPost, apptest.BasePath+"/auth/signin",
		fmt.Sprintf(`{"email":%q,"password":%q,"cookie":true}`, email, apptest.Password), "Content-Type", "application/json"))
	return b
}

// take reads the answer of a sign-in or refresh.
func (b *browser) take(t *testing.T, answer apptest.Answer) {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
	var session client.Session
	require.NoError(t, json.Unmarshal(answer.Body, &session))
	require.Nil(t, session.RefreshToken, "out of the reach of scripts")
	b.token = session.SessionToken
	b.setCookies(t, answer)
}

func (b *browser) setCookies(t *testing.T, answer apptest.Answer) {
	t.Helper()
	for _, cookie := range (&http.Response{Header: answer.Header}).Cookies() {
		switch cookie.Name {
		case "mugshot_refresh":
			b.refresh = cookie
		case "mugshot_csrf":
			b.csrf = cookie
		default:
			require.Fail(t, "unknown cookie", cookie.Name)
		}
	}
}

// post sends both cookies, and csrf as the header unless it is empty.
func (b *browser) post(t *testing.T, path, csrf string, headers ...string) apptest.Answer {
	t.Helper()
	headers = append(headers, "Cookie", b.refresh.Name+"="+b.refresh.Value+"; "+b.csrf.Name+"="+b.csrf.Value)
	if csrf != "" {
		headers = append(headers, "X-CSRF-Token", csrf)
	}
	return b.app.Do(t, http.MethodPost, apptest.BasePath+path, "", headers...)
}

func TestRefreshSession_401_byCookie(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	b := openByCookie(t, app, app.SignUp(t).Email)
	b.refresh.Value = "forged"
	b.post(t, "/auth/refresh", b.csrf.Value).Problem(t, http.StatusUnauthorized, client.ErrorCodeInvalidRefreshToken)
}

func TestSignOut_204_keepsTheCookiesOfAnotherSession(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	b := openByCookie(t, app, account.Email)
	answer := b.post(t, "/auth/signout", b.csrf.Value, "Authorization", "Bearer "+account.Session.SessionToken)
	require.Equal(t, http.StatusNoContent, answer.Status, "%s", answer.Body)
	require.Empty(t, answer.Header["Set-Cookie"])
	b.take(t, b.post(t, "/auth/refresh", b.csrf.Value))
}
