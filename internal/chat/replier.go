package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/lease"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/providers"
)

// CheckDraft tells whether an account could create a project from a draft just as it is, and returns it in the form of
// the API. An error means that it could not, or that nobody can tell.
type CheckDraft func(ctx context.Context, userID uuid.UUID, draft []byte) (json.RawMessage, error)

// ReplierDeps are what a Replier stands on.
type ReplierDeps struct {
	Store   *postgres.Store
	Text    providers.Text // nil: nobody writes, and every reply fails with that
	Model   string         // the vendor's own model id
	Catalog *catalog.Catalog
	Check   CheckDraft
	Events  Events
	Log     *slog.Logger
	// Lease is how long a silent worker is believed to be alive; it is renewed at a third of that.
	Lease time.Duration
	// MaxAge is how long after it was due a reply may still begin; then it fails. 0: 10 minutes.
	MaxAge time.Duration
	// Backoff is how long to wait before attempt+1, where the vendor did not say; nil: Backoff.
	Backoff func(attempt int32) time.Duration
	// Observe takes what came of each attempt, for metrics and the log; nil: nobody does.
	Observe func(ctx context.Context, outcome Outcome, took time.Duration)

	PublishEvery time.Duration // how long pieces are gathered before readers are told; 0: 100 ms
	PersistEvery time.Duration // how far the row may be behind in time; 0: 1 s
	PersistBytes int           // and in text; 0: 2 kB
}

// Outcome is what came of an attempt to write a reply.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"   // for good, unless its creator wants it anew
	Retried   Outcome = "retried"  // put back, to be tried again
	Released  Outcome = "released" // put back through no fault of the reply or the vendor
	Lost      Outcome = "lost"     // taken over by another worker, or gone with its chat
	Unwritten Outcome = "error"    // its end could not be written; the sweeper takes it up
)

// Replier writes replies, in a worker.
type Replier struct{ ReplierDeps }

// NewReplier returns a replier.
func NewReplier(d ReplierDeps) *Replier {
	d.MaxAge = cmp.Or(d.MaxAge, 10*time.Minute)
	d.PublishEvery = cmp.Or(d.PublishEvery, 100*time.Millisecond)
	d.PersistEvery = cmp.Or(d.PersistEvery, time.Second)
	d.PersistBytes = cmp.Or(d.PersistBytes, 2<<10)
	if d.Backoff == nil {
		d.Backoff = Backoff
	}
	if d.Observe == nil {
		d.Observe = func(context.Context, Outcome, time.Duration) {}
	}
	return &Replier{d}
}

// settleTimeout bounds the writes that end an attempt, which go on when the attempt's own context has ended.
const settleTimeout = 10 * time.Second

// Run writes a reply if it can be claimed; otherwise somebody else has it or it has ended, and there is nothing to do. The
// reply's row tells how it went, so an error means only that the row could not be written; the sweeper takes it up then.
func (r *Replier) Run(ctx context.Context, id uuid.UUID) error {
	reply, err := r.Store.Queries().ReplyClaim(ctx, db.ReplyClaimParams{
		ID: id, LeaseSeconds: r.Lease.Seconds(), MaxAttempts: MaxAttempts,
	})
	if postgres.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim reply: %w", err)
	}
	if reply.UserID != nil {
		ctx = tracecontext.With(ctx, tracecontext.UserID, reply.UserID.String())
	}
	ctx, end := tracecontext.Resume(ctx, tracecontext.Origin{RequestID: reply.RequestID, Traceparent: reply.Traceparent},
		string(queue.Reply), tracecontext.MessageID, reply.ID.String())
	held, release := r.hold(ctx, reply)
	r.publish(held, reply, event{Messages: []Message{messageOf(reply)}})
	w := newWriter(r, reply)
	defer func() { end(string(w.as)) }()
	err = r.write(held, reply, w)
	cause := context.Cause(held)
	release()

	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	switch {
	case err == nil, errors.Is(err, errFull), errors.Is(cause, errStopped):
		return r.complete(settling, w)
	case errors.Is(cause, lease.ErrLost), errors.Is(err, lease.ErrLost):
		w.ended(ctx, Lost)
		return nil
	case errors.Is(cause, queue.ErrDraining):
		return r.putBack(settling, w, failure{}, 0, Released)
	}
	return r.giveUpOrRetry(settling, w, err)
}

// pieceBuffer is how many pieces a vendor may be ahead of the row and the readers.
const pieceBuffer = 64

// write has the vendor write the reply, while what comes goes to the row and to readers.
func (r *Replier) write(ctx context.Context, reply db.Message, w *writer) error {
	if r.Text == nil {
		return errNobodyWrites
	}
	req, err := r.brief(ctx, reply)
	if err != nil {
		return err
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	pieces, ended := make(chan string, pieceBuffer), make(chan error, 1)
	go func() {
		err := r.call(ctx, req, pieces)
		close(pieces)
		ended <- err
	}()
	err = r.relay(ctx, w, pieces)
	if err != nil {
		abort(err)
		for range pieces { // until the vendor's call has noticed; what it has to say to that is no news
		}
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	w.finish()
	if len(w.text) == 0 && w.fence.last == "" {
		return errEmpty
	}
	return nil
}

// call hands on what the vendor writes. A panic of a provider is an error like any other.
func (r *Replier) call(ctx context.Context, req providers.TextRequest, pieces chan<- string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write reply: %w", apperr.Panicked(p))
			r.Log.ErrorContext(ctx, "panic while writing", "message_id", req.MessageID, "error", err, "stack", string(debug.Stack()))
		}
	}()
	_, err = r.Text.Reply(ctx, req, func(piece string) error {
		select {
		case pieces <- piece:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// relay gathers pieces and flushes them, until there are no more. What the last flush did not reach goes with the end.
func (r *Replier) relay(ctx context.Context, w *writer, pieces <-chan string) error {
	timer := time.NewTimer(r.PublishEvery)
	defer timer.Stop()
	timer.Stop()
	armed := false
	for {
		select {
		case piece, more := <-pieces:
			if !more {
				return nil
			}
			if err := w.add(piece); err != nil {
				return err
			}
			if !armed && w.dirty() {
				timer.Reset(r.PublishEvery)
				armed = true
			}
		case <-timer.C:
			armed = false
			if err := w.flush(ctx); err != nil {
				return err
			}
			if w.dirty() { // not due to be persisted yet, or not published for some reason
				timer.Reset(r.PublishEvery)
				armed = true
			}
		}
	}
}

// publish tells readers, and whether it could.
func (r *Replier) publish(ctx context.Context, reply db.Message, what event) bool {
	payload, err := json.Marshal(what)
	if err == nil {
		err = r.Events.Publish(ctx, topic(reply.ChatID), payload)
	}
	if err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "chat event not published", "message_id", reply.ID, "error", err)
	}
	return err == nil
}
