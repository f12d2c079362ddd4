package providertest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Subject makes a provider with the key [Key] against a fake vendor that answers its first good requests with success and all
// later ones with fault. What it starts ends with t.
type Subject func(t *testing.T, fault Fault, good int) providers.Image

// answerMemory bounds what a provider may allocate for an answer that it refuses. A reader that grows with its input
// allocates about five times of what it holds in the end; what is announced as too large need not be read at all.
func answerMemory(fault Fault) uint64 {
	if fault == Oversized {
		return oversized
	}
	return 256 << 20
}

// promptly bounds how long a call may still take that was cancelled while the vendor was silent.
const promptly = 2 * time.Second

// Faults runs the suite of the failures of a vendor over HTTP. Each fault must end as its class, with the delay that the vendor
// asked for, without a secret in the error, without unfinished pictures in the sink, and in bounded memory. more are faults that
// only some vendors have, such as [ExpiredURL]. The suite is not parallel, so that it can measure memory. The package's TestMain
// must call leaktest.Main, which finds goroutines that are left.
func Faults(t *testing.T, subject Subject, more ...Fault) {
	t.Helper()
	for _, fault := range slices.Concat(all(), more) {
		t.Run(string(fault), func(t *testing.T) { requireFault(t, subject, fault, 0) })
	}
	t.Run("AfterOnePicture", func(t *testing.T) { requireFault(t, subject, Unavailable, 1) })
	t.Run("Slow", func(t *testing.T) {
		req, sink := Request(), &MemorySink{}
		result, err := subject(t, Slow, 0).Generate(t.Context(), req, sink)
		require.NoError(t, err)
		requirePictures(t, req, result, sink)
	})
	t.Run("HangUnasked", func(t *testing.T) { // a vendor that was asked would let the call hang
		canceled := errors.New("job is cancelled")
		sink := &MemorySink{OnBegin: func(int) error { return canceled }}
		requirePrompt(t, canceled, func() error {
			_, err := subject(t, Hang, 0).Generate(t.Context(), Request(), sink)
			return err
		})
	})
	t.Run("HangUntilDeadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		requireHang(t, ctx, context.DeadlineExceeded, subject)
	})
	t.Run("HangUntilCancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(100*time.Millisecond, cancel)
		defer timer.Stop()
		defer cancel()
		requireHang(t, ctx, context.Canceled, subject)
	})
}

func requireFault(t *testing.T, subject Subject, fault Fault, good int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endTimeout)
	defer cancel()
	req, sink := Request(), &MemorySink{}
	req.Prompt.Details = PromptSecret
	image := subject(t, fault, good)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	result, err := image.Generate(ctx, req, sink)
	runtime.ReadMemStats(&after)

	require.Error(t, err)
	require.NoError(t, ctx.Err(), "the call did not end by itself")
	require.Empty(t, result.Images)
	require.LessOrEqual(t, sink.Len(), good, "stored what was not finished")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, answerMemory(fault), "bytes allocated")
	vendor, ok := errors.AsType[*providers.Error](err)
	require.True(t, ok, "a vendor's failure is a *providers.Error: %T %v", err, err)
	require.Equal(t, fault.class().String(), vendor.Class.String(), "class of %v", err)
	require.NotEmpty(t, vendor.Provider)
	require.NotEmpty(t, vendor.Reason)
	delay := time.Duration(0)
	if fault == TooManyRequests {
		delay = RetryDelay
	}
	require.Equal(t, delay, vendor.RetryAfter, "the delay that the vendor asked for")
	requireNoSecrets(t, err)
}

// requireNoSecrets checks the texts of an error and of every error in its chain.
func requireNoSecrets(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, secret := range []string{Key, BodySecret, PromptSecret} {
			require.NotContains(t, err.Error(), secret)
		}
	}
}

func requireHang(t *testing.T, ctx context.Context, want error, subject Subject) { //nolint:revive // t is first everywhere
	t.Helper()
	image, sink := subject(t, Hang, 0), &MemorySink{}
	begun := time.Now()
	requirePrompt(t, want, func() error {
		_, err := image.Generate(ctx, Request(), sink)
		return err
	})
	require.Less(t, time.Since(begun), promptly, "the call outlived its context")
	require.Zero(t, sink.Len())
}
