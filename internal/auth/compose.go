package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// ComposerDeps are what a [Composer] needs. All are required.
type ComposerDeps struct {
	Store     *postgres.Store
	Templates *mail.Templates
	Codes     *token.CodeHasher
	Now       func() time.Time
	Random    io.Reader
	NewID     func() uuid.UUID
}

// Composer writes the mails of accounts. It makes the code or the link of a mail when the mail is sent, and stores only a
// hash of it.
type Composer struct{ ComposerDeps }

// NewComposer returns a composer.
func NewComposer(d ComposerDeps) *Composer { return &Composer{d} }

// Compose implements [outbox.Composer].
func (c *Composer) Compose(ctx context.Context, row db.OutboxMail) (mail.Message, error) {
	if row.UserID == nil { // the address that asked for it has no account
		return mail.Message{}, outbox.ErrNotNeeded
	}
	user, err := c.Store.Queries().UserGet(ctx, *row.UserID)
	switch {
	case postgres.IsNotFound(err):
		return mail.Message{}, outbox.ErrNotNeeded
	case err != nil:
		return mail.Message{}, fmt.Errorf("read account: %w", err)
	}
	content, err := c.content(ctx, row, user)
	if err != nil {
		return mail.Message{}, err
	}
	message, err := c.Templates.Render(content)
	if err != nil {
		return mail.Message{}, err
	}
	message.To = user.Email
	return message, nil
}

func (c *Composer) content(ctx context.Context, row db.OutboxMail, user db.User) (mail.Content, error) {
	switch kind := mail.Kind(row.Kind); kind {
	case mail.KindConfirmEmail:
		return c.confirmation(ctx, row, user)
	case mail.KindResetPassword:
		return c.reset(ctx, user)
	case mail.KindPasswordChanged:
		from, err := read[mail.Origin](row)
		return mail.PasswordChanged{At: row.CreatedAt, From: from}, err
	case mail.KindSecondFactor:
		facts, err := read[factorFacts](row)
		return mail.SecondFactorChanged{At: row.CreatedAt, Change: facts.Change, From: facts.Origin}, err
	case mail.KindAccountLocked:
		facts, err := read[lockFacts](row)
		return mail.AccountLocked{At: row.CreatedAt, For: time.Duration(facts.Seconds * float64(time.Second))}, err
	default:
		return nil, fmt.Errorf("mail of unknown kind %q", kind)
	}
}

// read decodes the facts of a mail.
func read[T any](row db.OutboxMail) (facts T, err error) {
	if err := json.Unmarshal(row.Facts, &facts); err != nil {
		return facts, fmt.Errorf("read facts of mail: %w", err)
	}
	return facts, nil
}

// confirmation makes a code the newest of an account. A mail that was asked for before another one, and is sent after it, is not
// needed: the code that arrived is the one that counts.
func (c *Composer) confirmation(ctx context.Context, row db.OutboxMail, user db.User) (mail.Content, error) {
	if user.EmailConfirmedAt != nil {
		return nil, outbox.ErrNotNeeded
	}
	code, err := token.NewCode(c.Random)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	kept, err := c.Store.Queries().EmailCodeReplace(ctx, db.EmailCodeReplaceParams{
		UserID: user.ID, Purpose: codePurpose, CodeHash: c.Codes.Hash(user.ID, codePurpose, code),
		MailCreatedAt: row.CreatedAt, Now: now, ExpiresAt: now.Add(codeLifetime),
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("keep code: %w", err)
	case kept == 0:
		return nil, outbox.ErrNotNeeded
	}
	return mail.ConfirmEmail{Code: code, ValidFor: codeLifetime}, nil
}

// reset makes a token that resets the password of an account. Those before it stay good until one of them is used: a
// second mail must not spoil the link in the first.
func (c *Composer) reset(ctx context.Context, user db.User) (mail.Content, error) {
	secret, hash, err := token.NewReset(c.Random)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	err = c.Store.Queries().PasswordResetCreate(ctx, db.PasswordResetCreateParams{
		ID: c.NewID(), UserID: user.ID, TokenHash: hash[:], Now: now, ExpiresAt: now.Add(resetLifetime),
	})
	if err != nil {
		return nil, fmt.Errorf("keep reset token: %w", err)
	}
	return mail.ResetPassword{Token: secret, ValidFor: resetLifetime}, nil
}
