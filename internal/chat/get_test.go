package chat_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Many who read chats at once share a query, and each gets a chat of its own account or none.
func TestGet_readsTogetherAndForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	chats := f.chats(t, 3)
	f.exec(t, "begin")
	f.exec(t, "lock table chats")
	var all sync.WaitGroup
	for i := range 60 {
		mine, theirs := chats[i%3], chats[(i+1)%3]
		all.Go(func() {
			switch i / 3 % 3 {
			case 0:
				got, err := f.service.Get(context.Background(), mine.UserID, theirs.ID)
				if err != chat.ErrNotFound || got.ID == theirs.ID { //nolint:errorlint // it is this very error
					t.Errorf("got the chat of another account: %v", err)
				}
			case 1:
				if _, err := f.service.Get(context.Background(), mine.UserID, factory.ID()); err != chat.ErrNotFound { //nolint:errorlint // likewise
					t.Errorf("got what is not there: %v", err)
				}
			default:
				got, err := f.service.Get(context.Background(), mine.UserID, mine.ID)
				if err != nil || got != mine {
					t.Errorf("got %v, %v instead of %v", got, err, mine)
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	var queries int
	require.NoError(t, f.sql.QueryRow(t.Context(),
		"select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&queries))
	f.exec(t, "commit")
	all.Wait()
	require.Positive(t, queries)
	require.Less(t, queries, 8, "the connections of the pool, all of which would wait otherwise")
}
