package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/events"
)

// errEnded says that a job has no further change to follow.
var errEnded = errors.New("job has ended")

// Follow sends a job of the account as it is, then each change, until it has ended, ctx has, or send fails. Versions up
// to seen are not sent. It subscribes before it reads, so that no change falls between.
func (s *Service) Follow(ctx context.Context, userID, id uuid.UUID, seen int64, send func(View) error) error {
	f := &follower{service: s, userID: userID, id: id, seen: seen, send: send}
	defer f.end()
	err := events.Apart(func() error {
		f.sub = s.events.Subscribe(topic(id))
		return f.read(ctx)
	})
	for err == nil {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case event, open := <-f.sub.C():
			err = errEnded // if not open, the process shuts down; the client comes back elsewhere
			if open {
				err = events.Apart(func() error { return f.take(ctx, event) })
			}
		}
	}
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// follower is what a follower remembers while it waits.
type follower struct {
	service    *Service
	sub        *events.Subscription
	userID, id uuid.UUID
	seen       int64
	send       func(View) error
}

// end closes the subscription, whatever ended the following.
func (f *follower) end() {
	if f.sub != nil {
		f.sub.Close()
	}
}

func (f *follower) take(ctx context.Context, event *events.Event) error {
	if event.Lagged {
		return f.read(ctx)
	}
	view, err := events.Decode[View](event)
	if err != nil {
		return fmt.Errorf("decode job event: %w", err)
	}
	return f.pass(*view)
}

func (f *follower) read(ctx context.Context) error {
	view, err := f.service.Get(ctx, f.userID, f.id)
	if err != nil {
		return err
	}
	return f.pass(view)
}

func (f *follower) pass(view View) error {
	if view.Job.Version > f.seen {
		if err := f.send(view); err != nil {
			return err
		}
		f.seen = view.Job.Version
	}
	if view.Ended() {
		return errEnded
	}
	return nil
}
