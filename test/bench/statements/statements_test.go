package statements

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

const (
	userJobs    = 1000
	slots       = 16 // of the provider, and jobs that are at the same stage of their life at a time
	maxAttempts = 3
	lease       = 60 // seconds
)

// BenchmarkStatements measures one statement at a time, while jobs go through their whole life on one connection; life is all
// that a job that succeeds asks of Postgres. STATEMENTS_SQL changes the schema first, which shows what an index or a constraint
// costs.
func BenchmarkStatements(b *testing.B) {
	pg := server(b)
	order := []statement{{"ProjectGet", get}, {"JobQueue", queue}}
	work := []statement{{"JobClaim", claim}, {"JobSucceed", succeed}}
	for _, row := range []struct {
		name     string
		measured string // a statement; "": all
		life     []statement
	}{
		{"ProjectGet", "ProjectGet", append(order, work...)},
		{"JobQueue", "JobQueue", append(order, work...)},
		{"JobClaim", "JobClaim", append(order, work...)},
		{"JobSucceed", "JobSucceed", append(order, work...)},
		{"Life", "", append(order, work...)},
		{"JobEnd/failed", "JobEnd", append(order, statement{"JobClaim", claim}, statement{"JobEnd", fail})},
		{"JobEnd/canceled", "JobEnd", append(order, statement{"JobEnd", cancel})},
	} {
		setup := sync.OnceValue(func() *fixture { return setup(b, pg, "jobs", os.Getenv("STATEMENTS_SQL")) }) // once for all sizes of b.N
		b.Run(row.name, func(b *testing.B) {
			m := &meter{fixture: setup()}
			m.live(b, row.life, 3*slots, "none") // Postgres plans a statement for any arguments from its sixth execution on
			b.ResetTimer()
			b.StopTimer()
			m.live(b, row.life, b.N, row.measured)
			m.report(b, b.N)
		})
	}
}

// statement is one step of the life of a job.
type statement struct {
	name string
	run  func(b *testing.B, q *db.Queries, j *job)
}

// job is what is known of a job.
type job struct {
	account int
	project db.Project
	id      uuid.UUID
	lease   int64
}

// live takes n jobs through their life, as many at a time as the provider has slots, statement by statement.
func (m *meter) live(b *testing.B, life []statement, n int, measured string) {
	b.Helper()
	for begun := 0; begun < n; begun += slots {
		batch := make([]job, min(slots, n-begun))
		for i := range batch {
			batch[i].account = (begun + i) % accounts
		}
		if measured == "" {
			m.on(b)
		}
		for _, s := range life {
			if s.name == measured {
				m.on(b)
			}
			for i := range batch {
				s.run(b, m.Queries(), &batch[i])
			}
			if s.name == measured {
				m.off(b, len(batch))
			}
		}
		if measured == "" {
			m.off(b, len(batch))
		}
	}
}

func id() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func get(b *testing.B, q *db.Queries, j *job) {
	b.Helper()
	row, err := postgres.First(q.ProjectGet(b.Context(), db.ProjectGetParams{
		Ids: []uuid.UUID{seeded("9000", j.account)}, UserIds: []uuid.UUID{seeded("8000", j.account)},
	}))
	require.NoError(b, err)
	j.project = row.Project
}

func queue(b *testing.B, q *db.Queries, j *job) {
	b.Helper()
	request, parent := "0198c2d4f0a17c3e8f00112233445566", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	order := factory.Order(j.project)
	order.UserJobs, order.Costs, order.Providers = userJobs, []int64{10}, []string{"gemini"}
	order.RequestIds, order.Traceparents = []string{request}, []string{parent}
	row, err := postgres.First(q.JobQueue(b.Context(), order))
	require.NoError(b, err)
	require.False(b, row.Waits)
	j.id = row.ID
}

func claim(b *testing.B, q *db.Queries, j *job) {
	b.Helper()
	row, err := postgres.First(q.JobClaim(b.Context(), db.JobClaimParams{
		Ids: []uuid.UUID{j.id}, ProviderCalls: slots, LeaseSeconds: lease, MaxAttempts: maxAttempts,
	}))
	require.NoError(b, err)
	j.lease = row.Job.LeaseToken
}

var (
	decision = `{"job_id":"0198c2d4-f0a1-7c3e-8f00-112233445566","project_id":"00000000-0000-4000-9000-000000000001",` +
		`"judge":"local/1","stage":"before_drawing"}`
	meta = `{"provider":"gemini","model":"gemini-image","request_id":"0123456789abcdef"}`
)

func succeed(b *testing.B, q *db.Queries, j *job) {
	b.Helper()
	asset := id()
	_, err := postgres.First(q.JobSucceed(b.Context(), db.JobSucceedParams{
		Ids: []uuid.UUID{j.id}, LeaseTokens: []int64{j.lease}, DecisionIds: []uuid.UUID{id()}, DecisionMetas: []string{decision},
		ProviderMetas: []string{meta}, PictureJobIds: []uuid.UUID{j.id}, AssetIds: []uuid.UUID{asset}, RenderIds: []uuid.UUID{id()},
		Variants: []int32{1}, StoragePaths: []string{j.project.UserID.String() + "/2026/11/" + asset.String() + ".png"},
		ContentTypes: []string{"image/png"}, Sizes: []int64{100_000}, Widths: []int32{1280}, Heights: []int32{720},
		Md5s: []string{"0123456789abcdef0123456789abcdef"},
	}))
	require.NoError(b, err)
}

func fail(b *testing.B, q *db.Queries, j *job) {
	b.Helper()
	code, message, decided := "provider_error", "The provider failed.", id()
	_, err := q.JobEnd(b.Context(), db.JobEndParams{
		ID: j.id, LedgerID: id(), Status: "failed", ErrorCode: &code, ErrorMessage: &message, LeaseToken: &j.lease,
		DecisionID: &decided, DecisionMeta: json.RawMessage(decision),
	})
	require.NoError(b, err)
}

func cancel(b *testing.B, q *db.Queries, j *job) {
	b.Helper()
	_, err := q.JobEnd(b.Context(), db.JobEndParams{ID: j.id, LedgerID: id(), Status: "canceled", UserID: &j.project.UserID})
	require.NoError(b, err)
}
