package projects

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Change is an edit; a nil member stays as it is.
type Change struct {
	Mode            *string
	Platform        *string // a new platform brings its size, unless the change has one
	Width, Height   *int32
	Prompt          *Prompt  // replaces the prompt as a whole
	ModelPref       **string // points at nil: no preference
	Seed            **int64  // points at nil: a new one for each job
	RequireVersions []int64  // the versions that the caller has seen, one of which has to be the present one; nil: whatever is there
}

// updateTries bounds how often an edit without a version is applied anew because another one came between.
const updateTries = 5

// Update applies a change to a project of the account. It fails with ErrNotFound, with ErrVersionConflict when the
// required version is not the present one, and with a validation error as Create does.
func (s *Service) Update(ctx context.Context, userID, id uuid.UUID, c Change) (Project, error) {
	for range updateTries {
		current, err := s.Get(ctx, userID, id)
		if err != nil {
			return Project{}, err
		}
		if c.RequireVersions != nil && !slices.Contains(c.RequireVersions, current.Version) {
			return Project{}, ErrVersionConflict
		}
		draft := c.apply(current.draft())
		if err := s.check(ctx, userID, draft, c.Prompt != nil); err != nil {
			return Project{}, err
		}
		updated, err := s.write(ctx, current, draft, c.Prompt != nil)
		if !postgres.IsNotFound(err) {
			return updated, err
		}
	}
	return Project{}, ErrVersionConflict
}

// write saves a draft over the project as it was read; postgres.IsNotFound when it has changed since.
func (s *Service) write(ctx context.Context, current Project, d Draft, newPrompt bool) (updated Project, err error) {
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		prompt := current.Prompt
		if newPrompt {
			if prompt, err = q.PromptCreate(ctx, db.PromptCreateParams{
				ID: s.newID(), ProjectID: current.ID, Headline: d.Prompt.Headline, Subtext: d.Prompt.Subtext,
				Vibe: d.Prompt.Vibe, Details: d.Prompt.Details, RefAssetIds: d.Prompt.refs(),
				SelfieAssetID: d.Prompt.SelfieAssetID, CopyTargetAssetID: d.Prompt.CopyTargetAssetID,
				NormalizedJsonb: d.Prompt.normal().Encode(),
			}); err != nil {
				return fmt.Errorf("create prompt: %w", err)
			}
		}
		project, err := q.ProjectUpdate(ctx, db.ProjectUpdateParams{
			ID: current.ID, UserID: current.UserID, Version: current.Version, Mode: d.Mode, Platform: d.Platform,
			Width: d.Width, Height: d.Height, PromptID: prompt.ID, ModelPref: d.ModelPref, Seed: d.Seed,
		})
		if err != nil {
			return fmt.Errorf("update project: %w", err)
		}
		updated = Project{Project: project, Prompt: prompt}
		return nil
	})
	return updated, err
}

func (c Change) apply(d Draft) Draft {
	if c.Mode != nil {
		d.Mode = *c.Mode
	}
	if c.Platform != nil && *c.Platform != d.Platform {
		d.Platform, d.Width, d.Height = *c.Platform, 0, 0
	}
	if c.Width != nil {
		d.Width = *c.Width
	}
	if c.Height != nil {
		d.Height = *c.Height
	}
	if c.Prompt != nil {
		d.Prompt = *c.Prompt
	}
	if c.ModelPref != nil {
		d.ModelPref = *c.ModelPref
	}
	if c.Seed != nil {
		d.Seed = *c.Seed
	}
	return d.Sized()
}
