package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/testkit/apptest"
)

func newChat(t testing.TB, who *apptest.Account) uuid.UUID {
	t.Helper()
	res, err := who.NewChatWithResponse(t.Context(), client.ChatCreate{})
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	return res.JSON201.ChatID
}

// say sends a message for which nobody has to write a reply.
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

func TestChat_201_itsWholeLife(t *testing.T) {
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
	freed, err := ada.UpdateChatWithResponse(t.Context(), id, client.ChatUpdate{ProjectID: nullable.NewNullNullable[uuid.UUID]()})
	require.NoError(t, err)
	require.True(t, freed.JSON200.ProjectID.IsNull())
	require.Equal(t, "Better robots", freed.JSON200.SessionName)

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

func TestNewChat_400_somebodyElsesProject(t *testing.T) {
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

// Whoever asks for another's chat, or a reply in it, learns nothing.
func TestChat_404_somebodyElses(t *testing.T) {
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

// A reply of one chat is no reply of another, and what a person said is none at all.
func TestStopReply_404_noReplyOfThisChat(t *testing.T) {
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

// patiently sends a message again where a machine that is too busy could not even count the request.
func patiently(who *apptest.Account, chatID uuid.UUID, message client.MessageCreate) (*client.SendMessageResponse, error) {
	for {
		res, err := who.SendMessageWithResponse(context.Background(), chatID, nil, message)
		if err != nil || res.StatusCode() != http.StatusServiceUnavailable {
			return res, err
		}
	}
}

func TestSendMessage_201_sixtyFourWriters(t *testing.T) {
	t.Parallel()
	const writers, each = 64, 4
	app := apptest.New(t, apptest.With("RATE_LIMIT_FACTOR", "1000"), apptest.With("CHAT_USER_REPLIES", "512"))
	ada := app.SignUp(t)
	shared := newChat(t, ada)
	own := make([]uuid.UUID, writers)
	var sending sync.WaitGroup
	failures := make(chan string, 2*writers*each)
	send := func(chat uuid.UUID, content string, reply bool) {
		res, err := patiently(ada, chat, client.MessageCreate{Content: content, Reply: &reply})
		if err != nil || res.JSON201 == nil {
			failures <- fmt.Sprint(err, res)
		}
	}
	for i := range writers {
		own[i] = newChat(t, ada)
		sending.Go(func() {
			for n := range each {
				send(shared, fmt.Sprintf("%d/%d", i, n), n == 0)
				send(own[i], fmt.Sprint(n), n == 0)
			}
		})
	}
	sending.Wait()
	close(failures)
	for failure := range failures {
		require.Fail(t, failure)
	}
	check := func(chat uuid.UUID, want int) {
		all := allMessages(t, ada, chat, client.ListMessagesParamsOrderAsc, 100)
		require.Len(t, all, want)
		for i, m := range all {
			require.EqualValues(t, i+1, m.Seq)
			if m.Sender == client.MessageSenderAi {
				require.Equal(t, "0", all[i-1].Content[len(all[i-1].Content)-1:], "a reply stands behind what it answers")
			}
		}
	}
	check(shared, writers*(each+1))
	for _, chat := range own {
		check(chat, each+1)
	}
}

func allMessages(
	t testing.TB, who *apptest.Account, chat uuid.UUID, order client.ListMessagesParamsOrder, size client.Limit,
) (all []client.Message) {
	t.Helper()
	params := client.ListMessagesParams{Order: &order, Limit: &size}
	for {
		page, err := who.ListMessagesWithResponse(t.Context(), chat, &params)
		require.NoError(t, err)
		require.NotNil(t, page.JSON200, "%s", page.Body)
		all = append(all, page.JSON200.Items...)
		if page.JSON200.NextCursor.IsNull() {
			return all
		}
		params.Cursor = new(page.JSON200.NextCursor.MustGet())
	}
}

func TestListMessages_200_bothWays(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	for i := range 7 {
		say(t, ada, chat, fmt.Sprint("message ", i+1))
	}
	up := allMessages(t, ada, chat, client.ListMessagesParamsOrderAsc, 3)
	down := allMessages(t, ada, chat, client.ListMessagesParamsOrderDesc, 3)
	require.Len(t, up, 7)
	slices.Reverse(down)
	require.Equal(t, up, down)
	for i, m := range up {
		require.EqualValues(t, i+1, m.Seq)
		require.Equal(t, fmt.Sprint("message ", i+1), m.Content)
	}
}

// A page that was begun goes on without what came meanwhile, and a cursor of one order is refused by the other.
func TestListMessages_400_cursorOfTheOtherOrder(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	for range 3 {
		say(t, ada, chat, "Hello")
	}
	limit, desc := int64(1), client.ListMessagesParamsOrderDesc
	page, err := ada.ListMessagesWithResponse(t.Context(), chat, &client.ListMessagesParams{Order: &desc, Limit: &limit})
	require.NoError(t, err)
	require.EqualValues(t, 3, page.JSON200.Items[0].Seq)
	cursor := page.JSON200.NextCursor.MustGet()
	say(t, ada, chat, "Meanwhile")
	page, err = ada.ListMessagesWithResponse(t.Context(), chat, &client.ListMessagesParams{Order: &desc, Limit: &limit, Cursor: &cursor})
	require.NoError(t, err)
	require.EqualValues(t, 2, page.JSON200.Items[0].Seq)
	page, err = ada.ListMessagesWithResponse(t.Context(), chat, &client.ListMessagesParams{Cursor: &cursor})
	require.NoError(t, err)
	require.Equal(t, client.ErrorCodeInvalidCursor, page.JSON400.Error.Code)
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

func TestSendMessage_201_repeated(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	key := uuid.NewString()
	params := &client.SendMessageParams{IdempotencyKey: &key}
	var bodies []string
	for i := range 3 {
		res, err := ada.SendMessageWithResponse(t.Context(), chat, params, client.MessageCreate{Content: "Only once"})
		require.NoError(t, err)
		require.NotNil(t, res.JSON201, "%s", res.Body)
		require.Equal(t, i > 0, res.HTTPResponse.Header.Get("Idempotent-Replayed") == "true")
		bodies = append(bodies, string(res.Body))
	}
	require.Equal(t, bodies[0], bodies[1])
	require.Equal(t, bodies[0], bodies[2])
	require.Len(t, allMessages(t, ada, chat, client.ListMessagesParamsOrderAsc, 50), 2)
	other, err := ada.SendMessageWithResponse(t.Context(), chat, params, client.MessageCreate{Content: "Something else"})
	require.NoError(t, err)
	require.Equal(t, client.ErrorCodeIdempotencyConflict, other.JSON409.Error.Code)
}

// However many are asked for at once, over however many chats, no more than the limit are taken, and nothing of the others
// is stored.
func TestSendMessage_429_tooManyReplies(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("CHAT_USER_REPLIES", "3"), apptest.With("RATE_LIMIT_FACTOR", "100"))
	ada, bob := app.SignUp(t), app.SignUp(t)
	chats := []uuid.UUID{newChat(t, ada), newChat(t, ada)}
	statuses := make([]int, 24)
	var sending sync.WaitGroup
	for i := range statuses {
		sending.Go(func() {
			if res, err := patiently(ada, chats[i%2], client.MessageCreate{Content: "Me!"}); err == nil {
				statuses[i] = res.StatusCode()
			}
		})
	}
	sending.Wait()
	slices.Sort(statuses)
	require.Equal(t, append([]int{201, 201, 201}, slices.Repeat([]int{429}, 21)...), statuses)
	stored := 0
	var pending client.Message
	for _, chat := range chats {
		all := allMessages(t, ada, chat, client.ListMessagesParamsOrderAsc, 50)
		for i, m := range all {
			require.EqualValues(t, i+1, m.Seq)
			if m.Sender == client.MessageSenderAi {
				pending = m
			}
		}
		stored += len(all)
	}
	require.Equal(t, 6, stored)
	refused, err := ada.SendMessageWithResponse(t.Context(), chats[0], nil, client.MessageCreate{Content: "And me?"})
	require.NoError(t, err)
	require.Equal(t, client.ErrorCodeRateLimited, refused.JSON429.Error.Code)
	require.NotEmpty(t, refused.HTTPResponse.Header.Get("Retry-After"))
	say(t, ada, chats[0], "Then without a reply")
	ask(t, bob, newChat(t, bob), "And others are not held up")

	stopped, err := ada.StopReplyWithResponse(t.Context(), pending.ChatID, pending.ID)
	require.NoError(t, err)
	require.Equal(t, client.MessageStatusComplete, stopped.JSON200.Status)
	ask(t, ada, chats[0], "Now there is room")
	require.NoError(t, err)
}

func TestSendMessage_400_contents(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	for _, content := range []string{"", " \n\t ", strings.Repeat("é", 8001)} {
		res, err := ada.SendMessageWithResponse(t.Context(), chat, nil, client.MessageCreate{Content: content})
		require.NoError(t, err)
		require.NotNil(t, res.JSON400, "%q", content)
	}
	say(t, ada, chat, strings.Repeat("😀", 8000))
}
