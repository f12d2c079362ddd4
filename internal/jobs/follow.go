package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// Follow sends a job of the account as it is, then each change, until it has ended or send fails, or the following is
// ended; ended is called with the reason, which is nil where there was nothing more to send. Versions up to seen are not sent; a seen
// beyond the job's version was never one of it, and counts as none. It subscribes before it reads, so that no change falls
// between.
func (s *Service) Follow(
	ctx context.Context, userID, id uuid.UUID, seen int64, send func(context.Context, View) error, ended func(error),
) *events.Following {
	f := &follower{service: s, userID: userID, id: id, seen: seen, send: send}
	return events.Follow(ctx, s.events.Subscribe(topic(id)), f, ended)
}

// follower is a reader of a job. It is all that is kept of a reader while nothing happens.
type follower struct {
	service    *Service
	userID, id uuid.UUID
	seen       int64
	send       func(context.Context, View) error
}

// Snapshot implements events.Handler.
func (f *follower) Snapshot(ctx context.Context) error {
	view, err := f.service.Get(ctx, f.userID, f.id)
	if err != nil {
		return err
	}
	if f.seen > view.Job.Version { // not of this job, or of a commit that a crash of Postgres undid
		f.seen = 0
	}
	return f.pass(ctx, view)
}

// Handle implements events.Handler.
func (f *follower) Handle(ctx context.Context, event *events.Event) error {
	if event.Lagged {
		return f.Snapshot(ctx)
	}
	view, err := events.Decode[View](event)
	if err != nil {
		return fmt.Errorf("decode job event: %w", err)
	}
	return f.pass(ctx, *view)
}

// idleTimeout is how long a reader hears nothing of a job before its row is read: a change whose worker died right after
// the commit is not announced, and no later event tells of the last one.
const idleTimeout = time.Minute

// IdleTimeout implements events.Handler.
func (*follower) IdleTimeout() time.Duration { return idleTimeout }

func (f *follower) pass(ctx context.Context, view View) error {
	if view.Job.Version > f.seen {
		if err := f.send(ctx, view); err != nil {
			return err
		}
		f.seen = view.Job.Version
	}
	if view.Ended() {
		return events.ErrDone
	}
	return nil
}
