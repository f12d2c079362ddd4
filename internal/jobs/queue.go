package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/safety"
)

// JobRequest is how a creator wants a project drawn.
type JobRequest struct {
	Model    string // empty: the project's preference, else the catalog's default
	Quality  string
	Variants int32 // 1 to 4
	Consent  *safety.Consent
}

// Queued is a job that was paid for.
type Queued struct {
	JobID       uuid.UUID
	CostCredits int64
	CreditsLeft int64
}

// queueTries bounds how often a request is priced anew because the project was edited between pricing and paying.
const queueTries = 5

// Queue takes the credits and queues a job, once for each key; replayed tells that it was done already. It fails with
// projects.ErrNotFound, projects.ErrAssetMissing, catalog.ErrModelUnavailable, ErrInsufficientCredits, a validation error, or
// what package safety refuses; and then nothing has happened.
func (s *Service) Queue(
	ctx context.Context, userID, projectID uuid.UUID, req JobRequest, key idempotency.Key,
) (queued Queued, replayed bool, err error) {
	c := queueing{service: s, userID: userID, projectID: projectID, request: req}
	queued, replayed, err = idempotency.Once(ctx, s.store, userID, key, s.now(), func(q *db.Queries) (Queued, error) {
		return c.try(ctx, q, key.Value != "")
	})
	if errors.Is(err, errNeedsTx) {
		err = s.store.InTx(ctx, func(q *db.Queries) error {
			queued, err = c.try(ctx, q, true)
			return err
		})
	}
	if err != nil {
		return queued, replayed, s.safety.RecordRefusal(ctx, c.drawing, err)
	}
	if replayed {
		return queued, true, nil
	}
	s.begin(ctx, enqueuedJob{
		id: c.paid.ID, userID: userID, cost: c.paid.CostCredits, waits: c.paid.Waits, raced: c.paid.Raced,
	})
	return queued, false, nil
}

// errNeedsTx says that a project has pictures, which are looked for in the transaction that pays, and that there is none.
var errNeedsTx = errors.New("jobs: a project with pictures is queued in a transaction")

// queueing is one call of [Service.Queue].
type queueing struct {
	service           *Service
	userID, projectID uuid.UUID
	request           JobRequest

	drawing safety.DrawRequest // of the last try
	paid    db.JobQueueRow
}

// try queues and pays, or fails with errNeedsTx.
func (c *queueing) try(ctx context.Context, q *db.Queries, inTx bool) (Queued, error) {
	s := c.service
	for range queueTries {
		project, err := c.read(ctx, q, inTx)
		if err != nil {
			return Queued{}, err
		}
		if !inTx && projects.HasPictures(project.Prompt) {
			return Queued{}, errNeedsTx
		}
		c.drawing = drawRequest(c.userID, c.projectID, project.Mode, project.Prompt, wordsOf(project.Prompt))
		c.drawing.Consent = c.request.Consent
		c.paid, err = c.pay(ctx, q, project, inTx)
		if postgres.IsNotFound(err) {
			if err := s.whyUnpaid(ctx, q, project, c.request); err != nil {
				return Queued{}, err
			}
			continue
		}
		if err != nil {
			return Queued{}, err
		}
		return Queued{JobID: c.paid.ID, CostCredits: c.paid.CostCredits, CreditsLeft: c.paid.CreditsLeft}, nil
	}
	return Queued{}, errBusyProject
}

// read reads the project: on the handle of the transaction, or with those of other requests.
func (c *queueing) read(ctx context.Context, q *db.Queries, inTx bool) (projects.Project, error) {
	if inTx {
		return projects.Read(ctx, q, c.userID, c.projectID)
	}
	return c.service.projects.Project(ctx, c.userID, c.projectID)
}

// enqueuedJob is a job that has just been queued and paid for.
type enqueuedJob struct {
	id, userID uuid.UUID
	cost       int64
	waits      bool // for a slot of its account
	raced      bool // another statement changed the account's jobs meanwhile, so that a slot may be free after all
}

// begin pushes the job, or looks for a slot of its account. The sweeper makes good what fails here. The job has no readers
// to be told: a reader that learns of it later reads it first.
func (s *Service) begin(ctx context.Context, j enqueuedJob) {
	s.onBalanceChange.Observe(credits.JobCharge, j.cost)
	switch {
	case !j.waits:
		s.waitList.push(ctx, j.id)
	case j.raced:
		s.waitList.wake(ctx, capacityFreed{userID: j.userID, account: true})
	}
}

// pay checks and prices the request and, in one statement, takes the credits and writes the job: in the transaction of q, or
// with the payments of other accounts. postgres.IsNotFound: the project has changed, or the balance does not suffice.
func (c *queueing) pay(ctx context.Context, q *db.Queries, p projects.Project, inTx bool) (db.JobQueueRow, error) {
	s, req := c.service, c.request
	model, err := s.model(p, req)
	if err != nil {
		return db.JobQueueRow{}, err
	}
	if err := s.safety.BeforeQueue(ctx, q, c.drawing); err != nil {
		return db.JobQueueRow{}, err
	}
	if err := projects.RequirePictures(ctx, q, p.UserID, p.Prompt); err != nil {
		return db.JobQueueRow{}, err
	}
	consent, err := encodeConsent(req.Consent)
	if err != nil {
		return db.JobQueueRow{}, err
	}
	seed := newSeed()
	if p.Seed != nil {
		seed = *p.Seed
	}
	priced := payment{
		id: s.newID(), ledgerID: s.newID(), project: p.Project, request: req, model: model, seed: seed, consent: consent,
		origin: tracecontext.From(ctx),
	}
	var row db.JobQueueRow
	if inTx {
		row, err = postgres.First(s.payAll(ctx, q, []payment{priced}))
	} else {
		row, err = s.payments.One(ctx, priced)
	}
	if err != nil {
		return db.JobQueueRow{}, fmt.Errorf("queue job: %w", err)
	}
	return row, nil
}

func (s *Service) model(p projects.Project, req JobRequest) (catalog.Model, error) {
	id := catalog.DefaultModel
	if p.ModelPref != nil {
		id = *p.ModelPref
	}
	if req.Model != "" {
		id = req.Model
	}
	model, err := s.catalog.Model(id)
	if err != nil {
		return catalog.Model{}, err
	}
	return model, fits(model, p.Mode, p.Prompt)
}

// fits fails with catalog.ErrModelUnavailable where the prompt needs what the model can't do.
func fits(m catalog.Model, mode string, p db.Prompt) error {
	var message string
	switch {
	case (mode == catalog.Copy || p.CopyTargetAssetID != nil) && !m.Supports(catalog.Copy):
		message = "This model can't copy another picture. Choose another one."
	case p.SelfieAssetID != nil && !m.Supports(catalog.Selfie):
		message = "This model can't draw the person of a selfie. Choose another one, or take the selfie away."
	case len(p.RefAssetIds) > 0 && !m.Supports(catalog.References):
		message = "This model takes no reference pictures. Choose another one, or take the pictures away."
	default:
		return nil
	}
	return catalog.ErrModelUnavailable.WithDetail("model", m.ID).WithMessage(message)
}

// whyUnpaid returns nil when the project has changed, so that the request is worth another try.
func (s *Service) whyUnpaid(ctx context.Context, q *db.Queries, p projects.Project, req JobRequest) error {
	now, err := projects.Read(ctx, q, p.UserID, p.ID)
	if err != nil {
		return err
	}
	if now.Version != p.Version {
		return nil
	}
	model, err := s.model(p, req)
	if err != nil {
		return err
	}
	user, err := q.UserGet(ctx, p.UserID)
	if err != nil {
		return fmt.Errorf("read balance: %w", err)
	}
	return ErrInsufficientCredits.
		WithDetail("cost_credits", model.Cost(req.Quality, p.Mode, req.Variants)).
		WithDetail("credits", user.Credits)
}
