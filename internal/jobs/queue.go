package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/apperr"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/idempotency"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/store"
)

// Order is how a project should be drawn.
type Order struct {
	Model    string // empty: the project's preference, else the catalog's default
	Quality  string
	Variants int32 // 1 to 4
	Consent  *Consent
}

// Consent is what the creator stated about the person in the selfie.
type Consent struct {
	SubjectIsMe   bool      `json:"subject_is_me"`
	SubjectAgreed bool      `json:"subject_agreed"`
	AcceptedAt    time.Time `json:"accepted_at"`
}

// Queued is a job that was paid for.
type Queued struct {
	JobID       uuid.UUID
	CostCredits int64
	CreditsLeft int64
}

// queueTries bounds how often an order is priced anew because the project was edited between pricing and paying.
const queueTries = 5

// Queue takes the credits and queues a job, once for each key; replayed tells that it was done already. It fails with
// projects.ErrNotFound, catalog.ErrModelUnavailable, ErrInsufficientCredits, ErrFaceSwapBlocked or a validation error,
// and then nothing has happened.
func (s *Service) Queue(
	ctx context.Context, userID, projectID uuid.UUID, o Order, key idempotency.Key,
) (queued Queued, replayed bool, err error) {
	var job db.Job
	queued, replayed, err = idempotency.Once(ctx, s.store, userID, key, s.now(), func(q *db.Queries) (Queued, error) {
		for range queueTries {
			project, err := projects.Read(ctx, q, userID, projectID)
			if err != nil {
				return Queued{}, err
			}
			paid, err := s.pay(ctx, q, project, o)
			if store.IsNotFound(err) {
				if err := s.whyUnpaid(ctx, q, project, o); err != nil {
					return Queued{}, err
				}
				continue
			}
			if err != nil {
				return Queued{}, err
			}
			job = jobOf(paid)
			return Queued{JobID: paid.ID, CostCredits: paid.CostCredits, CreditsLeft: paid.CreditsLeft}, nil
		}
		return Queued{}, errBusyProject
	})
	if err != nil || replayed {
		return queued, replayed, err
	}
	// What fails from here on is made good by the sweeper and by the next event.
	if job.WaitsFor == nil {
		if err := s.line.push(ctx, job.ID); err != nil {
			s.log.WarnContext(ctx, "job not pushed; the sweeper will", "job_id", job.ID, "error", err)
		}
	}
	publish(ctx, s.events, s.log, View{Job: job})
	return queued, false, nil
}

// pay checks and prices the order and, in one statement, takes the credits and writes the job. store.IsNotFound: the
// project has changed, or the balance does not suffice.
func (s *Service) pay(ctx context.Context, q *db.Queries, p projects.Project, o Order) (db.JobQueueRow, error) {
	model, err := s.model(p, o)
	if err != nil {
		return db.JobQueueRow{}, err
	}
	consent, err := s.consent(p, o)
	if err != nil {
		return db.JobQueueRow{}, err
	}
	seed := newSeed()
	if p.Seed != nil {
		seed = *p.Seed
	}
	width, height := catalog.Size(o.Quality, p.Width, p.Height)
	row, err := q.JobQueue(ctx, db.JobQueueParams{
		ID: s.newID(), LedgerID: s.newID(), ProjectID: p.ID, UserID: p.UserID, ProjectVersion: p.Version,
		CostCredits: model.Cost(o.Quality, p.Mode, o.Variants), Model: model.ID,
		Provider: model.Provider, UserJobs: s.line.limits.UserJobs, Quality: o.Quality, Variants: o.Variants, Width: width,
		Height: height, Seed: seed, Consent: consent,
	})
	if err != nil {
		return db.JobQueueRow{}, fmt.Errorf("queue job: %w", err)
	}
	return row, nil
}

func (s *Service) model(p projects.Project, o Order) (catalog.Model, error) {
	id := catalog.DefaultModel
	if p.ModelPref != nil {
		id = *p.ModelPref
	}
	if o.Model != "" {
		id = o.Model
	}
	model, err := s.catalog.Model(id)
	if err != nil {
		return catalog.Model{}, err
	}
	if !model.Supports(p.Mode) {
		return catalog.Model{}, catalog.ErrModelUnavailable.WithDetail("model", id).
			WithMessage("This model can't copy another picture. Choose another one.")
	}
	return model, nil
}

// consent asks for it where a face would be put into another picture.
func (s *Service) consent(p projects.Project, o Order) (json.RawMessage, error) {
	needed := p.Mode == catalog.Copy && p.Prompt.SelfieAssetID != nil
	switch {
	case needed && o.Consent == nil:
		return nil, apperr.Validation(apperr.Body("consent", "required", "Say that the person in the selfie agrees."))
	case needed && !o.Consent.SubjectIsMe && !o.Consent.SubjectAgreed:
		return nil, ErrFaceSwapBlocked
	case o.Consent == nil:
		return nil, nil
	}
	encoded, err := json.Marshal(o.Consent)
	if err != nil {
		return nil, fmt.Errorf("encode consent: %w", err)
	}
	return encoded, nil
}

// whyUnpaid returns nil when the project has changed, so that the order is worth another try.
func (s *Service) whyUnpaid(ctx context.Context, q *db.Queries, p projects.Project, o Order) error {
	now, err := projects.Read(ctx, q, p.UserID, p.ID)
	if err != nil {
		return err
	}
	if now.Version != p.Version {
		return nil
	}
	model, err := s.model(p, o)
	if err != nil {
		return err
	}
	user, err := q.UserGet(ctx, p.UserID)
	if err != nil {
		return fmt.Errorf("read balance: %w", err)
	}
	return ErrInsufficientCredits.
		WithDetail("cost_credits", model.Cost(o.Quality, p.Mode, o.Variants)).
		WithDetail("credits", user.Credits)
}

func jobOf(r db.JobQueueRow) db.Job {
	return db.Job{
		ID: r.ID, ProjectID: r.ProjectID, UserID: r.UserID, PromptID: r.PromptID, Mode: r.Mode, Platform: r.Platform,
		Model: r.Model, Provider: r.Provider, Quality: r.Quality, Variants: r.Variants, Width: r.Width, Height: r.Height, Seed: r.Seed,
		Consent: r.Consent, Status: r.Status, Stage: r.Stage, Progress: r.Progress, Attempt: r.Attempt,
		CostCredits: r.CostCredits, Refunded: r.Refunded, Version: r.Version, QueuedAt: r.QueuedAt, RunAt: r.RunAt,
		WaitsFor: r.WaitsFor,
	}
}
