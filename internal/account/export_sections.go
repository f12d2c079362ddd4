package account

import (
	"context"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// row is an exported row. The rows of all Export queries are of this form.
type row = db.ExportSessionsRow

// section is a member of the export: a list of rows, read in the order of their ids.
type section struct {
	name string
	read func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error)
}

// sections are all that an account has, beside itself. A new table with personal data belongs here, and in the Export
// schema of the spec; TestExport_holdsEveryColumn says so.
func sections(userID uuid.UUID) []section {
	type (
		owned    = db.ExportSessionsParams // user_id is never null
		ownedOpt = db.ExportAssetsParams   // user_id may be null
	)
	must := func(after uuid.UUID) owned { return owned{UserID: userID, AfterID: after, PageSize: exportPage} }
	may := func(after uuid.UUID) ownedOpt { return ownedOpt{UserID: &userID, AfterID: after, PageSize: exportPage} }
	return []section{
		{"sessions", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return q.ExportSessions(ctx, must(after))
		}},
		{"assets", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportAssets(ctx, may(after)))
		}},
		{"projects", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportProjects(ctx, db.ExportProjectsParams(must(after))))
		}},
		{"prompts", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportPrompts(ctx, db.ExportPromptsParams(must(after))))
		}},
		{"jobs", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportJobs(ctx, db.ExportJobsParams(must(after))))
		}},
		{"renders", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportRenders(ctx, db.ExportRendersParams(must(after))))
		}},
		{"chats", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportChats(ctx, db.ExportChatsParams(must(after))))
		}},
		{"messages", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportMessages(ctx, db.ExportMessagesParams(must(after))))
		}},
		{"events", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportEvents(ctx, db.ExportEventsParams(may(after))))
		}},
		{"mails", func(ctx context.Context, q *db.Queries, after uuid.UUID) ([]row, error) {
			return rows(q.ExportMails(ctx, db.ExportMailsParams(may(after))))
		}},
	}
}

// exported is any of the row types that sqlc made of the Export queries.
type exported interface {
	db.ExportAssetsRow | db.ExportProjectsRow | db.ExportPromptsRow | db.ExportJobsRow | db.ExportRendersRow |
		db.ExportChatsRow | db.ExportMessagesRow | db.ExportEventsRow | db.ExportMailsRow
}

func rows[T exported](list []T, err error) ([]row, error) {
	converted := make([]row, len(list))
	for i, r := range list {
		converted[i] = row(r)
	}
	return converted, err
}
