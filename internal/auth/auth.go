// Package auth knows who somebody is: sign-up, confirmation, sign-in, sessions and passwords, and the mails that these
// need. Each file is one of them.
//
// The rules that hold everywhere: an answer never tells, in its words or its work, more than the contract allows about
// whether an address has an account; what counts failures is committed before the failure is reported; what is spent is
// spent by one statement; and every event of interest to security is an audit entry in the transaction of what it
// tells of.
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
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// Principal is who is asking, as an access token proved it.
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

// Config is what may differ between deployments.
type Config struct {
	SessionIdle     time.Duration // how long a session lives without a refresh
	SessionLifetime time.Duration // how long a session lives at all
	SignupBonus     int64         // credits for a confirmed address; 0: none
	Product         string        // how authenticator apps name the account
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
	OnBalanceChange credits.BalanceObserver
	Now             func() time.Time
	NewID           func() uuid.UUID
	Random          io.Reader
	Log             *slog.Logger
}

// Push tells the workers of a mail.
type Push func(ctx context.Context, mailID uuid.UUID) error

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
	onBalanceChange credits.BalanceObserver
	now             func() time.Time
	newID           func() uuid.UUID
	random          io.Reader
	log             *slog.Logger

	rollCall coalesce.Batcher[Principal, bool] // whether a session may still be used
}

// NewService returns a service.
func NewService(cfg Config, d Deps) *Service {
	s := &Service{
		cfg: cfg, store: d.Store, passwords: d.Passwords, accessTokens: d.AccessTokens, refreshTokens: d.RefreshTokens,
		codes: d.Codes, vault: d.Vault, lockout: d.Lockout, push: d.Push, claimPhoto: d.ClaimPhoto, onBalanceChange: d.OnBalanceChange,
		now: d.Now, newID: d.NewID, random: d.Random, log: d.Log,
	}
	s.rollCall.Send, s.rollCall.Timeout, s.rollCall.OverlapAfter = s.areAlive, rollCallTimeout, rollCallPatience
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

// announce tells the workers of mails whose rows are committed. Nobody waits for it: what is lost here, the sweeper finds.
func (s *Service) announce(ctx context.Context, mailID uuid.UUID) {
	if err := s.push(ctx, mailID); err != nil {
		s.log.WarnContext(ctx, "mail is left to the sweeper", "mail_id", mailID, "error", err)
	}
}

// byEmail finds the account with an address.
func (s *Service) byEmail(ctx context.Context, email string) (user db.User, found bool, err error) {
	user, err = s.store.Queries().UserByEmail(ctx, strings.TrimSpace(email))
	switch {
	case postgres.IsNotFound(err):
		return db.User{}, false, nil
	case err != nil:
		return db.User{}, false, fmt.Errorf("find account: %w", err)
	}
	return user, true, nil
}

// account reads the account that is asking. It fails with ErrUnauthenticated when it has been deleted since the request
// was let in.
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
