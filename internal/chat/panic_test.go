package chat_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/providers"
)

// What a provider's library panics with may quote the creator. The log tells that it did, and where.
func TestReplier_logsAPanicWithoutItsText(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := setup(t, func(d *chat.ReplierDeps) { d.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	f.write(func(_ context.Context, req providers.TextRequest, _ func(string) error) error {
		panic("can't answer " + req.Turns[0].Text)
	})
	require.Equal(t, "internal", *f.run(t, f.ask(t, "Help me")).ErrorCode)
	require.Contains(t, log.String(), "panic in a task")
	require.Contains(t, log.String(), "panic_test.go", "the stack")
	require.NotContains(t, log.String(), "can't answer")
}
