package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mugshot-studio/backend/gen/db"
)

// supabasePooledPort is the port on which Supabase's poolers, the shared one and a project's own, run in transaction mode:
// https://supabase.com/docs/guides/database/connecting-to-postgres
const supabasePooledPort = 6543

// Pooled reports whether a configuration is that of a pooler in transaction mode, which runs each transaction on any of its
// connections. The operator says so by a default_query_exec_mode in the DSN that prepares no statements, or by Supabase's
// port for such a pooler.
func Pooled(cfg *pgx.ConnConfig) bool {
	switch cfg.DefaultQueryExecMode {
	case pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		return true
	default:
		return cfg.Port == supabasePooledPort
	}
}

// adaptToPooler makes a connection work through a pooler: it describes a statement once and then sends the whole text each
// time, since the next transaction may run on a connection on which the statement is not prepared. The other modes that
// prepare nothing can't send arrays of ids.
func adaptToPooler(cfg *pgx.ConnConfig) { cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe }

// bounded is a handle whose statements have a time-out. It is used with a pooler, which refuses or loses a
// statement_timeout of the connection. When the time is over, pgx cancels the statement at the server and drops the
// connection. pgx could also keep the connection, but that way closes the connection that carries the cancellation too
// early, which crashes PgBouncer 1.18.
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

// boundedRows keep their context until they are closed, which every caller does in the end.
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
