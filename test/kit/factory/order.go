package factory

import (
	"github.com/mugshot-studio/backend/gen/db"
)

// Order returns what pays a credit for a draft of each of the projects, as they were read.
func Order(projects ...db.Project) (p db.JobQueueParams) {
	for _, project := range projects {
		p.Ids, p.LedgerIds = append(p.Ids, ID()), append(p.LedgerIds, ID())
		p.ProjectIds, p.UserIds = append(p.ProjectIds, project.ID), append(p.UserIds, project.UserID)
		p.ProjectVersions, p.Costs = append(p.ProjectVersions, project.Version), append(p.Costs, 1)
		p.Models, p.Providers = append(p.Models, "nano_banana"), append(p.Providers, "")
		p.Qualities, p.Variants = append(p.Qualities, "draft"), append(p.Variants, 1)
		p.Widths, p.Heights, p.Seeds = append(p.Widths, 1280), append(p.Heights, 720), append(p.Seeds, 0)
		p.Consents, p.RequestIds = append(p.Consents, ""), append(p.RequestIds, "")
		p.Traceparents = append(p.Traceparents, "")
	}
	return p
}
