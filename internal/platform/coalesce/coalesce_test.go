package coalesce_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/coalesce"
)

// doubling answers each number with its double, after a while, and remembers what went together.
type doubling struct {
	coalesce.Batcher[int, int]

	took   time.Duration
	mu     sync.Mutex
	rounds [][]int
}

func newDoubling(took time.Duration) *doubling {
	d := &doubling{took: took}
	d.Timeout = time.Minute
	d.Send = func(ctx context.Context, inputs []int) ([]int, error) {
		d.mu.Lock()
		d.rounds = append(d.rounds, slices.Clone(inputs))
		d.mu.Unlock()
		select {
		case <-time.After(d.took):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		outputs := make([]int, len(inputs))
		for i, n := range inputs {
			outputs[i] = 2 * n
		}
		return outputs, nil
	}
	return d
}

func TestCall_alone_goes_at_once(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, began := newDoubling(time.Second), time.Now()
		got, err := d.Call(t.Context(), 21)
		require.NoError(t, err)
		require.Equal(t, 42, got)
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestCall_those_that_come_meanwhile_go_together(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(time.Second)
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				if n > 0 {
					time.Sleep(time.Duration(n) * time.Millisecond)
				}
				got, err := d.Call(context.Background(), n)
				if err != nil || got != 2*n {
					t.Errorf("%d: %d, %v", n, got, err)
				}
			})
		}
		wg.Wait()
		require.Len(t, d.rounds, 2)
		require.Equal(t, []int{0}, d.rounds[0])
		require.Len(t, d.rounds[1], 99)
	})
}

// Nobody is given an answer that was on its way before he asked.
func TestCall_never_joins_what_was_sent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var truth atomic.Int64
		b := coalesce.Batcher[struct{}, int64]{Timeout: time.Minute, Send: func(_ context.Context, asked []struct{}) ([]int64, error) {
			seen := truth.Load()
			time.Sleep(time.Second)
			return slices.Repeat([]int64{seen}, len(asked)), nil
		}}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.Call(context.Background(), struct{}{}) })
		time.Sleep(time.Millisecond)
		truth.Store(1)
		got, err := b.Call(t.Context(), struct{}{})
		require.NoError(t, err)
		require.EqualValues(t, 1, got)
		wg.Wait()
	})
}

func TestCall_patience_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(time.Second)
		d.OverlapAfter = 20 * time.Millisecond
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = d.Call(context.Background(), 1) })
		time.Sleep(time.Millisecond)
		began := time.Now()
		_, err := d.Call(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, 1020*time.Millisecond, time.Since(began), "beside the first, not behind it")
		wg.Wait()
	})
}

func TestCall_whose_turn_does_not_come(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		b := coalesce.Batcher[int, int]{Timeout: time.Minute, Send: func(_ context.Context, inputs []int) ([]int, error) {
			sent.Add(1)
			time.Sleep(time.Hour) // whatever its context says
			return inputs, nil
		}}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.Call(context.Background(), 1) })
		time.Sleep(time.Second)
		began := time.Now()
		_, err := b.Call(t.Context(), 2)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(began))
		wg.Wait()
		require.EqualValues(t, 1, sent.Load())
	})
}

// The others of a round get their answers, whoever of them leaves.
func TestCall_hanging_up(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = d.Call(context.Background(), 1) })
		time.Sleep(time.Millisecond)
		for n := range 3 { // the first of these leads
			ctx, hangUp := context.WithTimeout(context.Background(), time.Duration(n+1)*100*time.Millisecond)
			wg.Go(func() {
				defer hangUp()
				if _, err := d.Call(ctx, n); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		got, err := d.Call(t.Context(), 50)
		require.NoError(t, err)
		require.Equal(t, 100, got)
		wg.Wait()
	})
}

func TestCall_failures_are_everybodys(t *testing.T) {
	t.Parallel()
	cut := errors.New("connection cut")
	for name, send := range map[string]func(context.Context, []int) ([]int, error){
		"error":           func(context.Context, []int) ([]int, error) { return nil, cut },
		"too few answers": func(context.Context, []int) ([]int, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := coalesce.Batcher[int, int]{Timeout: time.Minute, Send: send}
			_, err := b.Call(t.Context(), 1)
			require.Error(t, err)
		})
	}
}

func TestCall_a_panic_holds_up_nobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := coalesce.Batcher[int, int]{Timeout: time.Minute, Send: func(_ context.Context, inputs []int) ([]int, error) {
			time.Sleep(time.Second)
			if inputs[0] == 1 {
				panic("defect")
			}
			return inputs, nil
		}}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.Call(context.Background(), 0) })
		time.Sleep(time.Millisecond)
		wg.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is its caller's")
				}
			}()
			_, _ = b.Call(context.Background(), 1)
		})
		time.Sleep(time.Millisecond)
		_, err := b.Call(t.Context(), 2)
		require.Error(t, err)
		got, err := b.Call(t.Context(), 3)
		require.NoError(t, err)
		require.Equal(t, 3, got)
		wg.Wait()
	})
}
