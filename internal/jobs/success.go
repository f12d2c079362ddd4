package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// success is the end of a job that was drawn.
type success struct {
	job     db.Job // as it was claimed
	meta    json.RawMessage
	allowed safety.Approval
	renders []Render // without their times, which are the database's
}

func (s success) jobID() uuid.UUID { return s.job.ID }

// Complete implements [task.Attempt]: one statement writes the end of a job that was drawn, with those of others that end at
// the same time. Where the lease was lost nothing is written, and the pictures are removed.
func (a *attempt) Complete(ctx context.Context) (task.Outcome, error) {
	r, job := a.renderer, a.job
	meta, err := json.Marshal(a.result.Meta)
	if err != nil {
		return task.Unwritten, fmt.Errorf("encode provider meta: %w", err)
	}
	end := success{job: job, meta: meta, allowed: *a.allowed, renders: a.pictures.renders()}
	row, err := r.successes.One(ctx, end)
	if postgres.IsNotFound(err) {
		a.pictures.discard(ctx)
	}
	if err != nil {
		return task.Unwritten, err
	}
	end.job.VariantsBegun = a.pictures.begun
	publish(ctx, r.Events, r.Log, end.view(row))
	r.waitList.wake(ctx, capacityFreed{
		userID: job.UserID, provider: job.Provider, account: row.AccountWaits, slot: row.ProviderWaits,
	})
	return task.Succeeded, nil
}

// renders returns the rows of all variants.
func (p *pictures) renders() []Render {
	renders := make([]Render, p.job.Variants)
	for i := range renders {
		stored := p.stored[i]
		renders[i] = Render{
			Render: db.Render{ID: p.renderer.NewID(), JobID: p.job.ID, Variant: int32(i + 1), AssetID: stored.assetID},
			Asset: db.Asset{
				ID: stored.assetID, UserID: &p.job.UserID, Type: assets.Render, Status: "ready", Bucket: storage.BucketRenders,
				StoragePath: stored.path, ContentType: stored.contentType, SizeBytes: stored.size, Width: &stored.width,
				Height: &stored.height, MD5: &stored.md5,
			},
		}
	}
	return renders
}

// succeedAll writes the ends of jobs, in one statement.
func (r *Renderer) succeedAll(ctx context.Context, ends []success) ([]db.JobSucceedRow, error) {
	var p db.JobSucceedParams
	for _, end := range ends {
		p.Ids = append(p.Ids, end.job.ID)
		p.LeaseTokens = append(p.LeaseTokens, end.job.LeaseToken)
		p.ProviderMetas = append(p.ProviderMetas, string(end.meta))
		p.DecisionIds = append(p.DecisionIds, end.allowed.ID)
		p.DecisionMetas = append(p.DecisionMetas, string(end.allowed.Meta))
		for _, render := range end.renders {
			asset := render.Asset
			p.PictureJobIds = append(p.PictureJobIds, end.job.ID)
			p.AssetIds = append(p.AssetIds, asset.ID)
			p.RenderIds = append(p.RenderIds, render.ID)
			p.Variants = append(p.Variants, render.Variant)
			p.StoragePaths = append(p.StoragePaths, asset.StoragePath)
			p.ContentTypes = append(p.ContentTypes, asset.ContentType)
			p.Sizes = append(p.Sizes, asset.SizeBytes)
			p.Widths = append(p.Widths, *asset.Width)
			p.Heights = append(p.Heights, *asset.Height)
			p.Md5s = append(p.Md5s, *asset.MD5)
		}
	}
	return r.Store.Queries().JobSucceed(ctx, p)
}

// view returns what JobSucceed has made of a claimed job, without reading what only its attempt could change.
func (s success) view(row db.JobSucceedRow) View {
	job := s.job
	job.Status, job.Stage, job.Progress, job.ProviderMeta = "succeeded", "done", 100, s.meta
	job.FinishedAt, job.LeaseUntil, job.Version = row.FinishedAt, nil, row.Version
	job.PushedAt, job.Pushes = row.PushedAt, row.Pushes
	for i := range s.renders {
		render := &s.renders[i]
		render.CreatedAt, render.Asset.CreatedAt, render.Asset.UpdatedAt = *row.FinishedAt, *row.FinishedAt, *row.FinishedAt
	}
	return View{Job: job, Renders: s.renders}
}
