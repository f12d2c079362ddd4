package plans_test

import (
	"context"
	_ "embed"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// smallTables lists the tables whose number of rows is bounded by a setting or by the number of migrations.
const smallTables = "provider_slots schema_migrations storage_bindings"

//go:embed fill.sql
var fillSQL string

//go:embed grow.sql
var growSQL string

// full tells whether to fill the tables as after years of use, which takes a minute or two: PLANS=full.
func full() bool { return os.Getenv("PLANS") == "full" }

// database is a connection to a filled database, and the part of its schema that plans don't contain.
type database struct {
	conn    *pgx.Conn
	large   map[string]bool   // tables
	partial map[string]bool   // indexes
	tableOf map[string]string // of an index
}

// open connects to a new database, with the checks of foreign keys off.
func open(t *testing.T) *database {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	d := &database{conn: conn, large: map[string]bool{}, partial: map[string]bool{}, tableOf: map[string]string{}}
	d.exec(t, "set session_replication_role = replica")
	d.exec(t, "set synchronous_commit = off")
	return d
}

// fill makes 100,000 users, 200,000 jobs and 1,000,000 messages, or a fiftieth of them. The planner rightly scans small tables, so
// with a fiftieth sequential scans are disabled, and a plan has one only if there is no other way.
func fill(t *testing.T) *database {
	t.Helper()
	d := open(t)
	users, jobs, messages := 100_000, 200_000, 1_000_000
	if !full() {
		users, jobs, messages = users/50, jobs/50, messages/50
		defer d.exec(t, "set enable_seqscan = off")
	}
	d.exec(t, strings.NewReplacer(
		":users", strconv.Itoa(users), ":jobs", strconv.Itoa(jobs), ":messages", strconv.Itoa(messages),
	).Replace(fillSQL))
	d.exec(t, "vacuum analyze")
	d.exec(t, "set plan_cache_mode = force_generic_plan")
	d.readSchema(t)
	return d
}

func (d *database) readSchema(t *testing.T) {
	t.Helper()
	rows, err := d.conn.Query(t.Context(), "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		var n int
		require.NoError(t, d.conn.QueryRow(t.Context(), "select count(*) from "+pgx.Identifier{table}.Sanitize()).Scan(&n))
		if !slices.Contains(strings.Fields(smallTables), table) {
			require.GreaterOrEqual(t, n, 100, "rows of %s, which fill.sql has to fill", table)
			d.large[table] = true
		}
	}
	rows, err = d.conn.Query(t.Context(), "select indexrelid::regclass::text, indrelid::regclass::text, indpred is not null from pg_index")
	require.NoError(t, err)
	var index, table string
	var partial bool
	_, err = pgx.ForEachRow(rows, []any{&index, &table, &partial}, func() error {
		d.tableOf[index], d.partial[index] = table, partial
		return nil
	})
	require.NoError(t, err)
}

func (d *database) exec(t *testing.T, sql string) {
	t.Helper()
	_, err := d.conn.Exec(t.Context(), sql)
	require.NoError(t, err, "%.200s", sql)
}
