// Package audit records security events of accounts, such as sign-ins and new passwords, and the decisions of moderation. The
// account's owner and operators who examine an incident read them.
//
// An event is recorded in the transaction of the change that it reports, so that neither exists without the other. Events
// outlive the account: when it is deleted, their addresses and user agents are blanked and the rest stays.
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
	UnconfirmedReplaced  Action = "unconfirmed_account_replaced" // another sign-up for its address took its place
	UnconfirmedExpired   Action = "unconfirmed_account_expired"
	EmailConfirmed       Action = "email_confirmed"
	EmailCodeRefused     Action = "email_code_refused"
	ConfirmationResent   Action = "confirmation_resent"
	SignedIn             Action = "signed_in"
	SignInFailed         Action = "sign_in_failed"
	PasswordRefused      Action = "password_refused" // a wrong password from a client that is signed in
	AccountLocked        Action = "account_locked"
	LockedAttempt        Action = "locked_attempt" // refused without checking the password
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
	SecondFactorReset    Action = "second_factor_reset" // by an operator
	SecondFactorAsked    Action = "second_factor_asked" // the password was right, and the second factor is missing
	SecondFactorRefused  Action = "second_factor_refused"
	RecoveryCodeUsed     Action = "recovery_code_used"
)

// The decisions of package safety. Each refusal has the name of the error code in the answer to its creator.
const (
	ContentAllowed  Action = "content_allowed"
	ContentBlocked  Action = "content_blocked"
	FaceSwapBlocked Action = "face_swap_blocked"
)

// Entry is one event.
type Entry struct {
	ID        uuid.UUID
	UserID    *uuid.UUID // nil: the account is not known
	Action    Action
	IP        string
	UserAgent string
	// Meta has details for programs: ids, counts and reasons. Never secrets, and no personal data, since the event outlives
	// the account. nil: no details.
	Meta map[string]any
}

// EncodeMeta returns Meta as the audit log stores it.
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

// Record stores an event on q, which is the caller's transaction.
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
