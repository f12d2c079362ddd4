package chat_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// say sends a message without a reply.
func (f *fixture) say(userID, chatID uuid.UUID, content string) (chat.Message, error) {
	sent, _, err := f.service.Send(context.Background(), userID, chatID, content, false, idempotency.Key{})
	return sent.Message, err
}

// chats begins chats of accounts of their own.
func (f *fixture) chats(t *testing.T, n int) []db.Chat {
	t.Helper()
	chats := make([]db.Chat, n)
	for i := range chats {
		user := factory.User(t, f.store, 0)
		var err error
		chats[i], err = f.service.Create(t.Context(), user.ID, "", nil)
		require.NoError(t, err)
	}
	return chats
}

// together calls do n times at once, while a message to another chat is being stored and can't be.
func (f *fixture) together(t *testing.T, n int, do func(i int)) {
	t.Helper()
	f.exec(t, "begin")
	f.exec(t, "lock table messages in share mode")
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := f.say(f.user.ID, f.chat.ID, "Me first"); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(5 * time.Millisecond) // or it may go together with the others, which still have to be right then
	for i := range n {
		all.Go(func() { do(i) })
	}
	time.Sleep(100 * time.Millisecond)
	f.exec(t, "commit")
	all.Wait()
}

func TestSend_storesMessagesOfManyChatsTogether(t *testing.T) {
	t.Parallel()
	f := setup(t)
	chats, errs := f.chats(t, 5), make([]error, 100)
	f.together(t, len(errs), func(i int) {
		c := chats[i%len(chats)]
		var m chat.Message
		m, errs[i] = f.say(c.UserID, c.ID, fmt.Sprint("message ", i))
		if errs[i] == nil && (m.Seq < 1 || m.Seq > 20) {
			errs[i] = fmt.Errorf("message %d has seq %d", i, m.Seq)
		}
	})
	require.Equal(t, make([]error, len(errs)), errs)
	for _, c := range chats {
		page, err := f.service.Messages(t.Context(), c.UserID, c.ID, 0, 100)
		require.NoError(t, err)
		require.Len(t, page, 20)
		for i, m := range page {
			require.EqualValues(t, i+1, m.Seq, "no gap")
		}
		now, err := f.service.Get(t.Context(), c.UserID, c.ID)
		require.NoError(t, err)
		require.EqualValues(t, 20, now.LastSeq)
		require.True(t, now.UpdatedAt.After(c.UpdatedAt))
	}
	var contents, transactions int
	require.NoError(t, f.sql.QueryRow(t.Context(), "select count(distinct content), count(distinct xmin::text) from messages").
		Scan(&contents, &transactions))
	require.Equal(t, 1+len(errs), contents)
	require.Less(t, transactions, len(errs))
}

// Of the messages of a statement, those to no chat and to the chat of another account fail, and nothing else. The other account is
// among those whose messages are stored.
func TestSend_failsForTheWrongChatAlone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	chats, errs := f.chats(t, 2), make([]error, 40)
	mine, theirs := chats[0], chats[1]
	second, err := f.service.Create(t.Context(), theirs.UserID, "", nil)
	require.NoError(t, err)
	f.together(t, len(errs), func(i int) {
		from := []db.Chat{mine, theirs, mine, second}[i%4]
		to := from.ID
		switch i {
		case 18:
			to = theirs.ID
		case 28:
			to = factory.ID()
		}
		_, errs[i] = f.say(from.UserID, to, "Louder!")
	})
	for i, err := range errs {
		if i == 18 || i == 28 {
			require.ErrorIs(t, err, chat.ErrNotFound)
		} else {
			require.NoError(t, err, i)
		}
	}
	for _, c := range []struct {
		db.Chat

		messages int
	}{{mine, 18}, {theirs, 10}, {second, 10}} {
		now, err := f.service.Get(t.Context(), c.UserID, c.ID)
		require.NoError(t, err)
		require.EqualValues(t, c.messages, now.LastSeq)
	}
}

// Where Postgres refuses a statement because of one message, the others are stored all the same.
func TestSend_failsForTheRefusedMessageAlone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.exec(t, "alter table messages add constraint no_odd check (content <> 'odd')")
	chats, errs := f.chats(t, 2), make([]error, 40)
	f.together(t, len(errs), func(i int) {
		content := "even"
		if i == 7 {
			content = "odd"
		}
		_, errs[i] = f.say(chats[i%2].UserID, chats[i%2].ID, content)
	})
	require.ErrorContains(t, errs[7], "no_odd")
	errs[7] = nil
	require.Equal(t, make([]error, len(errs)), errs)
	require.Equal(t, len(errs), f.messages(t))
}

// A chat that another transaction has locked delays its own messages, and those of no other chat, whichever go together.
func TestSend_waitsForNoOtherChat(t *testing.T) {
	t.Parallel()
	f := setup(t)
	chats := f.chats(t, 2)
	locked, free := chats[0], chats[1]
	f.exec(t, "begin")
	f.exec(t, "update chats set last_seq = last_seq + 1 where id = $1", locked.ID)
	errs, seqs := make([]error, 3), make([]int64, 3)
	var waiting, going sync.WaitGroup
	for i := range errs {
		waiting.Go(func() {
			m, err := f.say(locked.UserID, locked.ID, "I wait")
			errs[i], seqs[i] = err, m.Seq
		})
	}
	for range 20 {
		going.Go(func() {
			if _, err := f.say(free.UserID, free.ID, "I don't"); err != nil {
				t.Error(err)
			}
		})
	}
	going.Wait()
	require.Equal(t, []int64{0, 0, 0}, seqs)
	f.exec(t, "commit")
	waiting.Wait()
	require.Equal(t, make([]error, 3), errs)
	slices.Sort(seqs)
	require.Equal(t, []int64{2, 3, 4}, seqs)
}

// poster is a hub that can only be posted to.
type poster struct {
	*events.Hub

	t     *testing.T
	posts chan string
}

func (p poster) Publish(context.Context, string, []byte) error {
	p.t.Error("the sender waits for Redis")
	p.posts <- "none"
	return nil
}

func (p poster) Post(_ context.Context, topic string, _ []byte) { p.posts <- topic }

// Who sends a message waits until it is stored, and not until its event is published.
func TestSend_doesNotWaitForItsEvent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	p := poster{f.hub, t, make(chan string, 1)}
	f.service.Events = p
	_, err := f.say(f.user.ID, f.chat.ID, "Louder!")
	require.NoError(t, err)
	require.Equal(t, "chat:"+f.chat.ID.String(), <-p.posts)
	require.Equal(t, 1, f.messages(t))

	_, err = f.say(f.user.ID, factory.ID(), "Louder!")
	require.ErrorIs(t, err, chat.ErrNotFound)
	require.Empty(t, p.posts)
}
