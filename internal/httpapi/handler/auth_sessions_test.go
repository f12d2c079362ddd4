package handler_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestListSessions_200_pageByPage(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	want := []uuid.UUID{account.Session.SessionID}
	for range 4 {
		want = append([]uuid.UUID{app.SignIn(t, account.Email).Session.SessionID}, want...)
	}
	var got []uuid.UUID
	limit := int64(2)
	params := &client.ListSessionsParams{Limit: &limit}
	for {
		page, err := account.ListSessionsWithResponse(t.Context(), params)
		require.NoError(t, err)
		require.NotNil(t, page.JSON200, "%s", page.Body)
		for _, session := range page.JSON200.Items {
			got = append(got, session.ID)
			require.Equal(t, session.ID == account.Session.SessionID, session.Current)
			require.Equal(t, "127.0.0.1", session.IP)
			require.NotEmpty(t, session.UserAgent)
		}
		if page.JSON200.NextCursor.IsNull() {
			break
		}
		cursor := page.JSON200.NextCursor.MustGet()
		params.Cursor = &cursor
	}
	require.Equal(t, want, got)
}

func TestListSessions_400_invalidCursor(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	cursor := "nonsense"
	res, err := account.ListSessionsWithResponse(t.Context(), &client.ListSessionsParams{Cursor: &cursor})
	require.NoError(t, err)
	require.NotNil(t, res.JSON400, "%s", res.Body)
	require.Equal(t, client.ErrorCodeInvalidCursor, res.JSON400.Error.Code)
}

func revoke(t *testing.T, account *apptest.Account, sessionID uuid.UUID) (status int) {
	t.Helper()
	res, err := account.RevokeSessionWithResponse(t.Context(), sessionID)
	require.NoError(t, err)
	return res.StatusCode()
}

func TestRevokeSession_204(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	other := app.SignIn(t, account.Email)
	require.Equal(t, http.StatusNoContent, revoke(t, account, other.Session.SessionID))
	gone, err := other.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, gone.JSON401)
	require.Equal(t, http.StatusNotFound, revoke(t, account, other.Session.SessionID), "the second time")
}

func TestRevokeSession_404_ofAnotherAccount(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account, stranger := app.SignUp(t), app.SignUp(t)
	require.Equal(t, http.StatusNotFound, revoke(t, account, stranger.Session.SessionID))
	there, err := stranger.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, there.JSON200)
}

func TestRevokeOtherSessions_204(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	other := app.SignIn(t, account.Email)
	res, err := account.RevokeOtherSessionsWithResponse(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, res.StatusCode(), "%s", res.Body)
	gone, err := other.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, gone.JSON401)
	here, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, here.JSON200)
}
