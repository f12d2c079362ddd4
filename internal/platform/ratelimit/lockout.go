package ratelimit

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// ErrLocked means that an account has had too many failures, or has too many attempts under way. Its RetryAfter says when to
// try again.
var ErrLocked = apperr.New(apperr.RateLimited, apperr.CodeAccountLocked,
	"There were too many failed attempts. Please wait before you try again.")

// ErrAddressLocked means the same of a network address, which says nothing about the account that was asked for.
var ErrAddressLocked = apperr.New(apperr.RateLimited, apperr.CodeRateLimited,
	"There were too many failed attempts from your network. Please wait before you try again.")

const (
	// busyRetryAfter is the RetryAfter for a client that is not locked out, but found no free attempt within Wait.
	busyRetryAfter = time.Second

	// Begin polls for a free attempt at intervals that double from firstPoll to longestPoll.
	firstPoll, longestPoll = 5 * time.Millisecond, 80 * time.Millisecond
)

// LockoutConfig says when failures lock, and for how long.
type LockoutConfig struct {
	Purpose     string        // what is attempted, such as "signin"; purposes are counted separately
	MaxFailures int           // how many failures within Window lock an account; at least 1
	MaxByAddr   int           // how many lock a network address, which many people may share; at least 1
	Window      time.Duration // how long a failure counts
	FirstLock   time.Duration // each lock is twice as long as the one before…
	LongestLock time.Duration // …up to this; a lock is remembered for this long after its end
	Lease       time.Duration // how long an attempt stays reserved if its process dies; longer than any request takes
	Wait        time.Duration // how long Begin waits for attempts that are under way
}

// DefaultLockout returns the configuration for an operation, from the numbers that operators set. Locks last 1, 2, 4 … 60
// minutes: the exponential lockout of OWASP's Authentication Cheat Sheet.
func DefaultLockout(purpose string, maxFailures, maxByAddr int, window time.Duration) LockoutConfig {
	return LockoutConfig{
		Purpose: purpose, MaxFailures: maxFailures, MaxByAddr: maxByAddr, Window: window,
		FirstLock: time.Minute, LongestLock: time.Hour, Lease: time.Minute, Wait: 2 * time.Second,
	}
}

// Lockout bounds guessing, of passwords for example. The caller reserves an attempt before it checks the guess, and settles
// the attempt afterwards:
//
//	attempt, err := lockout.Begin(ctx, ratelimit.Account(email), ratelimit.Address(ip))
//	if err != nil {
//		return err
//	}
//	defer attempt.Release(ctx)
//	… if right { attempt.Succeed(ctx) } else { attempt.Fail(ctx) }
//
// Failures and attempts under way together never exceed MaxFailures and MaxByAddr, so that guesses made at the same time can't exceed
// the limit. A request that finds no free attempt waits for a while, since the attempts under way may succeed: the people in
// an office may all sign in from one address at nine o'clock.
//
// After a lock has ended, an account gets one attempt, and a failure locks it for twice as long. An address, which many
// clients may share, gets MaxByAddr attempts again. A success resets the failures of the account but never those of the
// address: an attacker who guesses at other accounts may have an account too.
type Lockout struct {
	counters *Counters
	cfg      LockoutConfig
	random   io.Reader
}

// NewLockout returns a lockout on these counters, with random for the ids of attempts. It is safe for concurrent use if random
// is. It fails where cfg is out of range.
func NewLockout(counters *Counters, cfg LockoutConfig, random io.Reader) (*Lockout, error) {
	if cfg.Purpose == "" || cfg.MaxFailures < 1 || cfg.MaxByAddr < 1 || cfg.Window < time.Millisecond || cfg.FirstLock < time.Millisecond ||
		cfg.LongestLock < cfg.FirstLock || cfg.Lease < time.Millisecond || cfg.Wait < 0 {
		return nil, fmt.Errorf("lockout configuration out of range: %+v", cfg)
	}
	return &Lockout{counters: counters, cfg: cfg, random: random}, nil
}

// Attempt is a reserved attempt. It is settled by the first [Attempt.Succeed], [Attempt.Fail] or [Attempt.Release] that
// returns no error; further calls do nothing. It is not safe for concurrent use.
type Attempt struct {
	lockout  *Lockout
	id       string
	subjects []Subject
	settled  bool
}

// Begin reserves an attempt with all subjects. It returns [ErrLocked] or [ErrAddressLocked], with RetryAfter, when one of them is
// locked or had no free attempt within LockoutConfig.Wait, and [apperr.ErrUnavailable] when Redis is away.
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
			return nil, subjects[reply[2]].locked().WithRetryAfter(time.Duration(reply[1]) * time.Microsecond)
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return nil, subjects[reply[2]].locked().WithRetryAfter(busyRetryAfter)
		}
	}
}

// locked is the failure of an attempt that this subject stands in the way of.
func (s Subject) locked() *apperr.Error {
	if s.forgiven {
		return ErrLocked
	}
	return ErrAddressLocked
}

// Lock is a lock that began with a failure.
type Lock struct {
	Subject Subject       // that is locked
	For     time.Duration // how long
}

// Fail counts the attempt against its subjects and returns the locks that begin with it, mostly none. It returns
// [apperr.ErrUnavailable] when Redis is away; then the caller must not tell the client whether the guess was right, since the
// guess was not counted.
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

// Succeed frees the attempt and resets the failures of its accounts. It returns [apperr.ErrUnavailable] when Redis is away;
// then the reservation expires after LockoutConfig.Lease, and the failures remain.
func (a *Attempt) Succeed(ctx context.Context) error { return a.settle(ctx, true) }

// Release frees an attempt that was neither right nor wrong, because something else failed. It returns
// [apperr.ErrUnavailable] when Redis is away; then the reservation expires after LockoutConfig.Lease.
func (a *Attempt) Release(ctx context.Context) error { return a.settle(ctx, false) }

// settle frees the attempt and, if it was right, resets the failures of its accounts.
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

// Clear resets the failures of subjects and ends their locks, for example after the owner of an account has set a new password
// by mail. It returns [apperr.ErrUnavailable] when Redis is away.
func (l *Lockout) Clear(ctx context.Context, subjects ...Subject) error {
	return l.settle(ctx, "", subjects, func(Subject) bool { return true })
}

// settle frees the attempt id, and resets the subjects for which forgive returns true.
func (l *Lockout) settle(ctx context.Context, id string, subjects []Subject, forgive func(Subject) bool) error {
	args := []any{id}
	for _, s := range subjects {
		args = append(args, forgive(s))
	}
	_, err := l.counters.run(ctx, l.counters.scripts.settle, l.keys(subjects), args...)
	return err
}

// keys returns the two keys of each subject: its attempts and its lock.
func (l *Lockout) keys(subjects []Subject) []string {
	keys := make([]string, 0, 2*len(subjects))
	for _, s := range subjects {
		key := l.counters.key("lockout:"+l.cfg.Purpose, s)
		keys = append(keys, key, key+":lock")
	}
	return keys
}

// allowances returns how many attempts each subject has, and how many after it was locked.
func (l *Lockout) allowances(subjects []Subject) []any {
	args := make([]any, 0, 2*len(subjects)+4)
	for _, s := range subjects {
		if s.forgiven {
			args = append(args, l.cfg.MaxFailures, 1)
		} else {
			args = append(args, l.cfg.MaxByAddr, l.cfg.MaxByAddr)
		}
	}
	return args
}
