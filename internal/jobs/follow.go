package jobs

import (
	"context"
	"encoding/json"
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
	sub := s.events.Subscribe(topic(id))
	defer sub.Close()
	f := follower{service: s, userID: userID, id: id, seen: seen, send: send}
	err := apart(func() error { return f.read(ctx) })
	for err == nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case event, open := <-sub.C():
			if !open {
				return nil // the process shuts down; the client comes back elsewhere
			}
			err = apart(func() error { return f.take(ctx, event) })
		}
	}
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// apart calls f in a goroutine of its own and waits for it. Queries and JSON need a deep stack, of 16 kB, which a
// goroutine keeps until the collector halves it some time later; that of a follower, thousands of which wait at a time,
// stays as small as it began. A panic is passed on.
func apart(f func() error) error {
	var err error
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		err = f()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// follower is what a follower remembers while it waits.
type follower struct {
	service    *Service
	userID, id uuid.UUID
	seen       int64
	send       func(View) error
}

func (f *follower) take(ctx context.Context, event events.Event) error {
	if event.Lagged {
		return f.read(ctx)
	}
	var view View
	if err := json.Unmarshal(event.Payload, &view); err != nil {
		return fmt.Errorf("decode job event: %w", err)
	}
	return f.pass(view)
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
