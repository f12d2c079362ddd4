package jobs

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/projects"
)

// Repeat queues a job that failed anew, for an operator: as a new job at the same price, which its owner pays again,
// since the credits of the failed one are back. It fails with ErrNotFound unless the job failed and no operator has dealt
// with it, with catalog.ErrModelUnavailable where the model is not offered or can't do it any more, with
// projects.ErrAssetMissing, or with ErrInsufficientCredits; then nothing has happened.
func (s *Service) Repeat(ctx context.Context, failedID uuid.UUID) (uuid.UUID, error) {
	var repeated db.JobRepeatRow
	err := s.store.InTx(ctx, func(q *db.Queries) error {
		failed, err := handle(ctx, q, failedID)
		if err != nil {
			return err
		}
		model, err := s.catalog.Model(failed.Model)
		if err != nil {
			return err
		}
		prompt, err := q.PromptGet(ctx, failed.PromptID)
		if err != nil {
			return fmt.Errorf("read prompt: %w", err)
		}
		if err := fits(model, failed.Mode, prompt); err != nil {
			return err
		}
		if err := projects.RequirePictures(ctx, q, failed.UserID, prompt); err != nil {
			return err
		}
		origin := tracecontext.From(ctx)
		repeated, err = q.JobRepeat(ctx, db.JobRepeatParams{
			OldID: failedID, ID: s.newID(), LedgerID: s.newID(), Provider: model.Provider, UserJobs: s.waitList.limits.UserJobs,
			RequestID: origin.RequestID, Traceparent: origin.Traceparent,
		})
		if postgres.IsNotFound(err) {
			return ErrInsufficientCredits
		}
		if err != nil {
			return fmt.Errorf("repeat job: %w", err)
		}
		return nil
	})
	if err != nil {
		return uuid.Nil, err
	}
	s.begin(ctx, enqueuedJob{
		id: repeated.ID, userID: repeated.UserID, cost: repeated.CostCredits, waits: repeated.Waits, raced: true,
	})
	return repeated.ID, nil
}

// Dismiss takes a failed job from the list of those that operators should look at. It fails with ErrNotFound.
func (s *Service) Dismiss(ctx context.Context, failedID uuid.UUID) error {
	_, err := handle(ctx, s.store.Queries(), failedID)
	return err
}

// handle records that an operator deals with a failed job, and reads it.
func handle(ctx context.Context, q *db.Queries, failedID uuid.UUID) (db.Job, error) {
	failed, err := q.JobHandle(ctx, failedID)
	switch {
	case postgres.IsNotFound(err):
		return db.Job{}, ErrNotFound
	case err != nil:
		return db.Job{}, fmt.Errorf("mark failed job: %w", err)
	}
	return failed, nil
}
