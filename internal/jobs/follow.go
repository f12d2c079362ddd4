package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Follow sends a job of the account as it is, then each change, until it has ended, ctx has, or send fails. Versions up
// to seen are not sent. It subscribes before it reads, so that no change falls between.
func (s *Service) Follow(ctx context.Context, userID, id uuid.UUID, seen int64, send func(View) error) error {
	sub := s.events.Subscribe(topic(id))
	defer sub.Close()
	view, err := s.Get(ctx, userID, id)
	for {
		if err != nil {
			return err
		}
		if view.Job.Version > seen {
			if err := send(view); err != nil {
				return err
			}
			seen = view.Job.Version
		}
		if view.Ended() {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case event, open := <-sub.C():
			if !open {
				return nil // the process shuts down; the client comes back elsewhere
			}
			if event.Lagged {
				view, err = s.Get(ctx, userID, id)
				continue
			}
			view = View{}
			if err = json.Unmarshal(event.Payload, &view); err != nil {
				err = fmt.Errorf("decode job event: %w", err)
			}
		}
	}
}
