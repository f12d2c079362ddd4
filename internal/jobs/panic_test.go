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
func TestRenderer_logsAPanicWithoutItsText(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	var log bytes.Buffer
	f.runner.Log = slog.New(slog.NewJSONHandler(&log, nil))
	f.paint(func(_ context.Context, req providers.ImageRequest, _ providers.Sink) error {
		panic("can't draw " + req.Prompt.Headline)
	})
	id := f.request(t, draft)
	require.NoError(t, f.runner.Run(t.Context(), id))
	require.Equal(t, "internal", *f.job(t, id).Job.ErrorCode)
	require.Contains(t, log.String(), "panic in a task")
	require.Contains(t, log.String(), "panic_test.go", "the stack")
	require.NotContains(t, log.String(), "can't draw")
}
