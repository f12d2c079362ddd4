package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mugshot-studio/backend/gen/db"
)

// supabasePooledPort is where Supabase's poolers speak transaction mode, the shared one and a project's own:
// https://supabase.com/docs/guides/database/connecting-to-postgres
const supabasePooledPort = 6543

// Pooled tells whether an address is that of a pooler in transaction mode, which gives each transaction any of its
// connections: it says so with a default_query_exec_mode that prepares nothing, or by the port that Supabase has for it.
func Pooled(cfg *pgx.ConnConfig) bool {
	switch cfg.DefaultQueryExecMode {
	case pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		return true
	default:
		return cfg.Port == supabasePooledPort
	}
}

// adaptToPooler keeps a connection from relying on what a pooler does not hand on: statements are described once and
// sent whole each time, since the next transaction may run where they are not prepared. Of the modes that do so, the
// others can't send arrays of ids.
func adaptToPooler(cfg *pgx.ConnConfig) { cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe }

// bounded is a handle whose statements end after a time. Through a pooler that is up to us: it refuses or forgets a
// statement_timeout that is asked for with a connection. pgx cancels the statement at the server and drops the connection;
// its other way, which keeps the connection, hangs up on a cancellation that is on its way, and PgBouncer 1.18 dies of that.
type bounded struct {
	db.DBTX
	timeout time.Duration
}

func (b bounded) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return b.DBTX.Exec(ctx, sql, args...)
}

func (b bounded) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	rows, err := b.DBTX.Query(ctx, sql, args...)
	if err != nil {
		cancel()
		return rows, err
	}
	return boundedRows{rows, cancel}, nil
}

func (b bounded) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	return boundedRow{b.DBTX.QueryRow(ctx, sql, args...), cancel}
}

// boundedRows hold on to their context until they are closed, as every reader of rows does in the end.
type boundedRows struct {
	pgx.Rows
	cancel context.CancelFunc
}

func (r boundedRows) Close() {
	r.Rows.Close()
	r.cancel()
}

type boundedRow struct {
	pgx.Row
	cancel context.CancelFunc
}

func (r boundedRow) Scan(dest ...any) error {
	defer r.cancel()
	return r.Row.Scan(dest...)
}
