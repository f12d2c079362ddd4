package task

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// Kind is one kind of background work, as a domain implements it. Its methods are called by many goroutines at once.
type Kind interface {
	// Policy returns the limits of the kind. It is read once for each attempt.
	Policy() Policy
	// Claim begins an attempt on a row, or returns nil where there is none to begin: the row is not due, has ended, or
	// another worker has its lease.
	Claim(ctx context.Context, id uuid.UUID) (Attempt, error)
	// Classify tells what an error of [Attempt.Work] means. What it does not know is worth another attempt.
	Classify(err error) Decision

	Recovery
}

// Recovery finds the rows that no worker is going to do, for the sweeper: Redis forgets ids, and workers die.
type Recovery interface {
	// MarkDue picks the rows whose ids are to be pushed (again), marks them as pushed and returns their ids.
	MarkDue(ctx context.Context, due Due) ([]uuid.UUID, error)
	// Unmark takes MarkDue back for ids that could not be pushed.
	Unmark(ctx context.Context, ids []uuid.UUID) error
	// Expire ends the rows whose last attempt died with its worker, and those that waited for too long.
	Expire(ctx context.Context) (ended int, err error)
}

// Due says which rows [Recovery.MarkDue] picks: those that are due and were never pushed since, those whose lease has
// lapsed, and those that were pushed before.
type Due struct {
	// RepushAfter is how long after its last push a row that still waits is picked again. It doubles with each push.
	RepushAfter time.Duration
	// PushedBefore picks all that were last pushed before it, however short ago; nil: none. It is set when Redis was emptied.
	PushedBefore *time.Time
	// Batch bounds how many rows are picked for each of the three reasons.
	Batch int
}

// Policy is what bounds the attempts of a kind.
type Policy struct {
	// Lease is how long a silent worker counts as alive. The runner renews it at a third of that.
	Lease time.Duration
	// MaxAttempts is how many attempts count before the row fails; see [Decision].
	MaxAttempts int32
	// Backoff returns how long to wait after an attempt, the first of which is 1.
	Backoff func(attempt int32) time.Duration
}

// Attempt is a claimed row. One goroutine calls its methods, except that Renew and Handle run beside Work.
type Attempt interface {
	// Row describes the claimed row.
	Row() Row
	// Renew prolongs the lease, and tells whether it was still this attempt's. An error leaves that open.
	Renew(ctx context.Context) (ours bool, err error)
	// Handle takes a control message of [Row].Control and returns why it ends the attempt, or nil.
	Handle(message []byte) error
	// Work does the work, and takes away what it has left outside of the row where it fails. It returns soon after its
	// context ends, whose cause tells why: [ErrLeaseLost], the error of Handle, or queue.ErrDraining. It returns ErrLeaseLost
	// itself where one of its own writes finds that the lease is lost.
	Work(ctx context.Context) error

	// Complete, Retry and Fail write what came of the attempt, in one statement that names the fencing token, and then
	// announce it. They fail with postgres.IsNotFound where the lease is no longer this attempt's. The runner repeats them
	// while Postgres is away, so that they must not announce what they have not written.
	Complete(ctx context.Context) (Outcome, error)
	// Retry puts the row back to wait.
	Retry(ctx context.Context, r Retry) error
	// Fail ends the row for good.
	Fail(ctx context.Context, d Decision) error
	// Abandon is called where the row is not this attempt's any more: nothing of it will be written by the other three.
	Abandon(ctx context.Context)
}

// Row is what the runner has to know of a claimed row.
type Row struct {
	// Name is the row's name in logs and spans, one of package tracecontext: JobID, MessageID, MailID.
	Name string
	ID   uuid.UUID
	// Noun is what operators call the row: "job", "reply", "mail".
	Noun    string
	UserID  *uuid.UUID // whom the work is for; nil: not known
	Attempt int32      // the number of this attempt; the first is 1
	Origin  tracecontext.Origin
	// Control is the topic of the row's control messages; empty: there are none.
	Control string
	// Expiry is until when another attempt may begin; zero: for ever.
	Expiry time.Time
}

// Decision is what a failed attempt is worth: whether to try again, and what to tell the row's owner.
type Decision struct {
	Code    string // of the failure, in the contract's words
	Message string // the same for the owner to read

	Retry bool          // another attempt may succeed
	After time.Duration // how long to wait at least; 0: not stated
	// Throttled says that a limit of ours ended the attempt before a vendor was asked. Such an attempt does not count.
	Throttled bool
	// OwnersFault says that the owner has to mend it, so that no operator need be called.
	OwnersFault bool
}

// Retry is how a row is put back.
type Retry struct {
	Decision

	Delay time.Duration // until the next attempt may begin
	// Released says that this attempt does not count: the process drains, or [Decision].Throttled.
	Released bool
}

// Outcome is what came of an attempt, as logs, spans and metrics call it.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"   // for good
	Dropped   Outcome = "dropped"  // there was nothing left to do
	Retried   Outcome = "retried"  // put back, to be tried again
	Released  Outcome = "released" // put back, and the attempt does not count
	Lost      Outcome = "lost"     // the lease was lost: to another worker, to a cancel, or with the row
	Unwritten Outcome = "error"    // the end could not be written; the sweeper takes the row up
)
