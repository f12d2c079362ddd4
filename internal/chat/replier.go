package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// CheckDraft tells whether an account could create a project from a draft just as it is, and returns the draft in the form
// of the API. An error means that the account could not, or that this can't be checked.
type CheckDraft func(ctx context.Context, userID uuid.UUID, draft []byte) (json.RawMessage, error)

// ReplierDeps are what a [Replier] needs. All are required, but for those that say what their zero value means.
type ReplierDeps struct {
	Store   *postgres.Store
	Text    providers.Text // nil: no vendor writes, and every reply fails with that
	Model   string         // the vendor's own model id
	Catalog *catalog.Catalog
	Check   CheckDraft
	Events  Events
	Log     *slog.Logger
	// Lease is how long a silent worker counts as alive; see [task.Policy].
	Lease time.Duration
	// MaxAge is how long after it was due a reply may still begin; then it fails. 0: 10 minutes.
	MaxAge time.Duration
	// Backoff is how long to wait after an attempt where the vendor did not say; nil: up to 1 s, doubling up to 10 s.
	Backoff func(attempt int32) time.Duration

	PublishEvery time.Duration // how long pieces are gathered before readers hear of them; 0: 100 ms
	PersistEvery time.Duration // how far the row may be behind in time; 0: 1 s
	PersistBytes int           // and in text, in bytes; 0: 2 kB
}

// Replier writes replies, in a worker. It implements [task.Kind].
type Replier struct{ ReplierDeps }

var _ task.Kind = (*Replier)(nil)

// NewReplier returns a replier.
func NewReplier(d ReplierDeps) *Replier {
	d.MaxAge = cmp.Or(d.MaxAge, 10*time.Minute)
	d.PublishEvery = cmp.Or(d.PublishEvery, 100*time.Millisecond)
	d.PersistEvery = cmp.Or(d.PersistEvery, time.Second)
	d.PersistBytes = cmp.Or(d.PersistBytes, 2<<10)
	if d.Backoff == nil {
		d.Backoff = task.FullJitter(backoffBase, backoffMax)
	}
	return &Replier{d}
}

// Policy implements [task.Kind].
func (r *Replier) Policy() task.Policy {
	return task.Policy{Lease: r.Lease, MaxAttempts: MaxAttempts, Backoff: r.Backoff}
}

// Claim implements [task.Kind].
func (r *Replier) Claim(ctx context.Context, id uuid.UUID) (task.Attempt, error) {
	reply, err := r.Store.Queries().ReplyClaim(ctx, db.ReplyClaimParams{
		ID: id, LeaseSeconds: r.Lease.Seconds(), MaxAttempts: MaxAttempts,
	})
	switch {
	case postgres.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("claim reply: %w", err)
	}
	return &attempt{replier: r, reply: reply, text: newWriter(r, reply)}, nil
}
