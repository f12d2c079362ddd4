// Package postgres opens Postgres and is the only place that knows how it fails: everybody else asks IsNotFound and
// IsUnique, and finds lost connections already turned into apperr.ErrUnavailable.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mugshot-studio/backend/gen/db"
)

// Store is a pool of connections. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	timeout time.Duration // of a statement, where the server does not see to it; else 0
	queries *db.Queries   // in no transaction
}

// Options bound what one process asks of Postgres.
type Options struct {
	MaxConns         int32         // connections; 0: pgx's default
	StatementTimeout time.Duration // the longest a statement may run; 0: the server's default
	Tracer           pgx.QueryTracer
}

// Open reads a DSN and prepares a pool. It does not connect: a server that is still starting is no reason to fail.
// A pooler in transaction mode is known by default_query_exec_mode=cache_describe in the DSN, or by Supabase's port; see Pooled.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// pgx quotes the DSN, password and all, in its message. Which of its files is not there, may be said.
		if missing, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, fmt.Errorf("read DATABASE_URL: %w", missing)
		}
		return nil, errors.New("read DATABASE_URL: not a Postgres connection string")
	}
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	var timeout time.Duration
	if Pooled(cfg.ConnConfig) {
		adaptToPooler(cfg.ConnConfig)
		timeout = o.StatementTimeout
	} else {
		setParameters(cfg.ConnConfig.RuntimeParams, o)
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	cfg.ConnConfig.Tracer = o.Tracer
	cfg.AfterConnect = registerUUID
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	s := &Store{pool: pool, timeout: timeout}
	s.queries = db.New(s.handle(pool))
	return s, nil
}

// setParameters says what the server shall do for each connection, which a pooler would refuse or forget.
func setParameters(server map[string]string, o Options) {
	if o.StatementTimeout > 0 {
		server["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
	}
	// To compile a statement takes Postgres a tenth of a second. It does so for what it expects to be dear, such as a look at what
	// waits when much does, and none of ours runs for that long.
	if _, told := server["jit"]; !told {
		server["jit"] = "off"
	}
}

// Close waits for the connections that are in use and closes all.
func (s *Store) Close() { s.pool.Close() }

// Ping asks Postgres for an answer.
func (s *Store) Ping(ctx context.Context) error { return translate(s.pool.Ping(ctx)) }

// Pool gives metrics their numbers. Nothing else may use it.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Queries runs each query on a connection of its own, in no transaction.
func (s *Store) Queries() *db.Queries { return s.queries }

// handle gives what queries run on its manners.
func (s *Store) handle(on db.DBTX) db.DBTX {
	if s.timeout > 0 {
		on = bounded{on, s.timeout}
	}
	return translating{on}
}

// InTx runs fn in one transaction: committed when fn returns nil, rolled back on an error or a panic. Nothing in fn may
// use the network, or any handle but q. A deadlock or a serialisation failure runs fn again, so fn must not change
// anything outside q.
func (s *Store) InTx(ctx context.Context, fn func(q *db.Queries) error) error {
	const tries = 3
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return fn(db.New(s.handle(tx))) })
		if err == nil || !IsRetryable(err) || try == tries {
			return translate(err)
		}
	}
}

// Exclusive runs fn while no other process runs an Exclusive with the same key, and tells whether it did: false means
// that somebody else is at it. The lock is an advisory one that belongs to a transaction, since a session's lock would
// not survive a pooler in transaction mode; it ends with the process. fn works on connections of its own.
func (s *Store) Exclusive(ctx context.Context, key int64, fn func(ctx context.Context) error) (ran bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", key).Scan(&ran); err != nil {
			return fmt.Errorf("take advisory lock: %w", err)
		}
		if !ran {
			return nil
		}
		return fn(ctx)
	})
	return ran, translate(err)
}
