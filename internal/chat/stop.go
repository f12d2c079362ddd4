package chat

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// reply reads a reply in a chat of the account, or fails with ErrNoReply.
func (s *Service) reply(ctx context.Context, userID, chatID, id uuid.UUID) (Message, error) {
	row, err := s.Store.Queries().ReplyGet(ctx, db.ReplyGetParams{ChatID: chatID, UserID: userID, ID: id})
	switch {
	case postgres.IsNotFound(err):
		return Message{}, ErrNoReply
	case err != nil:
		return Message{}, fmt.Errorf("read reply: %w", err)
	}
	return messageOf(row), nil
}

// Stop ends a reply of the account with what has been written, and returns it. The worker that writes it is asked first,
// since the row is behind what readers have seen already; if it does not end the reply in time, the row's text has to do. A reply that
// has ended already is returned as it is. It fails with ErrNoReply.
func (s *Service) Stop(ctx context.Context, userID, chatID, id uuid.UUID) (Message, error) {
	sub := s.Events.Subscribe(topic(chatID)) // before the reply is read, so that no end of it falls between
	defer sub.Close()
	reply, err := s.reply(ctx, userID, chatID, id)
	if err != nil || !reply.Unfinished() {
		return reply, err
	}
	if reply.Status == streaming {
		s.sendControl(ctx, id, controlMessage{Stop: reply.Token})
		if ended, ok := s.awaitEnd(ctx, sub, reply); ok {
			return ended, nil
		}
	}
	row, err := s.Store.Queries().ReplyStop(ctx, id)
	if postgres.IsNotFound(err) {
		return s.reply(ctx, userID, chatID, id)
	}
	if err != nil {
		return Message{}, fmt.Errorf("stop reply: %w", err)
	}
	ended := messageOf(row)
	announce(ctx, s.Events, s.Log, chatID, event{Messages: []Message{ended}})
	s.sendControl(ctx, id, controlMessage{Stop: ended.Token}) // a worker may have begun since
	return ended, nil
}

// awaitEnd waits until an event tells of the end of a reply, for as long as StopTimeout. Where events may be missing it
// gives up early.
func (s *Service) awaitEnd(ctx context.Context, sub *events.Subscription, reply Message) (ended Message, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, s.StopTimeout)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return Message{}, false
		case e, open := <-sub.C():
			var heard event
			if !open || e.Lagged || json.Unmarshal(e.Payload, &heard) != nil {
				return Message{}, false
			}
			for _, m := range heard.Messages {
				if m.ID == reply.ID && !m.Unfinished() && m.Revision > reply.Revision {
					return m, true
				}
			}
		}
	}
}

// sendControl sends a control message to the worker that writes a reply; it is harmless where none does.
func (s *Service) sendControl(ctx context.Context, replyID uuid.UUID, m controlMessage) {
	payload, err := json.Marshal(m)
	if err == nil {
		err = s.Events.Publish(ctx, controlTopic(replyID), payload)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "control message to the writer of a reply not published", "message_id", replyID, "error", err)
	}
}
