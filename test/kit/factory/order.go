package factory

import (
	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// Order returns what pays a credit for a draft of a project, as it was read.
func Order(project db.Project) db.JobQueueParams {
	return db.JobQueueParams{
		Ids: []uuid.UUID{ID()}, LedgerIds: []uuid.UUID{ID()}, ProjectIds: []uuid.UUID{project.ID}, UserIds: []uuid.UUID{project.UserID},
		ProjectVersions: []int64{project.Version}, Costs: []int64{1}, Models: []string{"nano_banana"}, Providers: []string{""},
		Qualities: []string{"draft"}, Variants: []int32{1}, Widths: []int32{1280}, Heights: []int32{720}, Seeds: []int64{0},
		Consents: []string{""}, RequestIds: []string{""}, Traceparents: []string{""},
	}
}
