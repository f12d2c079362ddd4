package handler

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// toJobList makes a page of at most size jobs, out of one more if there are more.
func toJobList(ctx context.Context, c cursors, l links, name list, views []jobs.View, size int) (api.JobList, error) {
	views, next := paginate(c, name, views, size, func(v jobs.View) uuid.UUID { return v.Job.ID })
	items, err := toJobs(ctx, l, views)
	if err != nil {
		return api.JobList{}, err
	}
	return api.JobList{Items: items, NextCursor: next}, nil
}

func toJob(ctx context.Context, l links, view jobs.View) (api.Job, error) {
	mapped, err := toJobs(ctx, l, []jobs.View{view})
	if err != nil {
		return api.Job{}, err
	}
	return mapped[0], nil
}

// toJobs signs the pictures of all jobs together.
func toJobs(ctx context.Context, l links, views []jobs.View) ([]api.Job, error) {
	var pictures []db.Asset
	for _, v := range views {
		for _, r := range v.Renders {
			pictures = append(pictures, r.Asset)
		}
	}
	signed, err := l.of(ctx, pictures...)
	if err != nil {
		return nil, err
	}
	mapped := make([]api.Job, len(views))
	for i, v := range views {
		if mapped[i], err = mapJob(v, signed); err != nil {
			return nil, err
		}
	}
	return mapped, nil
}

func mapJob(v jobs.View, signed map[uuid.UUID]storage.SignedURL) (api.Job, error) {
	j := v.Job
	job := api.Job{
		ID: j.ID, ProjectID: j.ProjectID, Model: api.ModelID(j.Model), Quality: api.Quality(j.Quality),
		Variants: int64(j.Variants), Status: api.JobStatus(j.Status), Stage: api.JobStage(j.Stage),
		Progress: int64(j.Progress), Attempt: int64(j.Attempt), CostCredits: j.CostCredits, Refunded: j.Refunded, RefundedCredits: j.RefundedCredits,
		Renders: make([]api.Render, len(v.Renders)), Version: j.Version, QueuedAt: j.QueuedAt.UTC(),
		StartedAt: orNull(inUTC(j.StartedAt)), FinishedAt: orNull(inUTC(j.FinishedAt)),
		Error: nullable.NewNullNullable[api.JobError](), ProviderMeta: nullable.NewNullNullable[api.ProviderMeta](),
	}
	if j.ErrorCode != nil && j.ErrorMessage != nil {
		job.Error.Set(api.JobError{Code: api.JobErrorCode(*j.ErrorCode), Message: *j.ErrorMessage})
	}
	if len(j.ProviderMeta) > 0 {
		var meta *api.ProviderMeta // nil for the null that an event contains
		if err := json.Unmarshal(j.ProviderMeta, &meta); err != nil {
			return api.Job{}, fmt.Errorf("decode provider meta: %w", err)
		}
		job.ProviderMeta = orNull(meta)
	}
	for i, r := range v.Renders {
		job.Renders[i] = api.Render{ID: r.ID, Variant: int64(r.Variant), Asset: toAsset(r.Asset, signed[r.AssetID])}
	}
	return job, nil
}
