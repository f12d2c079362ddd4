// Package safety decides what may be drawn: by the creator's words, by the consent of the person whose face is used, and by what
// a moderator sees in the picture that is to be copied. What it does not cover is in docs/security.md.
//
// A [DrawRequest] is allowed, refused, or undecided. [Service.BeforeQueue] refuses what can be refused without looking at a
// picture; [Service.Review] decides finally, before a worker draws. Invariants:
//
//   - Every decision is an entry of the audit log, without words and without pictures: a refusal before it has an effect, an
//     approval by the statement that ends the attempt to draw, so that no picture is shown without one.
//   - What keeps a decision from being made, such as a moderator that is away, is [ErrUndecided] and never an approval.
//   - A picture is moderated once in 30 days for each moderator, and all requests go by the finding that was stored first. An
//     approval needs the SHA-256 of the picture to match; the MD5 alone, for which another picture can be made, only refuses.
package safety

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
)

// Deps are what a Service stands on.
type Deps struct {
	Store     *postgres.Store
	Moderator providers.Moderator
	Now       func() time.Time
	NewID     func() uuid.UUID
}

// Service makes the decisions. It is safe for concurrent use.
type Service struct {
	store     *postgres.Store
	moderator providers.Moderator
	now       func() time.Time
	newID     func() uuid.UUID
}

// New returns a service.
func New(d Deps) *Service {
	return &Service{store: d.Store, moderator: d.Moderator, now: d.Now, newID: d.NewID}
}

// DrawRequest is what a creator wants drawn, as far as the decision depends on it.
type DrawRequest struct {
	UserID    uuid.UUID
	ProjectID uuid.UUID
	JobID     uuid.UUID // uuid.Nil: it is not queued yet
	Prompt    providers.Prompt
	Copy      bool       // another picture is copied
	Selfie    bool       // with the face of this person in it
	Consent   *Consent   // of that person; nil: nothing was stated
	TargetID  *uuid.UUID // the picture to be copied; nil: none
}

// swap tells whether a face would be put into another picture.
func (r DrawRequest) swap() bool { return r.Copy && r.Selfie }

// BeforeQueue decides what can be decided without looking at a picture: by consent, by the words, and by what is known of
// the picture already. It fails with a validation error for a consent that is missing, in the future or old, with ErrFaceSwapBlocked or with
// ErrContentBlocked, which the caller passes to [Service.RecordRefusal] once its transaction has ended. Success is not final: the
// decision of [Service.Review] is.
func (s *Service) BeforeQueue(ctx context.Context, q *db.Queries, r DrawRequest) error {
	if r.swap() && r.Consent == nil {
		return apperr.Validation(apperr.Body("consent", "required", "Say that the person in the selfie agrees."))
	}
	if refusal := r.refusal(); refusal != nil {
		return refusal
	}
	if err := r.Consent.check(s.now()); err != nil {
		return err
	}
	if !r.Copy || r.TargetID == nil {
		return nil
	}
	finding, known, err := s.recall(ctx, q, r.UserID, *r.TargetID)
	if err != nil || !known {
		return err
	}
	if refusal := weigh(finding, r.swap()); refusal != nil {
		return refusal
	}
	return nil
}

// RecordRefusal writes the audit entry of a refusal by [Service.BeforeQueue], whose transaction was rolled back, and returns the
// error to answer with. It returns errors that are no refusals as they are.
func (s *Service) RecordRefusal(ctx context.Context, r DrawRequest, err error) error {
	refusal, ok := refusalOf(err)
	if !ok {
		return err
	}
	decided := decision{refusal: refusal}
	if ruleOf(refusal).aboutPicture() {
		decided.moderator, decided.known = s.moderator.Name(), true
	}
	if failed := s.record(ctx, r, decided); failed != nil {
		return failed
	}
	return err
}

// Approval is an approval whose audit entry is still to be written: by the statement that ends the attempt to draw, or by
// [Service.RecordApproval].
type Approval struct {
	ID   uuid.UUID       // of its entry in the audit log
	Meta json.RawMessage // for whom and why
}

// Review decides finally, before anything is drawn; target is the picture to be copied, as it will be sent, or nil. It
// fails with ErrFaceSwapBlocked, ErrContentBlocked or ErrUndecided; the audit entry of a refusal is written by then.
func (s *Service) Review(ctx context.Context, r DrawRequest, target *providers.Picture) (Approval, error) {
	decided := decision{refusal: r.refusal()}
	if decided.refusal == nil && r.Copy && target != nil {
		finding, known, err := s.look(ctx, *target)
		if err != nil {
			return Approval{}, undecided(err)
		}
		decided = decision{refusal: weigh(finding, r.swap()), moderator: s.moderator.Name(), known: known}
	}
	if decided.refusal == nil {
		return s.approve(r, decided)
	}
	if err := s.record(ctx, r, decided); err != nil {
		return Approval{}, undecided(err)
	}
	return Approval{}, decided.refusal
}

func (s *Service) approve(r DrawRequest, d decision) (Approval, error) {
	entry := s.entry(r, d)
	meta, err := entry.EncodeMeta()
	if err != nil {
		return Approval{}, undecided(err)
	}
	return Approval{ID: entry.ID, Meta: meta}, nil
}

// RecordApproval writes the audit entry of an approval whose attempt did not write it, since its job was cancelled or taken over.
// It does nothing where the entry exists.
func (s *Service) RecordApproval(ctx context.Context, userID uuid.UUID, a Approval) error {
	if err := s.store.Queries().DecisionRecord(ctx, db.DecisionRecordParams{ID: a.ID, UserID: userID, Meta: a.Meta}); err != nil {
		return fmt.Errorf("record approval: %w", err)
	}
	return nil
}

// refusal is what follows from the request itself, or nil.
func (r DrawRequest) refusal() *apperr.Error {
	if r.swap() && !r.Consent.given() {
		return refuse(NoConsent)
	}
	if rule, found := forbidden(r.Prompt); found {
		return refuse(rule)
	}
	return nil
}

// decision is an approval or a refusal of a request.
type decision struct {
	refusal   *apperr.Error // nil: it is allowed
	moderator string        // that looked at the picture; empty: none had to
	known     bool          // the finding was stored by an earlier request
}

// record writes a decision down.
func (s *Service) record(ctx context.Context, r DrawRequest, d decision) error {
	if err := audit.Record(ctx, s.store.Queries(), s.entry(r, d)); err != nil {
		return fmt.Errorf("record decision: %w", err)
	}
	return nil
}

// entry is the audit entry of a decision: for which account and why, never the words and nothing of the picture.
func (s *Service) entry(r DrawRequest, d decision) audit.Entry {
	action := audit.ContentAllowed
	meta := map[string]any{"project_id": r.ProjectID}
	if r.JobID != uuid.Nil {
		meta["job_id"] = r.JobID
	}
	if d.moderator != "" {
		meta["judge"], meta["known"] = d.moderator, d.known
	}
	if d.refusal != nil {
		action, meta["rule"] = audit.Action(d.refusal.Code), ruleOf(d.refusal)
	}
	return audit.Entry{ID: s.newID(), UserID: &r.UserID, Action: action, Meta: meta}
}
