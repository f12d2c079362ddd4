package task_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

func fails(context.Context) error { return errWork }

func succeeds(context.Context) error { return nil }

func TestRunner_doesNothingWhereThereIsNothingToClaim(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.claimed = pgx.ErrNoRows
	require.NoError(t, f.runner.Run(t.Context(), f.kind.row.ID))
	require.Empty(t, f.ran)

	f.kind.claimed = apperr.ErrUnavailable
	require.ErrorIs(t, f.runner.Run(t.Context(), f.kind.row.ID), apperr.ErrUnavailable)
	require.Empty(t, f.ran)
}

func TestRunner_retriesWhatMaySucceed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work = fails
	require.Equal(t, task.Retried, f.run(t))
	require.Equal(t, []task.Retry{{Decision: f.kind.decision, Delay: time.Second}}, f.kind.retries)
	require.Contains(t, f.log.String(), "attempt failed")

	f.kind.decision.After = time.Minute // the vendor said so
	require.Equal(t, task.Retried, f.run(t))
	require.Equal(t, time.Minute, f.kind.retries[1].Delay)
}

func TestRunner_failsWhatCanNotSucceed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.decision = fails, task.Decision{Code: "refused"}
	require.Equal(t, task.Failed, f.run(t))
	require.Equal(t, []task.Decision{{Code: "refused"}}, f.kind.failures)
	require.Contains(t, f.log.String(), "job given up")
}

func TestRunner_failsAfterTheLastAttempt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.row.Attempt = fails, 3
	require.Equal(t, task.Failed, f.run(t))
}

func TestRunner_callsNoOperatorForWhatTheOwnerHasToMend(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.decision = fails, task.Decision{Code: "refused", OwnersFault: true}
	require.Equal(t, task.Failed, f.run(t))
	require.NotContains(t, f.log.String(), "level=ERROR")
}

func TestRunner_doesNotCountWhatWasThrottled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.row.Attempt = fails, 3
	f.kind.decision = task.Decision{Retry: true, Throttled: true, After: time.Minute}
	require.Equal(t, task.Released, f.run(t))
	require.True(t, f.kind.retries[0].Released)
	require.Equal(t, time.Minute+time.Second, f.kind.retries[0].Delay)
}

func TestRunner_doesNotWaitBeyondTheExpiry(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.row.Expiry = fails, time.Now().Add(time.Minute)
	require.Equal(t, task.Retried, f.run(t))
	f.kind.decision.After = time.Hour
	require.Equal(t, task.Failed, f.run(t))
}

func TestRunner_releasesWhatADrainInterrupts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.kind.work = func(ctx context.Context) error {
		cancel(queue.ErrDraining)
		return untilItEnds(ctx)
	}
	require.Equal(t, task.Released, f.runIn(ctx, t))
	require.Equal(t, []task.Retry{{Released: true}}, f.kind.retries)
}

func TestRunner_completesWhatIsDoneAlthoughTheProcessDrains(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.kind.work = func(context.Context) error { cancel(queue.ErrDraining); return nil }
	require.Equal(t, task.Succeeded, f.runIn(ctx, t))
}

func TestRunner_repeatsTheEndWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.ends = succeeds, []error{apperr.ErrUnavailable, apperr.ErrUnavailable}
	require.Equal(t, task.Succeeded, f.run(t))
	require.Equal(t, 3, f.kind.completed)
}

func TestRunner_abandonsWhatItCanNotEnd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work, f.kind.ends = succeeds, []error{pgx.ErrNoRows}
	require.Equal(t, task.Lost, f.run(t))
	require.Equal(t, 1, f.kind.abandoned)

	f.kind.work = func(context.Context) error { return task.ErrLeaseLost }
	require.Equal(t, task.Lost, f.run(t))
	require.Equal(t, 2, f.kind.abandoned)
	require.Empty(t, f.kind.retries)
}

func TestRunner_leavesToTheSweeperWhatItCanNotWrite(t *testing.T) {
	t.Parallel()
	f := setup(t)
	broken := errors.New("permission denied")
	f.kind.work, f.kind.ends = succeeds, []error{broken}
	require.ErrorIs(t, f.runner.Run(t.Context(), f.kind.row.ID), broken)
	require.Equal(t, task.Unwritten, <-f.ran)
}

// What a library panics with may quote the creator. The log tells that it did, and where.
func TestRunner_logsAPanicWithoutItsText(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.work = func(context.Context) error { panic("can't draw a secret") }
	require.Equal(t, task.Retried, f.run(t))
	require.Contains(t, f.log.String(), "panic in a task")
	require.Contains(t, f.log.String(), "runner_test.go", "the stack")
	require.NotContains(t, f.log.String(), "secret")
}
