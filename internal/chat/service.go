// Package chat keeps conversations and has the assistant's replies written: once, in one piece for every reader, or not at
// all and with a reason.
//
// [Service] is for the API, [Replier] for a worker. They communicate through the reply's row and, so that readers see every
// word as it comes, through events.
//
// # States
//
// A message of the creator is complete at once and never changes. A reply is pending, streaming while a worker has its
// lease, and then complete or failed; a failed reply may be put back to pending by its creator.
//
// # Invariants
//
//   - seq numbers the messages of a chat without a gap; the chat's row orders its writers.
//   - revision grows with each change of a row. A change is committed before it is announced.
//   - The texts of one attempt (of one lease token) are prefixes of one text, and a delta's row holds at least the bytes
//     before it. By these a reader misses nothing and repeats nothing, whatever was lost on the way.
//   - An account has at most UserReplies replies that are pending or streaming: each takes a slot (messages.place), and the
//     unique index messages_place_key gives out each slot once.
//   - A reply is asked for, or asked for again, only after it was taken from the account's daily budget.
//
// The files follow the life of a reply: send.go with together.go and budget.go, replier.go and attempt.go with context.go, writer.go and extractor.go,
// end.go and classify.go, stop.go and retry.go, recovery.go for what got lost; follow.go and reader.go show a chat to its
// owner.
package chat

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// MaxAttempts is how many attempts count before a reply fails.
const MaxAttempts = 3

// Enqueue pushes the id of a reply to the workers.
type Enqueue func(ctx context.Context, id uuid.UUID) error

// Deps are what a [Service] needs. All are required, but for those that say what their zero value means.
type Deps struct {
	Store   *postgres.Store
	Events  Events
	Enqueue Enqueue
	// UserReplies is how many replies of one account are waiting or being written at once.
	UserReplies int32
	SpendReply  SpendReply // nil: replies have no daily budget
	Now         func() time.Time
	NewID       func() uuid.UUID
	Log         *slog.Logger

	StopTimeout time.Duration // for a worker to end a reply that is stopped; 0: 1 s
	IdleTimeout time.Duration // of silence, after which a reader of an unfinished reply reads the rows; 0: 5 s
}

// Service keeps, reads and follows chats.
type Service struct {
	Deps

	gets        *gets
	newMessages *newMessages
}

// NewService returns a service.
func NewService(d Deps) *Service {
	if d.StopTimeout == 0 {
		d.StopTimeout = time.Second
	}
	if d.IdleTimeout == 0 {
		d.IdleTimeout = 5 * time.Second
	}
	return &Service{Deps: d, gets: newGets(d.Store), newMessages: storeTogether(d.Store)}
}
