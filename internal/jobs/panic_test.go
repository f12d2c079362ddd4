package jobs_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

// What a provider's library panics with may quote the prompt. The log tells that it did, and where.
func TestRun_panicIsLoggedWithoutItsText(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	var log bytes.Buffer
	w.runner.Log = slog.New(slog.NewJSONHandler(&log, nil))
	w.paint(func(_ context.Context, req providers.ImageRequest, _ providers.Sink) error {
		panic("can't draw " + req.Prompt.Headline)
	})
	id := w.order(t, draft)
	require.NoError(t, w.runner.Run(t.Context(), id))
	require.Equal(t, "internal", *w.job(t, id).Job.ErrorCode)
	require.Contains(t, log.String(), "panic in a task")
	require.Contains(t, log.String(), "panic_test.go", "the stack")
	require.NotContains(t, log.String(), "can't draw")
}
