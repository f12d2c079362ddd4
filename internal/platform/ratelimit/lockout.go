package ratelimit

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// ErrLocked says that there were too many failures; RetryAfter says when to try again.
var ErrLocked = apperr.New(apperr.RateLimited, apperr.CodeAccountLocked,
	"There were too many failed attempts. Please wait before you try again.")

const (
	// busyRetryAfter is what a client is told who isn't locked out, but found no attempt free for all his waiting.
	busyRetryAfter = time.Second

	// An attempt that waits for others to settle asks again after these times, doubling.
	firstPoll, longestPoll = 5 * time.Millisecond, 80 * time.Millisecond
)

// LockoutConfig says when failures lock, and for how long.
type LockoutConfig struct {
	Purpose     string        // what is attempted, as in "signin"; each purpose counts for itself
	MaxFailures int           // failures within Window that lock; at least 1
	Window      time.Duration // how long a failure counts
	FirstLock   time.Duration // each lock is twice as long as the one before…
	LongestLock time.Duration // …up to this; a lock is remembered for as long after its end
	Lease       time.Duration // for which an attempt stays reserved if its process dies: longer than any request takes
	Wait        time.Duration // how long Begin waits for attempts under way to settle
}

// DefaultLockout is the lockout of an operation, from the two numbers of the configuration: locks of 1, 2, 4 … 60
// minutes, the exponential lockout of OWASP's Authentication Cheat Sheet.
func DefaultLockout(purpose string, maxFailures int, window time.Duration) LockoutConfig {
	return LockoutConfig{
		Purpose: purpose, MaxFailures: maxFailures, Window: window,
		FirstLock: time.Minute, LongestLock: time.Hour, Lease: time.Minute, Wait: 2 * time.Second,
	}
}

// Lockout bounds guessing. An attempt is reserved before the guess is judged, and settled afterwards:
//
//	attempt, err := lockout.Begin(ctx, ratelimit.Account(email), ratelimit.Address(ip))
//	if err != nil {
//		return err
//	}
//	defer attempt.Release(ctx)
//	… if right { attempt.Succeed(ctx) } else { attempt.Fail(ctx) }
//
// Failures and attempts under way are never more than MaxFailures together, so that no number of guesses at once gets
// one past the limit. Those that find no attempt free wait a little, since the ones under way may be right: a whole
// office can sign in at nine.
//
// An account that was locked gets one attempt when its lock has ended, and a failure then locks it twice as long. An
// address, which many may share, gets MaxFailures anew. A success forgives the account, and never the address: who guesses
// at others' accounts may well have one of his own.
type Lockout struct {
	counters *Counters
	cfg      LockoutConfig
	random   io.Reader
}

// NewLockout returns a lockout on these counters. It is safe for concurrent use if random is. It fails when cfg is out of
// range.
func NewLockout(counters *Counters, cfg LockoutConfig, random io.Reader) (*Lockout, error) {
	if cfg.Purpose == "" || cfg.MaxFailures < 1 || cfg.Window < time.Millisecond || cfg.FirstLock < time.Millisecond ||
		cfg.LongestLock < cfg.FirstLock || cfg.Lease < time.Millisecond || cfg.Wait < 0 {
		return nil, fmt.Errorf("lockout configuration out of range: %+v", cfg)
	}
	return &Lockout{counters: counters, cfg: cfg, random: random}, nil
}

// Attempt is a reserved attempt. It is for one goroutine, and settled once: what follows the first Succeed, Fail or
// Release does nothing.
type Attempt struct {
	lockout  *Lockout
	id       string
	subjects []Subject
	settled  bool
}

// Begin reserves an attempt with all subjects. It returns ErrLocked, with RetryAfter, when one of them is locked or
// has all its attempts under way for LockoutConfig.Wait, and apperr.ErrUnavailable when Redis is away.
func (l *Lockout) Begin(ctx context.Context, subjects ...Subject) (*Attempt, error) {
	id, err := uuid.NewRandomFromReader(l.random)
	if err != nil {
		return nil, fmt.Errorf("draw attempt id: %w", err)
	}
	attempt := &Attempt{lockout: l, id: id.String(), subjects: subjects}
	args := append([]any{attempt.id, l.cfg.Lease.Microseconds()}, l.allowances(subjects)...)
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Wait)
	defer cancel()
	for poll := firstPoll; ; poll = min(2*poll, longestPoll) {
		reply, err := l.counters.run(ctx, l.counters.scripts.begin, l.keys(subjects), args...)
		switch {
		case err != nil:
			return nil, err
		case reply[0] == 0:
			return attempt, nil
		case reply[0] == 1:
			return nil, ErrLocked.WithRetryAfter(time.Duration(reply[1]) * time.Microsecond)
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return nil, ErrLocked.WithRetryAfter(busyRetryAfter)
		}
	}
}

// Lock is a lock that a failure brought about.
type Lock struct {
	Subject Subject
	For     time.Duration
}

// Fail counts the attempt against its subjects and returns the locks that this brings about, mostly none. It returns
// apperr.ErrUnavailable when Redis is away; the guess must then not be answered, or it would have been for free.
func (a *Attempt) Fail(ctx context.Context) ([]Lock, error) {
	if a.settled {
		return nil, nil
	}
	l := a.lockout
	args := append([]any{
		a.id, l.cfg.Window.Microseconds(), l.cfg.FirstLock.Microseconds(), l.cfg.LongestLock.Microseconds(),
	}, l.allowances(a.subjects)...)
	reply, err := l.counters.run(ctx, l.counters.scripts.fail, l.keys(a.subjects), args...)
	if err != nil {
		return nil, err
	}
	a.settled = true
	var locks []Lock
	for i, duration := range reply {
		if duration > 0 {
			locks = append(locks, Lock{Subject: a.subjects[i], For: time.Duration(duration) * time.Microsecond})
		}
	}
	return locks, nil
}

// Succeed gives the attempt back and forgives its accounts all earlier failures. It returns apperr.ErrUnavailable when
// Redis is away; then the reservation lapses by itself, and the failures count on.
func (a *Attempt) Succeed(ctx context.Context) error { return a.settle(ctx, true) }

// Release gives an attempt back that was neither right nor wrong, because something else failed. It returns
// apperr.ErrUnavailable when Redis is away; then the reservation lapses by itself.
func (a *Attempt) Release(ctx context.Context) error { return a.settle(ctx, false) }

func (a *Attempt) settle(ctx context.Context, right bool) error {
	if a.settled {
		return nil
	}
	forgive := func(s Subject) bool { return right && s.forgiven }
	if err := a.lockout.settle(ctx, a.id, a.subjects, forgive); err != nil {
		return err
	}
	a.settled = true
	return nil
}

// Clear forgives subjects all failures and ends their locks, as for an account whose owner has just chosen a new password
// by mail. It returns apperr.ErrUnavailable when Redis is away.
func (l *Lockout) Clear(ctx context.Context, subjects ...Subject) error {
	return l.settle(ctx, "", subjects, func(Subject) bool { return true })
}

func (l *Lockout) settle(ctx context.Context, id string, subjects []Subject, forgive func(Subject) bool) error {
	args := []any{id}
	for _, s := range subjects {
		args = append(args, forgive(s))
	}
	_, err := l.counters.run(ctx, l.counters.scripts.settle, l.keys(subjects), args...)
	return err
}

// keys are the two keys of each subject: its attempts and its lock.
func (l *Lockout) keys(subjects []Subject) []string {
	keys := make([]string, 0, 2*len(subjects))
	for _, s := range subjects {
		key := l.counters.key("lockout:"+l.cfg.Purpose, s)
		keys = append(keys, key, key+":lock")
	}
	return keys
}

// allowances are how many attempts each subject has, and how many once it was locked.
func (l *Lockout) allowances(subjects []Subject) []any {
	args := make([]any, 0, 2*len(subjects)+4)
	for _, s := range subjects {
		after := l.cfg.MaxFailures
		if s.forgiven {
			after = 1
		}
		args = append(args, l.cfg.MaxFailures, after)
	}
	return args
}
