package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestStore_eachRowReadsEveryRow(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	s, err := postgres.Open(t.Context(), dsn, postgres.Options{MaxConns: 1}) // the test blocks if a connection is not returned
	require.NoError(t, err)
	t.Cleanup(s.Close)
	user := factory.User(t, s, 0)
	var want []uuid.UUID
	for range 3 {
		chat, err := s.Queries().ChatCreate(t.Context(), db.ChatCreateParams{ID: factory.ID(), UserID: user.ID})
		require.NoError(t, err)
		want = append([]uuid.UUID{chat.ID}, want...)
	}
	list := func(ctx context.Context) func(q *db.Queries) error {
		return func(q *db.Queries) error {
			rows, err := q.ChatList(ctx, db.ChatListParams{
				UserID: user.ID, BeforeTime: time.Now().Add(time.Hour), BeforeID: uuid.Max, PageSize: 10,
			})
			require.Empty(t, rows)
			return err
		}
	}
	read := func(got *[]uuid.UUID) func(scan func(...any) error) error {
		return func(scan func(...any) error) error {
			var c db.Chat
			err := scan(&c.ID, &c.UserID, &c.SessionName, &c.ProjectID, &c.LastSeq, &c.CreatedAt, &c.UpdatedAt, &c.UpdatedHour)
			*got = append(*got, c.ID)
			return err
		}
	}

	var got []uuid.UUID
	require.NoError(t, s.EachRow(list(t.Context()), read(&got)))
	require.Equal(t, want, got)

	odd, seen := errors.New("odd"), 0
	require.ErrorIs(t, s.EachRow(list(t.Context()), func(func(...any) error) error { seen++; return odd }), odd)
	require.Equal(t, 1, seen, "nothing is read after an error")
	require.Error(t, s.EachRow(list(t.Context()), func(scan func(...any) error) error { return scan() }), "too few columns")

	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.EachRow(list(over), read(&got)), context.Canceled)
	require.NoError(t, s.EachRow(list(t.Context()), read(&got)), "the connection was returned")

	away, err := postgres.Open(t.Context(), "postgres://127.0.0.1:1/nowhere", postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(away.Close)
	require.ErrorIs(t, away.EachRow(list(t.Context()), read(&got)), apperr.ErrUnavailable)
}
