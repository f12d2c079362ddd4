package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// numbered is a row of a statement that takes a second and records its inputs.
type numbered struct {
	id   uuid.UUID
	lock byte
}

type recorder struct {
	*postgres.Together[numbered, numbered]

	mu         sync.Mutex
	statements [][]numbered
	fail       func(inputs []numbered) error // nil: none fails
	none       uuid.UUID                     // has no row
}

func newRecorder() *recorder {
	r := &recorder{fail: func([]numbered) error { return nil }}
	id := func(n numbered) uuid.UUID { return n.id }
	r.Together = postgres.NewTogether(func(_ context.Context, inputs []numbered) ([]numbered, error) {
		time.Sleep(50 * time.Millisecond)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.statements = append(r.statements, slices.Clone(inputs))
		rows := slices.DeleteFunc(slices.Clone(inputs), func(n numbered) bool { return n.id == r.none })
		return rows, r.fail(inputs)
	}, func(n numbered) uuid.UUID { return uuid.UUID{n.lock} }, id, id)
	return r
}

// ask asks for one input alone, and then for others while that one is answered.
func (r *recorder) ask(t *testing.T, others ...numbered) (errs []error) {
	t.Helper()
	errs = make([]error, len(others))
	var asking sync.WaitGroup
	asking.Go(func() {
		_, err := r.One(t.Context(), numbered{id: uuid.New()})
		if err != nil {
			panic(err)
		}
	})
	synctest.Wait()
	for i, other := range others {
		asking.Go(func() {
			row, err := r.One(t.Context(), other)
			if errs[i] = err; err == nil && row != other {
				errs[i] = errors.New("the row of another input")
			}
		})
		synctest.Wait() // so that they come in this order
	}
	asking.Wait()
	return errs
}

func TestTogether_oneStatementInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		a, b, c := numbered{uuid.New(), 3}, numbered{uuid.New(), 1}, numbered{uuid.New(), 2}
		r.none = c.id
		errs := r.ask(t, a, b, c)
		require.Len(t, r.statements, 2)
		require.Equal(t, []numbered{b, c, a}, r.statements[1])
		require.NoError(t, errors.Join(errs[0], errs[1]))
		require.True(t, postgres.IsNotFound(errs[2]))
	})
}

// Two inputs that lock the same row are answered one after the other, also where they are the same.
func TestTogether_sameLockInAnotherStatement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		a, b := numbered{uuid.New(), 1}, numbered{uuid.New(), 2}
		claimed := map[uuid.UUID]bool{}
		r.fail = func(inputs []numbered) error {
			for _, input := range inputs {
				if claimed[input.id] {
					return errors.New("taken")
				}
				claimed[input.id] = true
			}
			return nil
		}
		errs := r.ask(t, a, a, b)
		require.Equal(t, [][]numbered{{a, b}, {a}}, r.statements[1:])
		require.NoError(t, errors.Join(errs[0], errs[2]))
		require.ErrorContains(t, errs[1], "taken")
	})
}

func TestTogether_failsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		a, b, c := numbered{uuid.New(), 1}, numbered{uuid.New(), 2}, numbered{uuid.New(), 3}
		refused := errors.New("refused")
		r.fail = func(inputs []numbered) error {
			if slices.Contains(inputs, b) {
				return refused
			}
			return nil
		}
		errs := r.ask(t, a, b, c)
		require.NoError(t, errors.Join(errs[0], errs[2]))
		require.ErrorIs(t, errs[1], refused)
	})
}

func TestTogether_isNotRepeatedWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		r.fail = func(inputs []numbered) error {
			if len(inputs) > 1 {
				return apperr.ErrUnavailable
			}
			return nil
		}
		errs := r.ask(t, numbered{uuid.New(), 1}, numbered{uuid.New(), 2})
		require.Len(t, r.statements, 2)
		require.ErrorIs(t, errs[0], apperr.ErrUnavailable)
		require.ErrorIs(t, errs[1], apperr.ErrUnavailable)
	})
}
