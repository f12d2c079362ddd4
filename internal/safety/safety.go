// Package safety decides what may be drawn: by the creator's words, by the consent of the person whose face is used, and
// by what a judge sees in the picture that is to be copied. What it does not cover is in docs/security.md.
//
// A decision is written down in the audit log, without words and without pictures: a no before it has an effect, a yes by
// the statement that ends the attempt to draw, so that nothing is shown without it. Whatever keeps a decision from being
// made, such as a judge that is away, is an ErrUndecided and never a yes.
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

// DrawRequest is what somebody wants drawn, as far as it matters here.
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
func (w DrawRequest) swap() bool { return w.Copy && w.Selfie }

// BeforeQueue decides what can be decided without looking at a picture: by consent, by the words, and by what is known of
// the picture already. It fails with a validation error for a consent that is missing, with ErrFaceSwapBlocked or with
// ErrContentBlocked, which the caller hands to Note once its transaction has ended. A yes is not final; Review is.
func (s *Service) BeforeQueue(ctx context.Context, q *db.Queries, w DrawRequest) error {
	if w.swap() && w.Consent == nil {
		return apperr.Validation(apperr.Body("consent", "required", "Say that the person in the selfie agrees."))
	}
	if refusal := w.refusal(); refusal != nil {
		return refusal
	}
	if !w.Copy || w.TargetID == nil {
		return nil
	}
	finding, known, err := s.recall(ctx, q, w.UserID, *w.TargetID)
	if err != nil || !known {
		return err
	}
	if refusal := weigh(finding, w.swap()); refusal != nil {
		return refusal
	}
	return nil
}

// RecordRefusal writes down what BeforeQueue refused, since its transaction was undone, and returns the error that is to be
// answered. Errors that are no refusals it passes on.
func (s *Service) RecordRefusal(ctx context.Context, w DrawRequest, err error) error {
	refusal, ok := refusalOf(err)
	if !ok {
		return err
	}
	noted := decision{refusal: refusal}
	if ruleOf(refusal).seen() {
		noted.moderator, noted.known = s.moderator.Name(), true
	}
	if failed := s.record(ctx, w, noted); failed != nil {
		return failed
	}
	return err
}

// Approval is a yes that has to be written down yet: by the statement that ends the attempt, or by Keep.
type Approval struct {
	ID   uuid.UUID       // of its entry in the audit log
	Meta json.RawMessage // for whom and why
}

// Review decides finally, before anything is drawn; target is the picture to be copied, as it will be sent, or nil. It
// fails with ErrFaceSwapBlocked, ErrContentBlocked or ErrUndecided; a refusal is written down by then.
func (s *Service) Review(ctx context.Context, w DrawRequest, target *providers.Picture) (Approval, error) {
	decided := decision{refusal: w.refusal()}
	if decided.refusal == nil && w.Copy && target != nil {
		finding, known, err := s.look(ctx, *target)
		if err != nil {
			return Approval{}, undecided(err)
		}
		decided = decision{refusal: weigh(finding, w.swap()), moderator: s.moderator.Name(), known: known}
	}
	if decided.refusal == nil {
		return s.approve(w, decided)
	}
	if err := s.record(ctx, w, decided); err != nil {
		return Approval{}, undecided(err)
	}
	return Approval{}, decided.refusal
}

func (s *Service) approve(w DrawRequest, d decision) (Approval, error) {
	entry := s.entry(w, d)
	meta, err := entry.EncodeMeta()
	if err != nil {
		return Approval{}, undecided(err)
	}
	return Approval{ID: entry.ID, Meta: meta}, nil
}

// RecordApproval writes a yes down whose attempt had no end of its own, since its job was cancelled or taken over. It may be written
// already.
func (s *Service) RecordApproval(ctx context.Context, userID uuid.UUID, a Approval) error {
	if err := s.store.Queries().DecisionKeep(ctx, db.DecisionKeepParams{ID: a.ID, UserID: userID, Meta: a.Meta}); err != nil {
		return fmt.Errorf("note decision: %w", err)
	}
	return nil
}

// refusal is what follows from a wish itself, or nil.
func (w DrawRequest) refusal() *apperr.Error {
	if w.swap() && !w.Consent.given() {
		return refuse(NoConsent)
	}
	if rule, found := forbidden(w.Prompt); found {
		return refuse(rule)
	}
	return nil
}

// decision is what is done about a wish.
type decision struct {
	refusal   *apperr.Error // nil: it is allowed
	moderator string        // who looked at the picture; empty: nobody had to
	known     bool          // what was found stems from an earlier look
}

// record writes a decision down.
func (s *Service) record(ctx context.Context, w DrawRequest, d decision) error {
	if err := audit.Record(ctx, s.store.Queries(), s.entry(w, d)); err != nil {
		return fmt.Errorf("note decision: %w", err)
	}
	return nil
}

// entry says of a decision for whom it was and why, never the words and nothing of the picture.
func (s *Service) entry(w DrawRequest, d decision) audit.Entry {
	action := audit.ContentAllowed
	meta := map[string]any{"project_id": w.ProjectID}
	if w.JobID != uuid.Nil {
		meta["job_id"] = w.JobID
	}
	if d.moderator != "" {
		meta["judge"], meta["known"] = d.moderator, d.known
	}
	if d.refusal != nil {
		action, meta["rule"] = audit.Action(d.refusal.Code), ruleOf(d.refusal)
	}
	return audit.Entry{ID: s.newID(), UserID: &w.UserID, Action: action, Meta: meta}
}
