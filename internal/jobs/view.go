package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// View is everything about a job that its owner may see. It is also what an event carries: the whole state, so that a
// reader that missed some events has missed nothing.
type View struct {
	Job     db.Job
	Renders []Render
}

// Render is a finished picture of a job.
type Render struct {
	db.Render
	Asset db.Asset
}

// Ended tells whether the job will not change any more.
func (v View) Ended() bool { return v.Job.Status != "queued" && v.Job.Status != "running" }

// Events carries views between processes.
type Events interface {
	Publish(ctx context.Context, topic string, payload []byte) error
	Subscribe(topic string) *events.Subscription
}

func topic(jobID uuid.UUID) string { return "job:" + jobID.String() }

// controlTopic is the topic of a job's control messages, to which the worker that draws the job listens. It is apart from
// the job's own topic, so that the worker does not hear what it publishes itself.
func controlTopic(jobID uuid.UUID) string { return events.ControlTopic(topic(jobID)) }

// publish announces a change after its commit. A lost event is made good by the next, so a failure is only logged.
func publish(ctx context.Context, e Events, log *slog.Logger, v View) {
	payload, err := json.Marshal(v)
	if err == nil {
		err = e.Publish(ctx, topic(v.Job.ID), payload)
		if v.concernsHolder() {
			err = errors.Join(err, e.Publish(ctx, controlTopic(v.Job.ID), payload))
		}
	}
	if err != nil {
		log.WarnContext(ctx, "job event not published", "job_id", v.Job.ID, "error", err)
	}
}

// concernsHolder tells whether a worker may be drawing the job that has to stop: it was cancelled, failed, or begun anew.
func (v View) concernsHolder() bool {
	return v.Job.Status == "canceled" || v.Job.Status == "failed" || v.Job.Attempt > 1
}

// withRenders reads the pictures of jobs, in one query.
func withRenders(ctx context.Context, q *db.Queries, list []db.Job) ([]View, error) {
	views := make([]View, len(list))
	var finished []uuid.UUID
	at := make(map[uuid.UUID]int, len(list))
	for i, job := range list {
		views[i] = View{Job: job}
		at[job.ID] = i
		if job.Status == "succeeded" {
			finished = append(finished, job.ID)
		}
	}
	if len(finished) == 0 {
		return views, nil
	}
	rows, err := q.RenderListByJobs(ctx, finished)
	if err != nil {
		return nil, fmt.Errorf("read renders: %w", err)
	}
	for _, row := range rows {
		v := &views[at[row.Render.JobID]]
		v.Renders = append(v.Renders, Render{Render: row.Render, Asset: row.Asset})
	}
	return views, nil
}

// Get reads a job of the account, or fails with ErrNotFound.
func (s *Service) Get(ctx context.Context, userID, id uuid.UUID) (View, error) {
	job, err := s.store.Queries().JobGet(ctx, db.JobGetParams{ID: id, UserID: userID})
	switch {
	case postgres.IsNotFound(err):
		return View{}, ErrNotFound
	case err != nil:
		return View{}, fmt.Errorf("read job: %w", err)
	}
	views, err := withRenders(ctx, s.store.Queries(), []db.Job{job})
	if err != nil {
		return View{}, err
	}
	return views[0], nil
}

// List reads at most limit jobs of the account whose ids are below before, newest first; status, unless nil, picks
// those in one state.
func (s *Service) List(
	ctx context.Context, userID uuid.UUID, status *string, before uuid.UUID, limit int,
) ([]View, error) {
	var list []db.Job
	var err error
	if q := s.store.Queries(); status == nil {
		list, err = q.JobList(ctx, db.JobListParams{UserID: userID, BeforeID: before, PageSize: int32(limit)})
	} else {
		list, err = q.JobListByStatus(ctx, db.JobListByStatusParams{
			UserID: userID, Status: *status, BeforeID: before, PageSize: int32(limit),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return withRenders(ctx, s.store.Queries(), list)
}

// ListByProject is List for one project of the account, whose existence is the caller's to check.
func (s *Service) ListByProject(
	ctx context.Context, userID, projectID, before uuid.UUID, limit int,
) ([]View, error) {
	list, err := s.store.Queries().JobListByProject(ctx, db.JobListByProjectParams{
		ProjectID: projectID, UserID: userID, BeforeID: before, PageSize: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list jobs of project: %w", err)
	}
	return withRenders(ctx, s.store.Queries(), list)
}
