package plans_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exceptions lists the queries that may read whole tables, each with the reason why that is acceptable.
var exceptions = map[string]struct{ tables, reason string }{
	"CreditImbalances": {
		"users audit_logs", "`mugshot verify` of an operator compares all balances with all of the ledger; no request and no task of the worker does",
	},
	"SecondFactorListStale": {
		"second_factors", "a row for each account with a second factor, read by one worker once a minute; an index would serve a key that changes once a year",
	},
}

// TestPlans_readNoWholeTable checks the plan of every query. It is the generic plan, for any arguments: an index that helps for
// some arguments only does not count.
func TestPlans_readNoWholeTable(t *testing.T) {
	t.Parallel()
	d := fill(t)
	queries := readQueries(t)
	require.Greater(t, len(queries), 100, "the queries of gen/db")
	for _, q := range queries {
		whole := d.wholeScans(d.explain(t, q))
		allowed := strings.Fields(exceptions[q.name].tables)
		for _, scan := range whole {
			if !slices.Contains(allowed, scan.table) {
				t.Errorf("%s reads all of %s: %s", q.name, scan.table, scan.how)
			}
		}
		if len(allowed) > 0 && len(whole) == 0 {
			t.Errorf("%s reads no whole table any more: take its exception away", q.name)
		}
	}
	for name, e := range exceptions {
		require.NotEmpty(t, e.reason, name)
		require.True(t, slices.ContainsFunc(queries, func(q query) bool { return q.name == name }), "no query %s", name)
	}
}

// TestPlans_noticeWholeScans shows that a query that reads a whole table is found, whatever kind of scan it uses.
func TestPlans_noticeWholeScans(t *testing.T) {
	t.Parallel()
	d := fill(t)
	for name, sql := range map[string]string{
		"no index":               "select id from messages where content = $1",
		"an index used as table": "select id from jobs order by id",
		"half of a union":        "select id from users where id = $1 union all select id from chats where session_name = $2",
		"a limit above a filter": "select id from jobs where model = $1 order by id limit 10",
		"a join that hashes":     "select m.id from chats c join messages m on m.chat_id = c.id where c.last_seq > $1",
	} {
		require.NotEmpty(t, d.wholeScans(d.explain(t, query{name: "tried", sql: sql})), name)
	}
	for name, sql := range map[string]string{
		"by primary key":  "select * from messages where id = $1",
		"partial index":   "select id from jobs where status = 'running' order by lease_until",
		"a small table":   "select * from provider_slots",
		"no more than 10": "select id from jobs order by id limit 10",
	} {
		require.Empty(t, d.wholeScans(d.explain(t, query{name: "tried", sql: sql})), name)
	}
}

// node is one step of a plan, as explain reports it.
type node struct {
	Kind     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Cond     string  `json:"Index Cond"`
	Filter   string  `json:"Filter"`
	Hits     int64   `json:"Shared Hit Blocks"`
	Reads    int64   `json:"Shared Read Blocks"`
	Millis   float64 `json:"Actual Total Time"`
	Plans    []node  `json:"Plans"`
}

// explain plans a query with nulls for its arguments, which a generic plan does not depend on.
func (d *database) explain(t *testing.T, q query) node {
	t.Helper()
	d.exec(t, "prepare tried as "+q.sql)
	defer d.exec(t, "deallocate tried")
	execute := "execute tried"
	if n := q.params(); n > 0 {
		execute += "(null" + strings.Repeat(", null", n-1) + ")"
	}
	return d.plan(t, "explain (format json) "+execute, q.name)
}

func (d *database) plan(t *testing.T, sql, name string) node {
	t.Helper()
	var text []byte
	require.NoError(t, d.conn.QueryRow(t.Context(), sql).Scan(&text), name)
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal(text, &plans))
	require.Len(t, plans, 1)
	return plans[0].Plan
}

type wholeScan struct{ table, how string }

// wholeScans finds the steps that read all rows of a large table: sequential scans, and scans of an index without a condition. A
// partial index holds few rows and is allowed; so is a scan right below a limit that filters out no rows.
func (d *database) wholeScans(n node) []wholeScan {
	found := map[wholeScan]bool{}
	d.walk(n, false, found)
	return slices.SortedFunc(maps.Keys(found), func(a, b wholeScan) int { return strings.Compare(a.table+a.how, b.table+b.how) })
}

func (d *database) walk(n node, limited bool, found map[wholeScan]bool) {
	table, limited := n.Relation, limited && n.Filter == ""
	if n.Kind == "Bitmap Index Scan" {
		table = d.tableOf[n.Index]
	}
	if d.large[table] {
		switch n.Kind {
		case "Seq Scan", "Sample Scan":
			if !limited {
				found[wholeScan{table, n.Kind}] = true
			}
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			if n.Cond == "" && !d.partial[n.Index] && !limited {
				found[wholeScan{table, fmt.Sprintf("%s of %s without a condition", n.Kind, n.Index)}] = true
			}
		}
	}
	for _, child := range n.Plans {
		d.walk(child, n.Kind == "Limit", found)
	}
}
