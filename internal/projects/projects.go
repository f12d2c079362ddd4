// Package projects keeps what creators want drawn.
//
// A project is a draft, then queued, running, and done or failed: its status follows its newest job, whose statements write it.
// It may be edited in every state. Invariants:
//
//   - A project points at its current prompt. A prompt never changes: an edit adds one, so that a job draws the prompt that was
//     current when the job was queued.
//   - version grows with every edit. An edit that names a version is made to that version or not at all ([ErrVersionConflict]).
//   - Every picture of a prompt was ready, of the right type and of the same account when the prompt was written. It may be
//     deleted later: the project can still be edited, and is not drawn ([RequirePictures]).
package projects

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Project is a project with its current prompt.
type Project struct {
	db.Project
	Prompt db.Prompt
}

// AssetLookup finds those of the assets that are ready and belong to the account.
type AssetLookup func(ctx context.Context, userID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]db.Asset, error)

// Service creates, reads and changes projects.
type Service struct {
	reader *Reader
	store  *postgres.Store
	assets AssetLookup
	now    func() time.Time
	newID  func() uuid.UUID
}

// NewService returns a service.
func NewService(s *postgres.Store, assets AssetLookup, now func() time.Time, newID func() uuid.UUID) *Service {
	return &Service{reader: NewReader(s), store: s, assets: assets, now: now, newID: newID}
}

// Create adds a project, once for each key; replayed tells that it was there already. It fails with a validation
// error for assets that are not the account's or not of the right type, and with catalog.ErrQuotaExceeded.
func (s *Service) Create(
	ctx context.Context, userID uuid.UUID, d Draft, key idempotency.Key,
) (created Project, replayed bool, err error) {
	if created, replayed, err = idempotency.Recall[Project](ctx, s.store, userID, key, s.now()); replayed || err != nil {
		return created, replayed, err
	}
	d = d.Sized()
	if err := s.check(ctx, userID, d, true); err != nil {
		return Project{}, false, err
	}
	kept, err := s.Kept(ctx, userID)
	if err != nil {
		return Project{}, false, err
	}
	if err := catalog.CheckProject(kept.Plan, kept.Projects); err != nil {
		return Project{}, false, err
	}
	return idempotency.Once(ctx, s.store, userID, key, s.now(), func(q *db.Queries) (Project, error) {
		id, promptID := s.newID(), s.newID()
		project, err := q.ProjectCreate(ctx, db.ProjectCreateParams{
			PromptID: promptID, ID: id, Headline: d.Prompt.Headline, Subtext: d.Prompt.Subtext, Vibe: d.Prompt.Vibe,
			Details: d.Prompt.Details, RefAssetIds: d.Prompt.refs(), SelfieAssetID: d.Prompt.SelfieAssetID,
			CopyTargetAssetID: d.Prompt.CopyTargetAssetID, NormalizedJsonb: d.Prompt.normal().Encode(), UserID: userID, Mode: d.Mode, Platform: d.Platform,
			Width: d.Width, Height: d.Height, ModelPref: d.ModelPref, Seed: d.Seed,
		})
		if err != nil {
			return Project{}, fmt.Errorf("create project: %w", err)
		}
		return Project{Project: project, Prompt: d.Prompt.row(promptID, id, project.CreatedAt)}, nil
	})
}

// Kept tells how many projects the account has, and its plan.
func (s *Service) Kept(ctx context.Context, userID uuid.UUID) (db.ProjectsKeptRow, error) {
	kept, err := s.store.Queries().ProjectsKept(ctx, db.ProjectsKeptParams{UserID: userID, Most: catalog.MostKept})
	if err != nil {
		return kept, fmt.Errorf("count projects: %w", err)
	}
	return kept, nil
}

// Get reads a project of the account, or fails with ErrNotFound.
func (s *Service) Get(ctx context.Context, userID, id uuid.UUID) (Project, error) {
	return s.reader.Project(ctx, userID, id)
}

// List reads at most limit projects of the account whose ids are below before, newest first; status, unless nil,
// picks those in one state.
func (s *Service) List(
	ctx context.Context, userID uuid.UUID, status *string, before uuid.UUID, limit int,
) ([]Project, error) {
	list := []Project{}
	if status == nil {
		rows, err := s.store.Queries().ProjectList(ctx, db.ProjectListParams{
			UserID: userID, BeforeID: before, PageSize: int32(limit),
		})
		if err != nil {
			return nil, fmt.Errorf("list projects: %w", err)
		}
		for _, row := range rows {
			list = append(list, Project{Project: row.Project, Prompt: row.Prompt})
		}
		return list, nil
	}
	rows, err := s.store.Queries().ProjectListByStatus(ctx, db.ProjectListByStatusParams{
		UserID: userID, Status: *status, BeforeID: before, PageSize: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list projects by status: %w", err)
	}
	for _, row := range rows {
		list = append(list, Project{Project: row.Project, Prompt: row.Prompt})
	}
	return list, nil
}
