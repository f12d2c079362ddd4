package jobs

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// payment is a job that was checked and is to be paid for.
type payment struct {
	id, ledgerID uuid.UUID
	project      db.Project // as it was read
	request      JobRequest
	model        catalog.Model
	seed         int64
	consent      json.RawMessage // null: not asked for
	origin       tracecontext.Origin
}

func (p payment) jobID() uuid.UUID { return p.id }

func (p payment) userID() uuid.UUID { return p.project.UserID }

// payAll takes the payments of different accounts, in one statement.
func (s *Service) payAll(ctx context.Context, q *db.Queries, payments []payment) ([]db.JobQueueRow, error) {
	p := db.JobQueueParams{UserJobs: s.waitList.limits.UserJobs}
	for _, o := range payments {
		width, height := catalog.Size(o.request.Quality, o.project.Width, o.project.Height)
		p.Ids = append(p.Ids, o.id)
		p.LedgerIds = append(p.LedgerIds, o.ledgerID)
		p.ProjectIds = append(p.ProjectIds, o.project.ID)
		p.UserIds = append(p.UserIds, o.project.UserID)
		p.ProjectVersions = append(p.ProjectVersions, o.project.Version)
		p.Costs = append(p.Costs, o.model.Cost(o.request.Quality, o.project.Mode, o.request.Variants))
		p.Models = append(p.Models, o.model.ID)
		p.Providers = append(p.Providers, o.model.Provider)
		p.Qualities = append(p.Qualities, o.request.Quality)
		p.Variants = append(p.Variants, o.request.Variants)
		p.Widths = append(p.Widths, width)
		p.Heights = append(p.Heights, height)
		p.Seeds = append(p.Seeds, o.seed)
		p.Consents = append(p.Consents, string(o.consent))
		p.RequestIds = append(p.RequestIds, text(o.origin.RequestID))
		p.Traceparents = append(p.Traceparents, text(o.origin.Traceparent))
	}
	return q.JobQueue(ctx, p)
}
