package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

func TestPersist_repeatsWhileThatMayHelp(t *testing.T) {
	t.Parallel()
	failures := []error{apperr.ErrUnavailable, &pgconn.PgError{Code: "40P01"}, nil}
	tries := 0
	require.NoError(t, postgres.Persist(t.Context(), func() error {
		tries++
		return failures[tries-1]
	}))
	require.Equal(t, len(failures), tries)
}

func TestPersist_givesUpWithItsContext(t *testing.T) {
	t.Parallel()
	odd, tries := errors.New("odd"), 0
	require.ErrorIs(t, postgres.Persist(t.Context(), func() error { tries++; return odd }), odd)
	require.Equal(t, 1, tries, "what does not pass is not repeated")

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, postgres.Persist(ctx, func() error { return apperr.ErrUnavailable }), apperr.ErrUnavailable)
}
