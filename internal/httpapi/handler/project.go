package handler

import (
	"context"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/projects"
)

// projectHandlers are the operations of the tag project.
type projectHandlers struct {
	cursors  cursors
	projects *projects.Service
	jobs     *jobs.Service
	links    links
}

// CreateProject answers POST /project.
func (h projectHandlers) CreateProject(
	ctx context.Context, r api.CreateProjectRequestObject,
) (api.CreateProjectResponseObject, error) {
	key, err := edge.IdempotencyKey("createProject", r.Params.IdempotencyKey, r.Body)
	if err != nil {
		return nil, err
	}
	project, replayed, err := h.projects.Create(ctx, edge.PrincipalFrom(ctx).UserID, draftOf(*r.Body), key)
	if err != nil {
		return nil, err
	}
	return api.CreateProject201JSONResponse{Body: toProject(project), Headers: api.CreateProject201ResponseHeaders{
		ETag: etag(project.Version), IdempotentReplayed: edge.IdempotentReplayed(replayed),
	}}, nil
}

// ListProjects answers GET /project.
func (h projectHandlers) ListProjects(
	ctx context.Context, r api.ListProjectsRequestObject,
) (api.ListProjectsResponseObject, error) {
	before, err := decodeCursor(h.cursors, listProjects, r.Params.Cursor, uuid.Max)
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.Limit)
	rows, err := h.projects.List(ctx, edge.PrincipalFrom(ctx).UserID, textOf(r.Params.Status), before, size+1)
	if err != nil {
		return nil, err
	}
	rows, next := paginate(h.cursors, listProjects, rows, size, func(p projects.Project) uuid.UUID { return p.ID })
	items := make([]api.Project, len(rows))
	for i, p := range rows {
		items[i] = toProject(p)
	}
	return api.ListProjects200JSONResponse{Items: items, NextCursor: next}, nil
}

// GetProject answers GET /project/{project_id}.
func (h projectHandlers) GetProject(
	ctx context.Context, r api.GetProjectRequestObject,
) (api.GetProjectResponseObject, error) {
	project, err := h.projects.Get(ctx, edge.PrincipalFrom(ctx).UserID, r.ProjectID)
	if err != nil {
		return nil, err
	}
	return api.GetProject200JSONResponse{
		Body: toProject(project), Headers: api.GetProject200ResponseHeaders{ETag: etag(project.Version)},
	}, nil
}

// UpdateProject answers PATCH /project/{project_id}.
func (h projectHandlers) UpdateProject(
	ctx context.Context, r api.UpdateProjectRequestObject,
) (api.UpdateProjectResponseObject, error) {
	required, err := requiredVersions(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	edit := changeOf(*r.Body)
	edit.RequireVersions = required
	project, err := h.projects.Update(ctx, edge.PrincipalFrom(ctx).UserID, r.ProjectID, edit)
	if err != nil {
		return nil, err
	}
	return api.UpdateProject200JSONResponse{
		Body: toProject(project), Headers: api.UpdateProject200ResponseHeaders{ETag: etag(project.Version)},
	}, nil
}

// DeleteProject answers DELETE /project/{project_id}.
func (h projectHandlers) DeleteProject(
	ctx context.Context, r api.DeleteProjectRequestObject,
) (api.DeleteProjectResponseObject, error) {
	if err := h.jobs.DeleteProject(ctx, edge.PrincipalFrom(ctx).UserID, r.ProjectID); err != nil {
		return nil, err
	}
	return api.DeleteProject204Response{}, nil
}

// QueueProject answers POST /project/{project_id}/queue.
func (h projectHandlers) QueueProject(
	ctx context.Context, r api.QueueProjectRequestObject,
) (api.QueueProjectResponseObject, error) {
	key, err := edge.IdempotencyKey("queueProject", r.Params.IdempotencyKey, r.ProjectID, r.Body)
	if err != nil {
		return nil, err
	}
	queued, replayed, err := h.jobs.Queue(ctx, edge.PrincipalFrom(ctx).UserID, r.ProjectID, jobRequestOf(*r.Body), key)
	if err != nil {
		return nil, err
	}
	return api.QueueProject201JSONResponse{
		Body: api.QueuedJob{
			JobID: queued.JobID, Status: api.QueuedJobStatusQueued, CostCredits: queued.CostCredits,
			CreditsLeft: queued.CreditsLeft,
		},
		Headers: api.QueueProject201ResponseHeaders{IdempotentReplayed: edge.IdempotentReplayed(replayed)},
	}, nil
}

// ListProjectJobs answers GET /project/{project_id}/jobs.
func (h projectHandlers) ListProjectJobs(
	ctx context.Context, r api.ListProjectJobsRequestObject,
) (api.ListProjectJobsResponseObject, error) {
	before, err := decodeCursor(h.cursors, listProjectJobs, r.Params.Cursor, uuid.Max)
	if err != nil {
		return nil, err
	}
	userID, size := edge.PrincipalFrom(ctx).UserID, pageSize(r.Params.Limit)
	if _, err := h.projects.Get(ctx, userID, r.ProjectID); err != nil {
		return nil, err
	}
	views, err := h.jobs.ListByProject(ctx, userID, r.ProjectID, before, size+1)
	if err != nil {
		return nil, err
	}
	list, err := toJobList(ctx, h.cursors, h.links, listProjectJobs, views, size)
	if err != nil {
		return nil, err
	}
	return api.ListProjectJobs200JSONResponse(list), nil
}
