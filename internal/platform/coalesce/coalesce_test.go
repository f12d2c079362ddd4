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

// doubling answers each number with its double, after a while, and records its batches.
type doubling struct {
	coalesce.Batcher[int, int]

	took    time.Duration
	mu      sync.Mutex
	batches [][]int
}

func newDoubling(took time.Duration) *doubling {
	d := &doubling{took: took}
	d.Timeout = time.Minute
	d.Send = func(ctx context.Context, inputs []int) ([]int, error) {
		d.mu.Lock()
		d.batches = append(d.batches, slices.Clone(inputs))
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

func TestBatcher_sendsALoneCallAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, began := newDoubling(time.Second), time.Now()
		got, err := d.Call(t.Context(), 21)
		require.NoError(t, err)
		require.Equal(t, 42, got)
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestBatcher_sendsWhatComesMeanwhileTogether(t *testing.T) {
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
		require.Len(t, d.batches, 2)
		require.Equal(t, []int{0}, d.batches[0])
		require.Len(t, d.batches[1], 99)
	})
}

// A call never gets an answer to a batch that was sent before it.
func TestBatcher_answersAreNeverOlderThanTheirQuestions(t *testing.T) {
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

func TestBatcher_overlapsABatchThatHangs(t *testing.T) {
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
		require.Equal(t, 1020*time.Millisecond, time.Since(began), "at the same time as the first, not after it")
		wg.Wait()
	})
}

func TestBatcher_failsACallThatCouldNotBeSentInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		b := coalesce.Batcher[int, int]{Timeout: time.Minute, Send: func(_ context.Context, inputs []int) ([]int, error) {
			sent.Add(1)
			time.Sleep(time.Hour) // ignoring its context
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

// The calls of a batch get their answers even where the contexts of others have ended, that of the sender included.
func TestBatcher_answersWhereOtherCallersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = d.Call(context.Background(), 1) })
		time.Sleep(time.Millisecond)
		for n := range 3 { // the first of these sends the batch
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

func TestBatcher_passesFailuresOn(t *testing.T) {
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

func TestBatcher_goesOnAfterAPanic(t *testing.T) {
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
					t.Error("the panic did not reach the caller that sent")
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

func TestBatcher_keepsToItsSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(time.Second)
		d.MaxSize = 40
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
		require.Len(t, d.batches, 4)
		for i, size := range []int{1, 40, 40, 19} {
			require.Len(t, d.batches[i], size)
		}
	})
}
