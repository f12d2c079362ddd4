package handler

import (
	"context"
	"errors"
	"strconv"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/httpapi/sse"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

// jobHandlers are the operations of the tag jobs.
type jobHandlers struct {
	cursors cursors
	jobs    *jobs.Service
	links   links
}

// ListJobs answers GET /jobs.
func (h jobHandlers) ListJobs(ctx context.Context, r api.ListJobsRequestObject) (api.ListJobsResponseObject, error) {
	before, err := decodeCursor(h.cursors, listJobs, r.Params.Cursor, uuid.Max)
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.Limit)
	views, err := h.jobs.List(ctx, edge.PrincipalFrom(ctx).UserID, textOf(r.Params.Status), before, size+1)
	if err != nil {
		return nil, err
	}
	list, err := toJobList(ctx, h.cursors, h.links, listJobs, views, size)
	if err != nil {
		return nil, err
	}
	return api.ListJobs200JSONResponse(list), nil
}

// GetJob answers GET /jobs/{job_id}.
func (h jobHandlers) GetJob(ctx context.Context, r api.GetJobRequestObject) (api.GetJobResponseObject, error) {
	view, err := h.jobs.Get(ctx, edge.PrincipalFrom(ctx).UserID, r.JobID)
	if err != nil {
		return nil, err
	}
	job, err := toJob(ctx, h.links, view)
	if err != nil {
		return nil, err
	}
	return api.GetJob200JSONResponse(job), nil
}

// CancelJob answers POST /jobs/{job_id}/cancel.
func (h jobHandlers) CancelJob(ctx context.Context, r api.CancelJobRequestObject) (api.CancelJobResponseObject, error) {
	view, err := h.jobs.Cancel(ctx, edge.PrincipalFrom(ctx).UserID, r.JobID)
	if err != nil {
		return nil, err
	}
	job, err := toJob(ctx, h.links, view)
	if err != nil {
		return nil, err
	}
	return api.CancelJob200JSONResponse(job), nil
}

// StreamJobEvents answers GET /jobs/{job_id}/events.
func (h jobHandlers) StreamJobEvents(
	ctx context.Context, r api.StreamJobEventsRequestObject,
) (api.StreamJobEventsResponseObject, error) {
	userID := edge.PrincipalFrom(ctx).UserID
	view, err := h.jobs.Get(ctx, userID, r.JobID)
	if err != nil {
		return nil, err
	}
	seen := lastVersion(r.Params.LastEventID)
	if view.Ended() && seen == view.Job.Version {
		return api.StreamJobEvents204Response{}, nil // by which an EventSource knows that it need not come back
	}
	return sse.Respond(ctx, streamLifetime, func(ctx context.Context, send func(sse.Event) error, ended func(error)) *events.Following {
		pass := func(ctx context.Context, view jobs.View) error {
			job, err := toJob(ctx, h.links, view)
			if err != nil {
				return err
			}
			return send(sse.Event{ID: strconv.FormatInt(job.Version, 10), Name: "job", Data: job})
		}
		return h.jobs.Follow(ctx, userID, r.JobID, seen, pass, func(err error) {
			if errors.Is(err, jobs.ErrNotFound) {
				err = nil // deleted with its project while it was followed
			}
			ended(err)
		})
	}), nil
}

// lastVersion reads Last-Event-ID. An id that was not issued here means that nothing of this job was seen.
func lastVersion(id *string) int64 {
	if id == nil {
		return 0
	}
	version, err := strconv.ParseInt(*id, 10, 64)
	if err != nil {
		return 0
	}
	return version
}
