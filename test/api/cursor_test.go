package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// The position of a chat in a year that Postgres does not have, with the checksum that cursors had once.
func TestListChats_400_forgedCursor(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	forged := "aP0PfMFBH6AAAAAAAAAAAAAAAAAAAAAAAMwSr2c"
	res, err := who.ListChatsWithResponse(t.Context(), &client.ListChatsParams{Cursor: &forged})
	require.NoError(t, err)
	refused(t, res.JSON400, res.Body, client.ErrorCodeInvalidCursor)
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
