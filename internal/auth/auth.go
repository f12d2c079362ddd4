// Package auth identifies the owner of an account: sign-up, confirmation, sign-in, sessions, passwords and the second factor.
// Each file is one of them.
//
// An account is unconfirmed until the code or the link that was mailed to it is used, then confirmed for good. Until then it
// belongs to no person: another sign-up for its address takes its place, and it goes after [Config].UnconfirmedLifetime. A session is alive until
// it is signed out, revoked, unused for [Config].SessionIdle or older than [Config].SessionLifetime, until its password changes
// or one of its spent refresh tokens is presented again; an ended session never comes back. A refresh token is current, then
// spent; codes, reset tokens and challenges are good, then used, expired or tried too often. Invariants:
//
//   - An answer never shows, in its text or in the time that it takes, more than the contract allows about whether an address
//     has an account.
//   - A failure is counted and committed before it is reported, so that a client that hangs up can't undo the count.
//   - What can be used once is used by one statement, which one of any number of simultaneous requests wins.
//   - A change of credentials raises credentials_version and ends the sessions that were opened with the old ones; what was
//     begun under an older version is not finished.
//   - Every event that matters to security is an audit entry, in the same transaction as the change that it records.
//   - No secret is stored or logged in the clear: passwords as argon2id, tokens and codes as hashes, TOTP secrets encrypted.
//
// Failures are the values of errors.go and [ratelimit.ErrLocked]; validation errors name the failing fields.
package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/coalesce"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/mailaddress"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// Principal is the account and session of a request, as its access token proved them.
type Principal struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
}

// Client is where a request comes from, as the audit log and the list of sessions show it. The edge has made both fit for
// a database.
type Client struct {
	IP        string
	UserAgent string
}

// origin is where a request comes from, as mails tell it.
func (c Client) origin() mail.Origin { return mail.NewOrigin(c.UserAgent, c.IP) }

// Config is what may differ between deployments.
type Config struct {
	SessionIdle     time.Duration // how long a session lives without a refresh
	SessionLifetime time.Duration // how long a session lives at all
	SignupBonus     int64         // credits for a confirmed address; 0: none
	Product         string        // how authenticator apps name the account

	// UnconfirmedLifetime is how long an account keeps its address and its username without being confirmed.
	UnconfirmedLifetime time.Duration
}

// Deps are what a Service stands on.
type Deps struct {
	Store           *postgres.Store
	Passwords       *password.Hasher
	AccessTokens    *token.Issuer
	RefreshTokens   *token.Refresher
	Codes           *token.CodeHasher
	Vault           *Vault
	Lockout         *ratelimit.Lockout
	Push            Push
	ClaimPhoto      ClaimPhoto // for sign-ups that bring one
	Remove          Remove     // for accounts that were never confirmed
	BonusClaims     *credits.BonusClaims
	OnBalanceChange credits.BalanceObserver
	OnSessionsEnd   SessionsObserver // nil: not observed
	Now             func() time.Time
	NewID           func() uuid.UUID
	Random          io.Reader
	Log             *slog.Logger
}

// SessionsObserver is told of an account some of whose sessions have ended, after the commit. It must not fail the caller.
type SessionsObserver func(ctx context.Context, userID uuid.UUID)

// Push tells the workers of a mail.
type Push func(ctx context.Context, mailID uuid.UUID) error

// Remove removes an account, which the caller has locked, with all that hangs on it, in the caller's transaction.
type Remove func(ctx context.Context, q *db.Queries, userID uuid.UUID) error

// Service signs people up, in and out. It is safe for concurrent use.
type Service struct {
	cfg             Config
	store           *postgres.Store
	passwords       *password.Hasher
	accessTokens    *token.Issuer
	refreshTokens   *token.Refresher
	codes           *token.CodeHasher
	vault           *Vault
	lockout         *ratelimit.Lockout
	push            Push
	claimPhoto      ClaimPhoto
	remove          Remove
	bonusClaims     *credits.BonusClaims
	onBalanceChange credits.BalanceObserver
	onSessionsEnd   SessionsObserver
	now             func() time.Time
	newID           func() uuid.UUID
	random          io.Reader
	log             *slog.Logger

	sessionsAlive coalesce.Batcher[Principal, bool] // whether a session may still be used
}

// NewService returns a service.
func NewService(cfg Config, d Deps) *Service {
	s := &Service{
		cfg: cfg, store: d.Store, passwords: d.Passwords, accessTokens: d.AccessTokens, refreshTokens: d.RefreshTokens,
		codes: d.Codes, vault: d.Vault, lockout: d.Lockout, push: d.Push, claimPhoto: d.ClaimPhoto, remove: d.Remove,
		onBalanceChange: d.OnBalanceChange, now: d.Now, newID: d.NewID, random: d.Random, log: d.Log,
	}
	if s.onSessionsEnd = d.OnSessionsEnd; s.onSessionsEnd == nil {
		s.onSessionsEnd = func(context.Context, uuid.UUID) {}
	}
	s.bonusClaims = d.BonusClaims
	s.sessionsAlive.Send, s.sessionsAlive.Timeout, s.sessionsAlive.OverlapAfter = s.areAlive, sessionTimeout, sessionOverlapAfter
	return s
}

// record writes an event of an account, or of none, with q.
func (s *Service) record(
	ctx context.Context, q *db.Queries, userID *uuid.UUID, client Client, action audit.Action, meta map[string]any,
) error {
	return audit.Record(ctx, q, audit.Entry{
		ID: s.newID(), UserID: userID, Action: action, IP: client.IP, UserAgent: client.UserAgent, Meta: meta,
	})
}

// announce pushes a mail whose row is committed to the workers. A failure is only logged: the sweeper finds rows that were
// never pushed.
func (s *Service) announce(ctx context.Context, mailID uuid.UUID) {
	if err := s.push(ctx, mailID); err != nil {
		s.log.WarnContext(ctx, "mail is left to the sweeper", "mail_id", mailID, "error", err)
	}
}

// spelled returns the one spelling of an address, as accounts have it; what is no address, as it was typed.
func spelled(email string) string {
	if address, err := mailaddress.Normalize(email); err == nil {
		return address
	}
	return strings.TrimSpace(email)
}

// byEmail finds the account with an address.
func (s *Service) byEmail(ctx context.Context, email string) (user db.User, found bool, err error) {
	user, err = s.store.Queries().UserByEmail(ctx, spelled(email))
	switch {
	case postgres.IsNotFound(err):
		return db.User{}, false, nil
	case err != nil:
		return db.User{}, false, fmt.Errorf("find account: %w", err)
	}
	return user, true, nil
}

// account reads the account of a request. It fails with [ErrUnauthenticated] when it was deleted after the request was
// authenticated.
func (s *Service) account(ctx context.Context, userID uuid.UUID) (db.User, error) {
	user, err := s.store.Queries().UserGet(ctx, userID)
	switch {
	case postgres.IsNotFound(err):
		return db.User{}, ErrUnauthenticated
	case err != nil:
		return db.User{}, fmt.Errorf("read account: %w", err)
	}
	return user, nil
}
