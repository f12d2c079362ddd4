// Package chat keeps conversations, and sees to it that the assistant's replies are written: once, in one piece for
// every reader, or not at all and with a reason.
//
// Service is what the API uses, Replier what a worker uses. They speak to each other through the reply's row and, so that
// readers see every word as it comes, through events. The files follow the life of a reply: send.go, replier.go with
// lease.go, context.go, writer.go and fence.go, end.go, stop.go and retry.go, sweep.go for what got lost; follow.go and
// reader.go show a chat to its owner.
package chat

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// MaxAttempts is how often a reply is tried before it fails.
const MaxAttempts = 3

// Push tells the workers of a reply.
type Push func(ctx context.Context, id uuid.UUID) error

// Deps are what a Service stands on.
type Deps struct {
	Store  *postgres.Store
	Events Events
	Push   Push
	// UserReplies is how many replies of one account are waiting or being written at once.
	UserReplies int32
	Now         func() time.Time
	NewID       func() uuid.UUID
	Log         *slog.Logger

	StopPatience time.Duration // for a worker to end a reply that is stopped; 0: 1 s
	Heal         time.Duration // of silence, after which a reader of an unfinished reply looks for itself; 0: 5 s
}

// Service keeps, reads and follows chats.
type Service struct{ Deps }

// NewService returns a service.
func NewService(d Deps) *Service {
	if d.StopPatience == 0 {
		d.StopPatience = time.Second
	}
	if d.Heal == 0 {
		d.Heal = 5 * time.Second
	}
	return &Service{Deps: d}
}
