package api_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func newChat(t testing.TB, who *apptest.Account) uuid.UUID {
	t.Helper()
	res, err := who.NewChatWithResponse(t.Context(), client.ChatCreate{})
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	return res.JSON201.ChatID
}

// say sends a message without requesting a reply.
func say(t testing.TB, who *apptest.Account, chatID uuid.UUID, content string) client.Message {
	t.Helper()
	res, err := who.SendMessageWithResponse(t.Context(), chatID, nil, client.MessageCreate{Content: content, Reply: new(false)})
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	require.True(t, res.JSON201.Reply.IsNull())
	return res.JSON201.Message
}

// ask sends a message and returns the reply to come.
func ask(t testing.TB, who *apptest.Account, chatID uuid.UUID, content string) client.Message {
	t.Helper()
	res, err := who.SendMessageWithResponse(t.Context(), chatID, nil, client.MessageCreate{Content: content})
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	reply := res.JSON201.Reply.MustGet()
	require.Equal(t, client.MessageStatusPending, reply.Status)
	require.Equal(t, client.MessageSenderAi, reply.Sender)
	require.Equal(t, res.JSON201.Message.Seq+1, reply.Seq)
	return reply
}

func TestNewChat_201_untilItIsDeleted(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("PUBLIC_APP_URL", "https://studio.example/"))
	ada := app.SignUp(t)
	created, err := ada.NewChatWithResponse(t.Context(), client.ChatCreate{SessionName: new("Robots")})
	require.NoError(t, err)
	require.NotNil(t, created.JSON201, "%s", created.Body)
	id := created.JSON201.ChatID
	require.Equal(t, "https://studio.example/c/"+id.String(), created.JSON201.URL)

	read, err := ada.GetChatWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "Robots", read.JSON200.SessionName)
	require.Equal(t, created.JSON201.URL, read.JSON200.URL)
	require.Zero(t, read.JSON200.LastSeq)

	project, err := ada.CreateProjectWithResponse(t.Context(), nil, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube, Prompt: client.Prompt{Headline: "x"},
	})
	require.NoError(t, err)
	renamed, err := ada.UpdateChatWithResponse(t.Context(), id, client.ChatUpdate{
		SessionName: new("Better robots"), ProjectID: nullable.NewNullableWithValue(project.JSON201.ID),
	})
	require.NoError(t, err)
	require.NotNil(t, renamed.JSON200, "%s", renamed.Body)
	require.Equal(t, "Better robots", renamed.JSON200.SessionName)
	require.Equal(t, project.JSON201.ID, renamed.JSON200.ProjectID.MustGet())
	detached, err := ada.UpdateChatWithResponse(t.Context(), id, client.ChatUpdate{ProjectID: nullable.NewNullNullable[uuid.UUID]()})
	require.NoError(t, err)
	require.True(t, detached.JSON200.ProjectID.IsNull())
	require.Equal(t, "Better robots", detached.JSON200.SessionName)

	say(t, ada, id, "Hello")
	gone, err := ada.DeleteChatWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, gone.StatusCode())
	for range 2 {
		again, err := ada.DeleteChatWithResponse(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, again.StatusCode())
	}
}

func TestNewChat_400_aNameThatShowsNothingOrSomethingElse(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	for name, want := range map[string]string{
		"\u200b": "body /session_name: required", " \u3000": "body /session_name: required",
		"x\u202egpj": "body /session_name: invalid_characters", "a\u0085b": "body /session_name: invalid_characters",
	} {
		begun, err := ada.NewChatWithResponse(t.Context(), client.ChatCreate{SessionName: &name})
		require.NoError(t, err)
		require.Equal(t, []string{want}, fields(t, refused(t, begun.JSON400, begun.Body, client.ErrorCodeValidationFailed)), "%q", name)
		changed, err := ada.UpdateChatWithResponse(t.Context(), chat, client.ChatUpdate{SessionName: &name})
		require.NoError(t, err)
		require.Equal(t, []string{want}, fields(t, refused(t, changed.JSON400, changed.Body, client.ErrorCodeValidationFailed)), "%q", name)
	}
	none, err := ada.UpdateChatWithResponse(t.Context(), chat, client.ChatUpdate{SessionName: new("")})
	require.NoError(t, err)
	require.NotNil(t, none.JSON200, "a chat may have no name: %s", none.Body)
}

func TestNewChat_400_projectOfAnotherAccount(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada, bob := app.SignUp(t), app.SignUp(t)
	project, err := bob.CreateProjectWithResponse(t.Context(), nil, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube, Prompt: client.Prompt{Headline: "x"},
	})
	require.NoError(t, err)
	refused, err := ada.NewChatWithResponse(t.Context(), client.ChatCreate{ProjectID: &project.JSON201.ID})
	require.NoError(t, err)
	require.NotNil(t, refused.JSON400, "%s", refused.Body)
	require.Equal(t, "/project_id", refused.JSON400.Error.Details.Fields[0].Field)
	chat := newChat(t, ada)
	changed, err := ada.UpdateChatWithResponse(t.Context(), chat, client.ChatUpdate{ProjectID: nullable.NewNullableWithValue(project.JSON201.ID)})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON400, "%s", changed.Body)
}

// Every operation on another account's chat, or on a reply in it, answers as if there were none.
func TestChat_isHiddenFromOtherAccounts(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada, bob := app.SignUp(t), app.SignUp(t)
	chat := newChat(t, ada)
	reply := ask(t, ada, chat, "Hello there")
	base := apptest.BasePath + "/chat/" + chat.String()
	token := "Bearer " + bob.Session.SessionToken
	for _, call := range [][2]string{
		{"GET", base},
		{"DELETE", base},
		{"GET", base + "/messages"},
		{"GET", base + "/events"},
		{"POST", base + "/messages/" + reply.ID.String() + "/stop"},
		{"POST", base + "/messages/" + reply.ID.String() + "/retry"},
	} {
		app.Do(t, call[0], call[1], "", "Authorization", token).Problem(t, http.StatusNotFound, client.ErrorCodeNotFound)
	}
	json := []string{"Authorization", token, "Content-Type", "application/json"}
	app.Do(t, "PATCH", base, `{"session_name":"mine"}`, json...).Problem(t, http.StatusNotFound, client.ErrorCodeNotFound)
	app.Do(t, "POST", base+"/messages", `{"content":"hi"}`, json...).Problem(t, http.StatusNotFound, client.ErrorCodeNotFound)
}

// Neither the id of a reply in another chat nor that of a user's message is the id of a reply in this chat.
func TestStopReply_404_notAReplyOfThisChat(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	here, there := newChat(t, ada), newChat(t, ada)
	reply, said := ask(t, ada, here, "Hello there"), say(t, ada, here, "Hello?")
	for chat, id := range map[uuid.UUID]uuid.UUID{there: reply.ID, here: said.ID} {
		res, err := ada.StopReplyWithResponse(t.Context(), chat, id)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, res.StatusCode())
	}
}

func TestListChats_200_latestFirst(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	var chats []uuid.UUID
	for range 5 {
		chats = append(chats, newChat(t, ada))
	}
	newChat(t, app.SignUp(t))
	say(t, ada, chats[1], "Back to this one")
	want := []uuid.UUID{chats[1], chats[4], chats[3], chats[2], chats[0]}
	var got []uuid.UUID
	limit := int64(2)
	params := client.ListChatsParams{Limit: &limit}
	for pages := 0; ; pages++ {
		page, err := ada.ListChatsWithResponse(t.Context(), &params)
		require.NoError(t, err)
		require.NotNil(t, page.JSON200, "%s", page.Body)
		for _, c := range page.JSON200.Items {
			got = append(got, c.ID)
		}
		if pages == 0 {
			say(t, ada, chats[1], "which moves to the front, where it has been seen")
		}
		if page.JSON200.NextCursor.IsNull() {
			break
		}
		params.Cursor = new(page.JSON200.NextCursor.MustGet())
	}
	require.Equal(t, want, got)
}
