package worker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// watched is a kind with nothing to recover, that records how it is called.
type watched struct {
	task.Kind
	expire func() error
	marks  atomic.Int32
}

func (f *watched) Expire(context.Context) (int, error) { return 0, f.expire() }

func (f *watched) MarkDue(context.Context, task.Due) ([]uuid.UUID, error) {
	f.marks.Add(1)
	return nil, nil
}

func (*watched) Unmark(context.Context, []uuid.UUID) error { return nil }

// While one sweeps, the others leave it alone; afterwards any of them may.
func TestSweeper_runsInOneProcessAtATime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	entered, ended := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(ended) })
	t.Cleanup(release) // closing the pool waits for the sweep's lock
	var sweeps, observed atomic.Int32
	f.sweeper.Observe = func(error) { observed.Add(1) }
	f.sweeper.Tasks = []worker.Task{{Name: queue.Generate, Kind: &watched{expire: func() error {
		if sweeps.Add(1) == 1 {
			close(entered)
			<-ended
		}
		return nil
	}}}}
	var sweeping sync.WaitGroup
	sweep := func() {
		if err := f.sweeper.Sweep(t.Context(), false); err != nil {
			t.Error(err)
		}
	}
	sweeping.Go(sweep)
	<-entered
	for range 3 {
		sweep() // returns at once
	}
	require.EqualValues(t, 1, sweeps.Load())
	release()
	sweeping.Wait()
	sweep()
	require.EqualValues(t, 2, sweeps.Load())
	require.EqualValues(t, 2, observed.Load(), "who does not sweep has nothing to tell")
}

// The lock goes with the connection, hence with the process.
func TestSweeper_losesItsLockWithItsConnection(t *testing.T) {
	t.Parallel()
	f := setup(t)
	entered, ended := make(chan struct{}, 1), make(chan struct{})
	release := sync.OnceFunc(func() { close(ended) })
	t.Cleanup(release)
	f.sweeper.Tasks = []worker.Task{{Name: queue.Generate, Kind: &watched{expire: func() error {
		entered <- struct{}{}
		<-ended
		return nil
	}}}}
	died := make(chan error, 1)
	go func() { died <- f.sweeper.Sweep(t.Context(), false) }()
	<-entered
	f.exec(t, `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
		where l.locktype = 'advisory' and l.granted and d.datname = current_database()`)
	require.Eventually(t, func() bool {
		ran := false
		_, err := f.store.Exclusive(t.Context(), 0x7377656570, func(context.Context) error { ran = true; return nil })
		return err == nil && ran
	}, long, 10*time.Millisecond)
	release()
	require.Error(t, <-died)
}

// A failure of one part keeps no other part from being done.
func TestSweeper_goesOnAfterFailures(t *testing.T) {
	t.Parallel()
	f := setup(t)
	broken := &watched{expire: func() error { return errRefused }}
	chores := 0
	var observed []error
	f.sweeper.Observe = func(err error) { observed = append(observed, err) }
	f.sweeper.Tasks = []worker.Task{{Name: queue.Generate, Kind: broken}}
	f.sweeper.Chores = []func(context.Context) error{
		func(context.Context) error { chores++; return errors.ErrUnsupported },
		func(context.Context) error { chores++; return nil },
	}
	err := f.sweeper.Sweep(t.Context(), true)
	require.ErrorIs(t, err, errRefused)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.EqualValues(t, 1, broken.marks.Load())
	require.Len(t, observed, 1)
	require.ErrorIs(t, observed[0], errRefused)
	require.Equal(t, 2, chores)
	require.ErrorIs(t, f.sweeper.Sweep(t.Context(), false), errRefused)
	require.Equal(t, 2, chores, "chores are for now and then")
}
