package apptest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	openapi_types "github.com/oapi-codegen/runtime/types"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
)

// Password is the password of every account that [App.SignUp] makes.
const Password = "paint-the-sky-9"

// Account is the client of an account that has signed in.
type Account struct {
	*client.ClientWithResponses // with the session's token

	Email   string
	Session client.Session
}

// Client returns the generated client with a session token, or without authentication if it is empty.
func (a *App) Client(token string) *client.ClientWithResponses {
	bearer := func(_ context.Context, r *http.Request) error {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	}
	c, err := client.NewClientWithResponses(a.URL+BasePath, client.WithHTTPClient(a.HTTP), client.WithRequestEditorFn(bearer))
	if err != nil {
		panic(err) // the address of a test server can be parsed
	}
	return c
}

// NewAccount returns a valid request to sign up, with a unique address and username.
func NewAccount() client.SignUpRequest {
	name := strings.ReplaceAll(newID().String(), "-", "")[12:]
	return client.SignUpRequest{
		Email: name + "@example.com", Password: Password, ConfirmPassword: Password, Username: name,
		FullName: "Ada Lovelace", Dob: openapi_types.Date{Time: time.Date(1995, time.December, 10, 0, 0, 0, 0, time.UTC)},
	}
}

// SignUp makes an account without credits and signs it in. Its address is confirmed in the database, so that no mail is sent
// and no bonus is given.
func (a *App) SignUp(t testing.TB) *Account {
	t.Helper()
	wish := NewAccount()
	created, err := a.Client("").SignUpWithResponse(t.Context(), wish)
	require.NoError(t, err)
	require.NotNil(t, created.JSON201, "%s", created.Body)
	_, err = a.Store.Queries().UserConfirmEmail(t.Context(), db.UserConfirmEmailParams{ID: created.JSON201.UserID, Now: a.Clock.Now()})
	require.NoError(t, err)
	return a.SignIn(t, wish.Email)
}

// SignIn opens another session of an account that [App.SignUp] made.
func (a *App) SignIn(t testing.TB, email string) *Account {
	t.Helper()
	res, err := a.Client("").SignInWithResponse(t.Context(), client.SignInRequest{Email: email, Password: Password})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	return &Account{ClientWithResponses: a.Client(res.JSON200.SessionToken), Email: email, Session: *res.JSON200}
}

// Grant gives credits to an account, as an operator does.
func (a *App) Grant(t testing.TB, email string, credits int64) {
	t.Helper()
	_, err := a.app.Credits().GiveByEmail(t.Context(), email, credits)
	require.NoError(t, err)
}
