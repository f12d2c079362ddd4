package plans_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An account with rows in every list, its project and its chat; another project of it, which has few jobs; and the ids after which
// its first and its last page begin.
const (
	account = "'00000001-0001-7000-8000-000000000000'"
	project = "'00000001-0005-7000-8000-000000000000'"
	aside   = "'80000000-0005-7000-8000-000000000000'"
	chat    = "'00000001-0009-7000-8000-000000000000'"
	first   = "'ffffffff-ffff-7fff-bfff-ffffffffffff'"
	final   = "'00000032-ffff-7fff-bfff-ffffffffffff'"
)

type list struct {
	what, query, args string
	blocks            int64
}

// lists holds the queries of pages, with arguments for a page of 50 of one account. blocks bounds the blocks of 8 kB that a query
// touches, however many rows there are. A page of projects looks up a prompt for each of 51 rows: that is four blocks a row if the
// index has three levels, and five from about ten million rows on.
var lists = []list{
	{"GET /jobs", "JobList", account + "," + first + ", 51", 40},
	{"GET /jobs, its last page", "JobList", account + "," + final + ", 51", 40},
	{"GET /jobs?status=failed", "JobListByStatus", account + ", 'failed', " + first + ", 51", 40},
	{"GET /jobs?status=succeeded", "JobListByStatus", account + ", 'succeeded', " + first + ", 51", 40},
	{"… its last page", "JobListByStatus", account + ", 'succeeded', " + final + ", 51", 40},
	{"GET /jobs?status=canceled", "JobListByStatus", account + ", 'canceled', " + first + ", 51", 40},
	{"GET /project/{id}/jobs", "JobListByProject", project + "," + first + "," + account + ", 51", 40},
	{"… of a project of three", "JobListByProject", aside + "," + first + "," + account + ", 51", 40},
	{"GET /project", "ProjectList", account + "," + first + ", 51", 300},
	{"GET /project, its last page", "ProjectList", account + "," + final + ", 51", 300},
	{"GET /project?status=failed", "ProjectListByStatus", account + ", 'failed', " + first + ", 51", 40},
	{"GET /project?status=done", "ProjectListByStatus", account + ", 'done', " + first + ", 51", 300},
	{"GET /assets", "AssetList", account + "," + first + ", 51", 40},
	{"GET /assets?type=selfie", "AssetListByType", account + ", 'selfie', " + first + ", 51", 40},
	{"GET /assets?type=render", "AssetListByType", account + ", 'render', " + first + ", 51", 40},
	{"GET /me/credits", "CreditEntryList", account + ", 9000000000, 51", 40},
	{"GET /auth/sessions", "SessionList", account + "," + first + ", now(), 51", 40},
	{"GET /chat", "ChatList", account + ", '9999-01-01', " + first + ", 51", 80},
	{"GET /chat, its last page", "ChatList", account + ", '2026-01-01T00:50Z', " + first + ", 51", 80},
	{"GET /chat/{id}/messages?order=desc", "MessageListDesc", chat + "," + account + ", 9000000000, 51", 40},
	{"GET /chat/{id}/messages", "MessageListAsc", chat + "," + account + ", 500, 51", 40},
	{"the messages before a reply", "ReplyTurns", chat + ", 9000000000, 40", 40},
	{"jobs that failed, for operators", "DeadJobs", "100", 40},
}

// kinds lists both kinds of plans that Postgres uses: the first executions of a prepared statement, and all executions through a
// pooler in transaction mode, are planned for their arguments; others may use a generic plan.
var kinds = []string{"force_custom_plan", "force_generic_plan"}

// TestPlans_laterPagesCostNoMore lets one account grow, and expects that no page of its lists costs more than its bound, with
// either kind of plan.
func TestPlans_laterPagesCostNoMore(t *testing.T) {
	t.Parallel()
	d := open(t)
	sizes := []int{1000, 10_000}
	if full() {
		sizes = append(sizes, 100_000, 1_000_000)
	}
	queries := queriesByName(t)
	cells := make([]string, len(lists))
	head := fmt.Sprintf("%-36s", "blocks touched, milliseconds, at")
	had := 0
	for _, rows := range sizes {
		head += fmt.Sprintf("%16d", rows)
		d.grow(t, had, rows)
		had = rows
		for i, list := range lists {
			require.Contains(t, queries, list.query)
			blocks, millis := d.worst(t, queries[list.query], list.args)
			cells[i] += fmt.Sprintf("%8d%8.2f", blocks, millis)
			require.LessOrEqual(t, blocks, list.blocks, "blocks that %s touches, of %d rows", list.what, rows)
		}
	}
	for i, list := range lists {
		head += fmt.Sprintf("\n%-36s%s", list.what, cells[i])
	}
	t.Log("\n" + head)
}

// TestPlans_pagesNeedTheirIndexes shows that the bounds are tight enough: without its index, a list exceeds its bound.
func TestPlans_pagesNeedTheirIndexes(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.grow(t, 0, 10_000)
	queries := queriesByName(t)
	for index, broken := range map[string][]string{
		"jobs_user_idx":               {"JobList"},
		"jobs_user_status_id_idx":     {"JobListByStatus"},
		"jobs_project_idx":            {"JobListByProject"},
		"projects_user_idx":           {"ProjectList"},
		"projects_user_status_id_idx": {"ProjectListByStatus"},
		"assets_user_idx":             {"AssetList"},
		"assets_user_type_id_idx":     {"AssetListByType"},
		"audit_logs_ledger_idx":       {"CreditEntryList"},
		"sessions_living_idx":         {"SessionList"},
		"chats_user_hour_idx":         {"ChatList"},
		"messages_chat_seq_key":       {"MessageListDesc", "MessageListAsc", "ReplyTurns"},
	} {
		d.exec(t, "begin")
		d.exec(t, "drop index "+index)
		for _, name := range broken {
			i := slices.IndexFunc(lists, func(l list) bool { return l.query == name })
			blocks, _ := d.worst(t, queries[name], lists[i].args)
			require.Greater(t, blocks, lists[i].blocks, "blocks that %s touches without %s", lists[i].what, index)
		}
		d.exec(t, "rollback")
	}
}

// TestPlans_messagesLeaveTheListAlone shows why the list of chats is ordered by hours: a message changes updated_at of its
// chat, but an index only if it is the first message of an hour.
func TestPlans_messagesLeaveTheListAlone(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.grow(t, 0, 1000)
	talk := func(at string) (withoutIndexes int) {
		counted := "select pg_stat_get_xact_tuples_hot_updated('chats'::regclass)"
		var before int
		require.NoError(t, d.conn.QueryRow(t.Context(), counted).Scan(&before))
		d.exec(t, "update chats set last_seq = last_seq + 1, updated_at = '"+at+"' where id = "+chat)
		require.NoError(t, d.conn.QueryRow(t.Context(), counted).Scan(&withoutIndexes))
		return withoutIndexes - before
	}
	d.exec(t, "begin")
	require.Zero(t, talk("2026-06-01T10:00Z"), "the first message of an hour")
	require.Equal(t, 1, talk("2026-06-01T10:59:59Z"), "the second")
	require.Zero(t, talk("2026-06-01T11:00Z"), "the first of the next hour")
	d.exec(t, "rollback")
}

// grow adds rows to the account.
func (d *database) grow(t *testing.T, had, rows int) {
	t.Helper()
	d.exec(t, strings.NewReplacer(":from", fmt.Sprint(had+1), ":rows", fmt.Sprint(rows)).Replace(growSQL))
	d.exec(t, "vacuum analyze")
}

// worst returns the costs of a query with its worse kind of plan.
func (d *database) worst(t *testing.T, q query, args string) (blocks int64, millis float64) {
	t.Helper()
	for _, kind := range kinds {
		d.exec(t, "set plan_cache_mode = "+kind)
		b, ms := d.cost(t, q, args)
		blocks, millis = max(blocks, b), max(millis, ms)
	}
	return blocks, millis
}

// cost runs a query three times, and returns the blocks of the last time, when all are in memory, and the shortest time.
func (d *database) cost(t *testing.T, q query, args string) (blocks int64, millis float64) {
	t.Helper()
	d.exec(t, "prepare tried as "+q.sql)
	defer d.exec(t, "deallocate tried")
	millis = math.Inf(1)
	for range 3 {
		n := d.plan(t, "explain (analyze, buffers, format json) execute tried("+args+")", q.name)
		blocks, millis = n.Hits+n.Reads, min(millis, n.Millis)
	}
	return blocks, millis
}

func queriesByName(t *testing.T) map[string]query {
	t.Helper()
	queries := map[string]query{}
	for _, q := range readQueries(t) {
		queries[q.name] = q
	}
	return queries
}
