package edge

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Requests share a deadline for a second, and none gets more time than an operation has.
func TestDeadlines_areSharedForASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		first := d.get()
		time.Sleep(deadlineStep - 1)
		require.Same(t, first, d.get())
		time.Sleep(time.Nanosecond)
		next := d.get()
		require.NotSame(t, first, next)

		time.Sleep(operationTimeout - deadlineStep)
		synctest.Wait()
		require.ErrorIs(t, first.Err(), context.DeadlineExceeded)
		require.NoError(t, next.Err())
		time.Sleep(deadlineStep)
		synctest.Wait()
		require.ErrorIs(t, next.Err(), context.DeadlineExceeded)
	})
}

// The context of a request, and those that are made from it, end at the deadline and for the deadline's reason, and not with the
// client.
func TestRequestContext_endsWithItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, hangUp := context.WithCancelCause(context.WithValue(t.Context(), callerKey{}, "ada"))
		r, err := http.NewRequestWithContext(client, http.MethodGet, base+"/models", http.NoBody)
		require.NoError(t, err)
		ctx := new(Edge).workContext(r, &call{id: "a-request"})
		derived, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		called := false
		context.AfterFunc(derived, func() { called = true })
		hangUp(errors.New("gone"))
		synctest.Wait()
		for _, ctx := range []context.Context{ctx, derived} {
			require.NoError(t, ctx.Err())
			require.Equal(t, "ada", ctx.Value(callerKey{}))
			require.Equal(t, "a-request", RequestID(ctx))
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, operationTimeout, time.Until(deadline))
		}
		time.Sleep(operationTimeout)
		synctest.Wait()
		for _, ctx := range []context.Context{ctx, derived} {
			<-ctx.Done()
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
			require.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
		}
		require.True(t, called)
	})
}

type callerKey struct{}
