package chat

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

const (
	// window is how many of the newest messages a new reader is sent, and how many are looked through for changes where
	// events may be missing.
	window = 20
	// reach is how far back a reader is taken that comes back after a while.
	reach = 200
	// catchUpPage is how many messages are read at a time.
	catchUpPage = 100
)

// Seen is the last message that a reader was sent before its connection broke; the zero value is a new reader.
type Seen struct{ Seq, Revision int64 }

// Follow sends what there is in a chat of the account and then each change, until the chat is deleted or send fails, or
// the following is ended; ended is called with the reason: nil where the chat was deleted, ErrNotFound where it is not
// there.
//
// It subscribes before it reads, so that nothing falls between. A new reader gets the newest messages; one that has seen
// some gets those behind, and the latest replies among them that may have changed.
func (s *Service) Follow(
	ctx context.Context, userID, chatID uuid.UUID, seen Seen, send func(Update) error, ended func(error),
) *events.Following {
	f := &follower{service: s, userID: userID, chatID: chatID, seen: seen, reader: reader{send: send}}
	f.reader.rows = f
	return events.Follow(ctx, s.Events.Subscribe(topic(chatID)), f, ended)
}

// follower is a reader of a chat. It is all that is kept of a reader while nothing happens.
type follower struct {
	service        *Service
	userID, chatID uuid.UUID
	seen           Seen
	reader         reader
}

// Snapshot implements events.Handler.
func (f *follower) Snapshot(ctx context.Context) error { return f.reader.begin(ctx, f.seen) }

// Handle implements events.Handler.
func (f *follower) Handle(ctx context.Context, e *events.Event) error {
	if e.Lagged {
		return f.reader.look(ctx)
	}
	heard, err := events.Decode[event](e)
	if err != nil {
		return fmt.Errorf("decode chat event: %w", err)
	}
	gone, err := f.reader.handle(ctx, *heard)
	if gone {
		return events.ErrDone
	}
	return err
}

// IdleTimeout implements events.Handler: while a reply is being written, silence is odd.
func (f *follower) IdleTimeout() time.Duration {
	if f.reader.waits() {
		return f.service.IdleTimeout
	}
	return 0
}

func (f *follower) after(ctx context.Context, seq int64) ([]Message, error) {
	return f.service.Messages(ctx, f.userID, f.chatID, seq, catchUpPage)
}

func (f *follower) get(ctx context.Context, id uuid.UUID) (Message, error) {
	return f.service.reply(ctx, f.userID, f.chatID, id)
}

func (f *follower) newer(ctx context.Context, count int) ([]Message, error) {
	list, err := f.service.NewestMessages(ctx, f.userID, f.chatID, math.MaxInt64, count)
	slices.Reverse(list)
	return list, err
}

// begin sends what there is.
func (r *reader) begin(ctx context.Context, seen Seen) error {
	count := window
	if seen.Seq > 0 {
		count = reach
	}
	list, err := r.rows.newer(ctx, count)
	if err != nil {
		return err
	}
	for i, m := range list {
		if m.Seq <= seen.Seq {
			r.last = max(r.last, m.Seq)
			old := m.Seq == seen.Seq && m.Revision == seen.Revision && !m.Unfinished()
			if m.Sender != fromAI || old || i < len(list)-window && !m.Unfinished() {
				continue
			}
		}
		if err := r.message(m); err != nil {
			return err
		}
	}
	return nil
}
