package coalesce_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/coalesce"
)

func TestPost_sendsInOrderWithoutWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, began := newDoubling(time.Second), time.Now()
		fails := func(err error) { t.Error(err) }
		ctx, hangUp := context.WithCancel(t.Context())
		d.Post(ctx, 1, fails)
		hangUp() // the one that posts may be gone
		synctest.Wait()
		d.Post(ctx, 2, fails)
		d.Post(ctx, 3, fails)
		require.Equal(t, began, time.Now())
		got, err := d.Call(t.Context(), 4)
		require.NoError(t, err)
		require.Equal(t, 8, got)
		d.Wait()
		require.Equal(t, [][]int{{1}, {2, 3, 4}}, d.batches)
	})
}

func TestBatcher_waitsForWhatWasPosted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, began := newDoubling(time.Second), time.Now()
		d.Post(t.Context(), 1, func(err error) { t.Error(err) })
		synctest.Wait()
		d.Post(t.Context(), 2, func(err error) { t.Error(err) })
		d.Wait()
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Len(t, d.batches, 2)
	})
}

func TestPost_reportsFailuresOfItsBatch(t *testing.T) {
	t.Parallel()
	cut := errors.New("connection cut")
	for name, send := range map[string]func(context.Context, []int) ([]int, error){
		"error": func(context.Context, []int) ([]int, error) { return nil, cut },
		"panic": func(context.Context, []int) ([]int, error) { panic(cut.Error()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := coalesce.Batcher[int, int]{Timeout: time.Minute, Send: send}
			failures := make(chan error, 2)
			b.Post(t.Context(), 1, func(err error) { failures <- err })
			b.Wait()
			require.ErrorContains(t, <-failures, cut.Error())
			require.Empty(t, failures)
		})
	}
}
