package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// The position of a chat in a year that Postgres does not have: with the checksum that cursors had once, and in the form that
// they have now, with zeros for the MAC.
func TestListChats_400_forgedCursor(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	for _, forged := range []string{"aP0PfMFBH6AAAAAAAAAAAAAAAAAAAAAAAMwSr2c", "aP0PfMFBH6" + strings.Repeat("A", 45)} {
		res, err := who.ListChatsWithResponse(t.Context(), &client.ListChatsParams{Cursor: &forged})
		require.NoError(t, err)
		refused(t, res.JSON400, res.Body, client.ErrorCodeInvalidCursor)
	}
}

// A cursor of the time before a change of JWT_SECRET leads on for as long as the previous secret is accepted.
func TestListProjects_200_cursorOfThePreviousSecret(t *testing.T) {
	t.Parallel()
	const former, present = "the secret of yesterday that is long enough", "the secret of today that is long enough as well"
	yesterday := apptest.New(t, apptest.With("JWT_SECRET", former))
	who, one := yesterday.SignUp(t), int64(1)
	first, second := createProject(t, who, draft()), createProject(t, who, draft())
	page, err := who.ListProjectsWithResponse(t.Context(), &client.ListProjectsParams{Limit: &one})
	require.NoError(t, err)
	require.NotNil(t, page.JSON200, "%s", page.Body)
	require.Equal(t, second.ID, page.JSON200.Items[0].ID)
	cursor := page.JSON200.NextCursor.MustGet()

	today := apptest.New(t, apptest.Beside(yesterday), apptest.With("JWT_SECRET", present), apptest.With("JWT_SECRET_PREVIOUS", former))
	page, err = today.Client(who.Session.SessionToken).ListProjectsWithResponse(t.Context(), &client.ListProjectsParams{Cursor: &cursor})
	require.NoError(t, err)
	require.NotNil(t, page.JSON200, "%s", page.Body)
	require.Equal(t, first.ID, page.JSON200.Items[0].ID)
}

// A proxy that compresses an answer makes its tag weak, and a client may name all that it has seen.
func TestUpdateProject_200_weakTagsAndLists(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	project := createProject(t, who, draft())
	width, other := int64(1024), `W/"8", "9"`
	res, err := who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: &other}, client.ProjectUpdate{Width: &width})
	require.NoError(t, err)
	refused(t, res.JSON409, res.Body, client.ErrorCodeVersionConflict)
	weak := `W/"8", W/"1"`
	res, err = who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: &weak}, client.ProjectUpdate{Width: &width})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
}
