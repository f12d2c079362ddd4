package handler

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/safety"
)

func toProject(p projects.Project) api.Project {
	refs := p.Prompt.RefAssetIds
	if refs == nil {
		refs = []uuid.UUID{}
	}
	return api.Project{
		ID: p.ID, Mode: api.ProjectMode(p.Mode), Platform: api.PlatformID(p.Platform), Width: int64(p.Width),
		Height: int64(p.Height), Status: api.ProjectStatus(p.Status), ModelPref: orNullAs[api.ModelPreference](p.ModelPref),
		Seed: orNull(p.Seed), Version: p.Version, CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
		Prompt: api.ProjectPrompt{
			Headline: p.Prompt.Headline, Subtext: p.Prompt.Subtext, Vibe: p.Prompt.Vibe, Details: p.Prompt.Details,
			RefAssetIds: refs, SelfieAssetID: p.Prompt.SelfieAssetID, CopyTargetAssetID: p.Prompt.CopyTargetAssetID,
		},
	}
}

func draftOf(b api.ProjectCreate) projects.Draft {
	draft := projects.Draft{
		Mode: string(b.Mode), Platform: string(b.Platform), Prompt: promptOf(b.Prompt), ModelPref: textOf(b.ModelPref),
		Seed: b.Seed,
	}
	if b.Width != nil {
		draft.Width = int32(*b.Width)
	}
	if b.Height != nil {
		draft.Height = int32(*b.Height)
	}
	return draft
}

func promptOf(p api.Prompt) projects.Prompt {
	return projects.Prompt{
		Headline: p.Headline, Subtext: p.Subtext, Vibe: p.Vibe, Details: p.Details, RefAssetIDs: p.RefAssetIds,
		SelfieAssetID: p.SelfieAssetID, CopyTargetAssetID: p.CopyTargetAssetID,
	}
}

func changeOf(b api.ProjectUpdate) projects.Change {
	edit := projects.Change{
		Mode: textOf(b.Mode), Platform: textOf(b.Platform), Width: pixels(b.Width), Height: pixels(b.Height),
		ModelPref: change(b.ModelPref, func(m api.ModelPreference) string { return string(m) }),
		Seed:      change(b.Seed, func(s int64) int64 { return s }),
	}
	if b.Prompt != nil {
		prompt := promptOf(*b.Prompt)
		edit.Prompt = &prompt
	}
	return edit
}

// pixels narrows a size that the spec keeps under 3840.
func pixels(n *int64) *int32 {
	if n == nil {
		return nil
	}
	narrow := int32(*n)
	return &narrow
}

func jobRequestOf(b api.QueueRequest) jobs.JobRequest {
	request := jobs.JobRequest{Quality: string(b.Quality), Variants: int32(b.Variants)}
	if b.Model != nil {
		request.Model = string(*b.Model)
	}
	if b.Consent != nil {
		request.Consent = &safety.Consent{
			SubjectIsMe:   b.Consent.SubjectIsMe != nil && *b.Consent.SubjectIsMe,
			SubjectAgreed: b.Consent.SubjectAgreed != nil && *b.Consent.SubjectAgreed,
			AcceptedAt:    b.Consent.AcceptedAt,
		}
	}
	return request
}

// etag is a version as a strong entity tag (RFC 9110, 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
