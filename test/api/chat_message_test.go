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
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// sendAgain repeats a message that was answered with 503, which a busy machine causes when the rate limit's counter is too slow.
func sendAgain(who *apptest.Account, chatID uuid.UUID, message client.MessageCreate) (*client.SendMessageResponse, error) {
	for {
		res, err := who.SendMessageWithResponse(context.Background(), chatID, nil, message)
		if err != nil || res.StatusCode() != http.StatusServiceUnavailable {
			return res, err
		}
	}
}

func TestSendMessage_201_sixtyFourWritersAtOnce(t *testing.T) {
	t.Parallel()
	const writers, each = 64, 4
	app := apptest.New(t, apptest.With("RATE_LIMIT_FACTOR", "1000"), apptest.With("CHAT_USER_REPLIES", "512"))
	ada := app.SignUp(t)
	shared := newChat(t, ada)
	own := make([]uuid.UUID, writers)
	var sending sync.WaitGroup
	failures := make(chan string, 2*writers*each)
	send := func(chat uuid.UUID, content string, reply bool) {
		res, err := sendAgain(ada, chat, client.MessageCreate{Content: content, Reply: &reply})
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

func TestListMessages_200_bothOrders(t *testing.T) {
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

// Messages that arrive while a client turns pages do not shift them, and the cursor of one order is refused by the other.
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

// However many replies are requested at once, in however many chats, no more than the limit are accepted, and nothing of the
// refused messages is stored.
func TestSendMessage_429_tooManyReplies(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("CHAT_USER_REPLIES", "3"), apptest.With("RATE_LIMIT_FACTOR", "100"))
	ada, bob := app.SignUp(t), app.SignUp(t)
	chats := []uuid.UUID{newChat(t, ada), newChat(t, ada)}
	statuses := make([]int, 24)
	var sending sync.WaitGroup
	for i := range statuses {
		sending.Go(func() {
			if res, err := sendAgain(ada, chats[i%2], client.MessageCreate{Content: "Me!"}); err == nil {
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
	ask(t, bob, newChat(t, bob), "And others are not limited")

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
	for _, content := range []string{
		"", " \n\t ", strings.Repeat("é", 8001), "\u200b\u2060", "\u3164", "\u2800", "Paint\x07 it", "\u202ekcab eht no", "\u2066x\u2069",
	} {
		res, err := ada.SendMessageWithResponse(t.Context(), chat, nil, client.MessageCreate{Content: content})
		require.NoError(t, err)
		require.NotNil(t, res.JSON400, "%q", content)
	}
	say(t, ada, chat, strings.Repeat("😀", 8000))
	say(t, ada, chat, "First line,\r\n\tsecond line")
}
