package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An account that has everything, its project and its chat.
const (
	account = "00000001-0001-7000-8000-000000000000"
	project = "00000001-0005-7000-8000-000000000000"
	chat    = "00000001-0009-7000-8000-000000000000"
	last    = "ffffffff-ffff-7fff-bfff-ffffffffffff"
)

// lists are the queries behind pages, with arguments for a page of 50 as a user asks for it. blocks bounds the blocks of
// 8 kB that it touches, however many rows there are. Two lists are not here: ChatList sorts an account's chats, so that a
// message need not move an index entry, and SessionList skips what was signed out of, which is pruned.
var lists = []struct {
	what, query, args string
	blocks            int64
}{
	{"GET /jobs", "JobList", "'" + account + "', '" + last + "', 51", 40},
	{"GET /jobs?status=failed", "JobListByStatus", "'" + account + "', 'failed', '" + last + "', 51", 40},
	{"GET /project/{id}/jobs", "JobListByProject", "'" + project + "', '" + account + "', '" + last + "', 51", 40},
	{"GET /project", "ProjectList", "'" + account + "', '" + last + "', 51", 300},
	{"GET /project?status=failed", "ProjectListByStatus", "'" + account + "', 'failed', '" + last + "', 51", 40},
	{"GET /assets", "AssetList", "'" + account + "', '" + last + "', 51", 40},
	{"GET /assets?type=selfie", "AssetListByType", "'" + account + "', 'selfie', '" + last + "', 51", 40},
	{"GET /me/credits", "CreditEntryList", "'" + account + "', 9000000000, 51", 40},
	{"GET /chat/{id}/messages?order=desc", "MessageListDesc", "'" + chat + "', '" + account + "', 9000000000, 51", 40},
	{"GET /chat/{id}/messages", "MessageListAsc", "'" + chat + "', '" + account + "', 500, 51", 40},
	{"what a reply is told", "ReplyTurns", "'" + chat + "', 9000000000, 40", 40},
	{"jobs that failed, for operators", "DeadJobs", "100", 40},
}

// TestPlans_pagesCostTheSame lets one account grow, and demands that no page of its lists costs more for it.
func TestPlans_pagesCostTheSame(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.exec(t, "set plan_cache_mode = force_generic_plan")
	const most = 10_000
	queries := map[string]query{}
	for _, q := range readQueries(t) {
		queries[q.name] = q
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-36s", "blocks touched, milliseconds, at")
	cells := make([][]string, len(lists))
	had := 0
	for rows := 1000; rows <= most; rows *= 10 {
		fmt.Fprintf(&table, "%16d", rows)
		d.exec(t, strings.NewReplacer(":from", fmt.Sprint(had+1), ":rows", fmt.Sprint(rows)).Replace(growSQL))
		d.exec(t, "vacuum analyze")
		had = rows
		for i, list := range lists {
			q, ok := queries[list.query]
			require.True(t, ok, list.query)
			blocks, millis := d.cost(t, q, list.args)
			cells[i] = append(cells[i], fmt.Sprintf("%8d%8.2f", blocks, millis))
			require.LessOrEqual(t, blocks, list.blocks, "blocks that %s touches, of %d rows", list.what, rows)
		}
	}
	for i, list := range lists {
		fmt.Fprintf(&table, "\n%-36s%s", list.what, strings.Join(cells[i], ""))
	}
	t.Log(table.String())
}

// cost runs a query the third time, when what it needs is in memory.
func (d *database) cost(t *testing.T, q query, args string) (blocks int64, millis float64) {
	t.Helper()
	d.exec(t, "prepare tried as "+q.sql)
	defer d.exec(t, "deallocate tried")
	for range 3 {
		n := d.plan(t, "explain (analyze, buffers, format json) execute tried("+args+")", q.name)
		blocks, millis = n.Hits+n.Reads, n.Millis
	}
	return blocks, millis
}
