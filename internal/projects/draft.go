package projects

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/plaintext"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
)

// Draft is everything about a project that its owner decides.
type Draft struct {
	Mode          string
	Platform      string
	Width, Height int32 // pixels; 0: the platform's
	Prompt        Prompt
	ModelPref     *string
	Seed          *int64
}

// Prompt is what the thumbnail should say and look like.
type Prompt struct {
	Headline          string
	Subtext           *string
	Vibe              *string
	Details           *string
	RefAssetIDs       []uuid.UUID
	SelfieAssetID     *uuid.UUID
	CopyTargetAssetID *uuid.UUID
}

// Sized fills a missing size from the platform's preset.
func (d Draft) Sized() Draft {
	preset, _ := catalog.PlatformByID(d.Platform)
	if d.Width == 0 {
		d.Width = preset.Width
	}
	if d.Height == 0 {
		d.Height = preset.Height
	}
	return d
}

// Check finds what keeps the account from creating a project of a draft, beside what the spec rules out: a validation
// error, or the failure to look.
func (s *Service) Check(ctx context.Context, userID uuid.UUID, d Draft) error {
	return s.check(ctx, userID, d.Sized(), true)
}

// check finds everything that the spec alone can't rule out, and reports all of it at once. Pictures are looked for where
// the prompt is new: one that was there already may have lost some since.
func (s *Service) check(ctx context.Context, userID uuid.UUID, d Draft, newPrompt bool) error {
	var fields []apperr.Field
	if plaintext.Line(d.Prompt.normal().Headline) == plaintext.CodeBlank {
		fields = append(fields, apperr.Body("prompt/headline", "pattern", "The headline must have a visible character."))
	}
	if d.Mode == catalog.Copy && d.Prompt.CopyTargetAssetID == nil {
		fields = append(fields, apperr.Body("prompt/copy_target_asset_id", "required", "Copy mode needs a picture to copy."))
	}
	if newPrompt {
		wanted := d.Prompt.assets()
		found, err := s.assets(ctx, userID, idsOf(wanted))
		if err != nil {
			return err
		}
		for _, w := range wanted {
			if found[w.id].Type != w.assetType {
				fields = append(fields, apperr.Body(w.field, "not_found",
					fmt.Sprintf("You have no picture of type %s with this id.", w.assetType)))
			}
		}
	}
	if len(fields) > 0 {
		return apperr.Validation(fields...)
	}
	return nil
}

type wantedAsset struct {
	field     string
	id        uuid.UUID
	assetType string
}

func (p Prompt) assets() []wantedAsset {
	var all []wantedAsset
	for i, id := range p.RefAssetIDs {
		all = append(all, wantedAsset{fmt.Sprintf("prompt/ref_asset_ids/%d", i), id, "ref"})
	}
	if p.SelfieAssetID != nil {
		all = append(all, wantedAsset{"prompt/selfie_asset_id", *p.SelfieAssetID, "selfie"})
	}
	if p.CopyTargetAssetID != nil {
		all = append(all, wantedAsset{"prompt/copy_target_asset_id", *p.CopyTargetAssetID, "copy_target"})
	}
	return all
}

// refs is never nil, which the column would not take.
func (p Prompt) refs() []uuid.UUID {
	if p.RefAssetIDs == nil {
		return []uuid.UUID{}
	}
	return p.RefAssetIDs
}

func (p Prompt) row(id, projectID uuid.UUID, at time.Time) db.Prompt {
	return db.Prompt{
		ID: id, ProjectID: projectID, Headline: p.Headline, Subtext: p.Subtext, Vibe: p.Vibe, Details: p.Details,
		RefAssetIds: p.refs(), SelfieAssetID: p.SelfieAssetID, CopyTargetAssetID: p.CopyTargetAssetID,
		NormalizedJsonb: p.normal().Encode(), CreatedAt: at,
	}
}

// normal is the form that providers are fed from.
func (p Prompt) normal() prompts.Normal {
	return prompts.Normalize(Words(p.Headline, p.Subtext, p.Vibe, p.Details))
}

// Words are a prompt without its pictures, as the columns hold it.
func Words(headline string, subtext, vibe, details *string) providers.Prompt {
	return providers.Prompt{Headline: headline, Subtext: text(subtext), Vibe: text(vibe), Details: text(details)}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// draft is what the owner had decided so far.
func (p Project) draft() Draft {
	return Draft{
		Mode: p.Mode, Platform: p.Platform, Width: p.Width, Height: p.Height, ModelPref: p.ModelPref, Seed: p.Seed,
		Prompt: promptOf(p.Prompt),
	}
}

// promptOf is a prompt as its owner has written it.
func promptOf(p db.Prompt) Prompt {
	return Prompt{
		Headline: p.Headline, Subtext: p.Subtext, Vibe: p.Vibe, Details: p.Details,
		RefAssetIDs: slices.Clone(p.RefAssetIds), SelfieAssetID: p.SelfieAssetID, CopyTargetAssetID: p.CopyTargetAssetID,
	}
}
