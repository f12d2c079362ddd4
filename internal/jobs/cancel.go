package jobs

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/projects"
)

// Cancel ends a job of the account and gives back the credits of the variants that were not asked of the vendor. Of a cancel
// and a success at the same moment one wins. It fails with ErrNotFound, or with ErrFinished when the job has ended.
func (s *Service) Cancel(ctx context.Context, userID, id uuid.UUID) (View, error) {
	var row db.JobEndRow
	err := s.store.InTx(ctx, func(q *db.Queries) (err error) { // which begins anew where it was the victim of a deadlock
		row, err = q.JobEnd(ctx, s.cancellation(userID, id))
		return err
	})
	if postgres.IsNotFound(err) {
		if _, err := s.Get(ctx, userID, id); err != nil {
			return View{}, err
		}
		return View{}, ErrFinished
	}
	if err != nil {
		return View{}, fmt.Errorf("cancel job: %w", err)
	}
	return s.ended(ctx, row), nil
}

// ended announces a cancelled job, after the commit: to its readers, to a worker that draws it and has to stop, and to the
// jobs that may begin now.
func (s *Service) ended(ctx context.Context, row db.JobEndRow) View {
	s.onBalanceChange.Observe(credits.JobRefund, row.Job.RefundedCredits)
	view := View{Job: row.Job}
	publish(ctx, s.events, s.log, view)
	s.waitList.wake(ctx, freedBy(row))
	return view
}

func (s *Service) cancellation(userID, id uuid.UUID) db.JobEndParams {
	return db.JobEndParams{ID: id, LedgerID: s.newID(), Status: "canceled", UserID: &userID}
}

// deleteTries bounds how often a deletion begins anew because a job was queued meanwhile.
const deleteTries = 5

// DeleteProject removes a project of the account, after its unfinished jobs were cancelled and refunded. It stands here
// and not in projects because jobs know projects, and not the other way round. It fails with projects.ErrNotFound.
func (s *Service) DeleteProject(ctx context.Context, userID, projectID uuid.UUID) error {
	for range deleteTries {
		deleted, canceled, err := s.tryDelete(ctx, userID, projectID)
		if err != nil {
			return err
		}
		for _, row := range canceled {
			s.ended(ctx, row)
		}
		if deleted {
			return nil
		}
	}
	return errBusyProject
}

func (s *Service) tryDelete(
	ctx context.Context, userID, projectID uuid.UUID,
) (deleted bool, canceled []db.JobEndRow, err error) {
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		canceled = nil
		newest, err := q.ProjectNewestJob(ctx, db.ProjectNewestJobParams{ID: projectID, UserID: userID})
		if postgres.IsNotFound(err) {
			return projects.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("read project: %w", err)
		}
		active, err := q.JobActiveByProject(ctx, db.JobActiveByProjectParams{ProjectID: projectID, UserID: userID})
		if err != nil {
			return fmt.Errorf("list unfinished jobs: %w", err)
		}
		for _, id := range active {
			row, err := q.JobEnd(ctx, s.cancellation(userID, id))
			if postgres.IsNotFound(err) {
				continue // it ended meanwhile
			}
			if err != nil {
				return fmt.Errorf("cancel job: %w", err)
			}
			canceled = append(canceled, row)
		}
		rows, err := q.ProjectDelete(ctx, db.ProjectDeleteParams{ID: projectID, UserID: userID, LastJobID: newest})
		deleted = rows > 0
		if err != nil {
			return fmt.Errorf("delete project: %w", err)
		}
		return nil
	})
	return deleted, canceled, err
}
