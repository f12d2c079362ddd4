package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
	"github.com/mugshot-studio/backend/internal/safety"
)

// words returns a prompt in its normal form, from which providers make theirs. A form that was stored under older rules is
// stored anew; where that fails, the next reader does it.
func (r *Renderer) words(ctx context.Context, p db.Prompt) providers.Prompt {
	normal := prompts.Read(p.NormalizedJsonb, wordsOf(p))
	if prompts.Stale(p.NormalizedJsonb) {
		err := r.Store.Queries().PromptNormalize(ctx, db.PromptNormalizeParams{ID: p.ID, NormalizedJsonb: normal.Encode()})
		if err != nil {
			r.Log.WarnContext(ctx, "normal form of a prompt not stored", "prompt_id", p.ID, "error", err)
		}
	}
	return normal.Prompt
}

func wordsOf(p db.Prompt) providers.Prompt {
	return projects.Words(p.Headline, p.Subtext, p.Vibe, p.Details)
}

// moderate asks whether the job may be drawn, in a stage of its own: with the words and with the very picture that the
// provider would be sent.
func (a *attempt) moderate(ctx context.Context, words providers.Prompt, references []providers.Reference) error {
	if err := a.pictures.stage(ctx, "moderating", 5); err != nil {
		return err
	}
	job := a.job
	request := drawRequest(job.UserID, job.ProjectID, job.Mode, a.prompt, words)
	request.JobID = job.ID
	if job.Consent != nil {
		if err := json.Unmarshal(job.Consent, &request.Consent); err != nil {
			return fmt.Errorf("decode consent: %w", err)
		}
	}
	var target *providers.Picture
	for _, reference := range references {
		if reference.Role == assets.CopyTarget {
			target = &providers.Picture{ContentType: reference.ContentType, Data: reference.Data}
		}
	}
	approval, err := a.renderer.Safety.Review(ctx, request, target)
	if err == nil {
		a.allowed = &approval
	}
	return err
}

// drawRequest is what package safety has to know of a job, without the consent.
func drawRequest(userID, projectID uuid.UUID, mode string, p db.Prompt, words providers.Prompt) safety.DrawRequest {
	return safety.DrawRequest{
		UserID: userID, ProjectID: projectID, Prompt: words, Copy: mode == catalog.Copy, Selfie: p.SelfieAssetID != nil,
		TargetID: p.CopyTargetAssetID,
	}
}

// encodeConsent is the form that jobs.consent holds; null where nothing was stated.
func encodeConsent(c *safety.Consent) (json.RawMessage, error) {
	if c == nil {
		return nil, nil
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode consent: %w", err)
	}
	return encoded, nil
}
