package jobs

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/safety"
)

// attempt is a claimed job, with what its end has to write down.
type attempt struct {
	job     db.Job
	prompt  db.Prompt
	allowed *safety.Approval // nil: it has not been allowed
}

func attemptOf(row db.JobClaimRow) *attempt {
	return &attempt{prompt: row.Prompt, job: db.Job{
		ID: row.ID, ProjectID: row.ProjectID, UserID: row.UserID, PromptID: row.PromptID, Mode: row.Mode,
		Platform: row.Platform, Model: row.Model, Provider: row.Provider, Quality: row.Quality, Variants: row.Variants,
		Width: row.Width, Height: row.Height, Seed: row.Seed, Consent: row.Consent, Status: row.Status, Stage: row.Stage,
		Progress: row.Progress, Attempt: row.Attempt, CostCredits: row.CostCredits, Refunded: row.Refunded,
		ErrorCode: row.ErrorCode, ErrorMessage: row.ErrorMessage, ProviderMeta: row.ProviderMeta, Version: row.Version,
		QueuedAt: row.QueuedAt, StartedAt: row.StartedAt, FinishedAt: row.FinishedAt, RunAt: row.RunAt,
		WaitsFor: row.WaitsFor, PushedAt: row.PushedAt, Pushes: row.Pushes, LeaseUntil: row.LeaseUntil,
		LeaseToken: row.LeaseToken, ProviderSlot: row.ProviderSlot, HandledAt: row.HandledAt,
		RequestID: row.RequestID, Traceparent: row.Traceparent,
	}}
}

// decision is the entry of the audit log that goes with the end of an attempt that may have been allowed; null: none.
func (a *attempt) decision() (id *uuid.UUID, meta json.RawMessage) {
	if a.allowed == nil {
		return nil, nil
	}
	return &a.allowed.ID, a.allowed.Meta
}

// keepDecision writes down that an attempt was allowed whose end wrote nothing, since the job was not its own any more.
func (r *Runner) keepDecision(ctx context.Context, a *attempt) {
	if a.allowed == nil {
		return
	}
	if err := r.Safety.RecordApproval(ctx, a.job.UserID, *a.allowed); err != nil {
		r.Log.ErrorContext(ctx, "decision not written down", "job_id", a.job.ID, "decision", string(a.allowed.Meta), "error", err)
	}
}
