// Package audit writes down what happened to accounts, for their owners and for those who look into an incident. An
// event is written in the transaction of what it tells of, so that neither is there without the other.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// Action names an event. The ledger's actions, which share the table, are in package credits.
type Action string

// The security events.
const (
	SignedUp             Action = "signed_up"
	EmailConfirmed       Action = "email_confirmed"
	EmailCodeRefused     Action = "email_code_refused"
	ConfirmationResent   Action = "confirmation_resent"
	SignedIn             Action = "signed_in"
	SignInFailed         Action = "sign_in_failed"
	PasswordRefused      Action = "password_refused" // a wrong one, of somebody who is signed in already
	AccountLocked        Action = "account_locked"
	LockedAttempt        Action = "locked_attempt" // turned away without a look at the password
	SignedOut            Action = "signed_out"
	RefreshTokenReused   Action = "refresh_token_reused"
	SessionRevoked       Action = "session_revoked"
	OtherSessionsRevoked Action = "other_sessions_revoked"
	ResetRequested       Action = "password_reset_requested"
	PasswordReset        Action = "password_reset"
	PasswordChanged      Action = "password_changed"
	ProfileChanged       Action = "profile_changed"
	DataExported         Action = "data_exported"
	AccountDeleted       Action = "account_deleted"
	SecondFactorSetUp    Action = "second_factor_set_up"
	SecondFactorEnabled  Action = "second_factor_enabled"
	SecondFactorDisabled Action = "second_factor_disabled"
	SecondFactorAsked    Action = "second_factor_asked" // the password was right
	SecondFactorRefused  Action = "second_factor_refused"
	RecoveryCodeUsed     Action = "recovery_code_used"
)

// The decisions of package safety. Each refusal is named like the code that its creator is answered.
const (
	ContentAllowed  Action = "content_allowed"
	ContentBlocked  Action = "content_blocked"
	FaceSwapBlocked Action = "face_swap_blocked"
)

// Entry is one event.
type Entry struct {
	ID        uuid.UUID
	UserID    *uuid.UUID // nil: no account is known
	Action    Action
	IP        string
	UserAgent string
	// Meta says more, for programs: ids, counts and reasons. Never a secret, and nothing personal, since it outlives
	// the account; nil: nothing.
	Meta map[string]any
}

// EncodeMeta is Meta as the log keeps it.
func (e Entry) EncodeMeta() (json.RawMessage, error) {
	if e.Meta == nil {
		return json.RawMessage("{}"), nil
	}
	encoded, err := json.Marshal(e.Meta)
	if err != nil {
		return nil, fmt.Errorf("encode audit entry %s: %w", e.Action, err)
	}
	return encoded, nil
}

// Record writes an event with the caller's handle.
func Record(ctx context.Context, q *db.Queries, e Entry) error {
	meta, err := e.EncodeMeta()
	if err != nil {
		return err
	}
	err = q.AuditRecord(ctx, db.AuditRecordParams{
		ID: e.ID, UserID: e.UserID, Action: string(e.Action), IP: e.IP, UserAgent: e.UserAgent, Meta: meta,
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}
