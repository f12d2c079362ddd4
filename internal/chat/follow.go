package chat

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/events"
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

// Follow sends what there is in a chat of the account and then each change, until ctx has ended, the chat is deleted
// (then it returns nil) or send fails. It fails with ErrNotFound.
//
// It subscribes before it reads, so that nothing falls between. A new reader gets the newest messages; one that has seen
// some gets those behind, and the latest replies among them that may have changed.
func (s *Service) Follow(ctx context.Context, userID, chatID uuid.UUID, seen Seen, send func(Update) error) error {
	sub := s.Events.Subscribe(topic(chatID))
	defer sub.Close()
	r := s.reader(userID, chatID, send)
	if err := events.Apart(func() error { return r.begin(ctx, seen) }); err != nil {
		return err
	}
	heal := time.NewTimer(s.Heal)
	defer heal.Stop()
	for {
		var silence <-chan time.Time
		if r.waits() {
			heal.Reset(s.Heal)
			silence = heal.C
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-silence:
			if err := events.Apart(func() error { return r.look(ctx) }); err != nil {
				return err
			}
		case e, open := <-sub.C():
			switch {
			case !open:
				return nil // the process shuts down; the client comes back elsewhere
			case e.Lagged:
				if err := events.Apart(func() error { return r.look(ctx) }); err != nil {
					return err
				}
				continue
			}
			var gone bool
			err := events.Apart(func() (err error) {
				gone, err = r.take(ctx, e)
				return err
			})
			if gone || err != nil {
				return err
			}
		}
	}
}

func (r *reader) take(ctx context.Context, e *events.Event) (gone bool, err error) {
	heard, err := events.Decode[event](e)
	if err != nil {
		return false, fmt.Errorf("decode chat event: %w", err)
	}
	return r.hear(ctx, *heard)
}

func (s *Service) reader(userID, chatID uuid.UUID, send func(Update) error) *reader {
	return &reader{
		known: map[uuid.UUID]*progress{}, send: send,
		after: func(ctx context.Context, seq int64) ([]Message, error) {
			return s.Messages(ctx, userID, chatID, seq, catchUpPage)
		},
		get: func(ctx context.Context, id uuid.UUID) (Message, error) { return s.reply(ctx, userID, chatID, id) },
		newer: func(ctx context.Context, count int) ([]Message, error) {
			list, err := s.NewestMessages(ctx, userID, chatID, math.MaxInt64, count)
			slices.Reverse(list)
			return list, err
		},
	}
}

// begin sends what there is.
func (r *reader) begin(ctx context.Context, seen Seen) error {
	count := window
	if seen.Seq > 0 {
		count = reach
	}
	list, err := r.newer(ctx, count)
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
