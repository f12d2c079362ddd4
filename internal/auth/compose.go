package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// compose writes a mail to whoever it is for, and makes the secret that it brings. It fails with errNotNeeded.
func (m *Mailer) compose(ctx context.Context, row db.OutboxMail) (mail.Message, error) {
	if row.UserID == nil { // asked for by somebody without an account
		return mail.Message{}, errNotNeeded
	}
	user, err := m.Store.Queries().UserGet(ctx, *row.UserID)
	switch {
	case postgres.IsNotFound(err):
		return mail.Message{}, errNotNeeded
	case err != nil:
		return mail.Message{}, fmt.Errorf("read account: %w", err)
	}
	content, err := m.content(ctx, row, user)
	if err != nil {
		return mail.Message{}, err
	}
	message, err := m.Templates.Render(content)
	if err != nil {
		return mail.Message{}, err
	}
	// Each attempt may bring another secret, so that none may pass for a repeat of the one before.
	message.ID, message.To = fmt.Sprintf("%s/%d", row.ID, row.Attempt), user.Email
	return message, nil
}

func (m *Mailer) content(ctx context.Context, row db.OutboxMail, user db.User) (mail.Content, error) {
	switch kind := mail.Kind(row.Kind); kind {
	case mail.KindConfirmEmail:
		return m.confirmation(ctx, user)
	case mail.KindResetPassword:
		return m.reset(ctx, user)
	case mail.KindPasswordChanged:
		return mail.PasswordChanged{At: row.CreatedAt}, nil
	case mail.KindAccountLocked:
		var facts lockFacts
		if err := json.Unmarshal(row.Facts, &facts); err != nil {
			return nil, fmt.Errorf("read facts of mail: %w", err)
		}
		return mail.AccountLocked{At: row.CreatedAt, For: time.Duration(facts.Seconds * float64(time.Second))}, nil
	default:
		return nil, fmt.Errorf("mail of unknown kind %q", kind)
	}
}

// confirmation makes a code the newest of an account.
func (m *Mailer) confirmation(ctx context.Context, user db.User) (mail.Content, error) {
	if user.EmailConfirmedAt != nil {
		return nil, errNotNeeded
	}
	code, err := token.NewCode(m.Random)
	if err != nil {
		return nil, err
	}
	now := m.Now()
	err = m.Store.Queries().EmailCodeReplace(ctx, db.EmailCodeReplaceParams{
		UserID: user.ID, Purpose: codePurpose, CodeHash: m.Codes.Hash(user.ID, codePurpose, code),
		Now: now, ExpiresAt: now.Add(codeLifetime),
	})
	if err != nil {
		return nil, fmt.Errorf("keep code: %w", err)
	}
	return mail.ConfirmEmail{Code: code, ValidFor: codeLifetime}, nil
}

// reset makes a token that resets the password of an account. Those before it stay good until one of them is used: a
// second mail must not spoil the link in the first.
func (m *Mailer) reset(ctx context.Context, user db.User) (mail.Content, error) {
	secret, hash, err := token.NewReset(m.Random)
	if err != nil {
		return nil, err
	}
	now := m.Now()
	err = m.Store.Queries().PasswordResetCreate(ctx, db.PasswordResetCreateParams{
		ID: m.NewID(), UserID: user.ID, TokenHash: hash[:], Now: now, ExpiresAt: now.Add(resetLifetime),
	})
	if err != nil {
		return nil, fmt.Errorf("keep reset token: %w", err)
	}
	return mail.ResetPassword{Token: secret, ValidFor: resetLifetime}, nil
}
