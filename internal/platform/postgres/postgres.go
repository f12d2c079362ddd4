// Package postgres opens a pool of connections to Postgres and runs the queries of package db on it, alone or in a
// transaction ([Store.InTx]).
//
// It is the only package that knows how Postgres fails. All other packages ask [IsNotFound] and [IsUnique], and get lost or
// refused connections and statement time-outs as [apperr.ErrUnavailable]. It also knows what a pooler in transaction mode
// does not pass on ([Pooled]).
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

// Store is a pool of connections to one database. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	timeout time.Duration // of a statement, where a pooler keeps the server from enforcing it; else 0
	queries *db.Queries   // outside of transactions
}

// Options limit what one process uses of Postgres.
type Options struct {
	MaxConns         int32           // connections; 0: pgx's default
	StatementTimeout time.Duration   // the longest a statement may run; 0: the server's default
	Tracer           pgx.QueryTracer // nil: statements are not traced
}

// Open reads a DSN and prepares a pool. It does not connect: a server that is still starting is no reason to fail. Its
// errors contain no part of the DSN but the name of a missing file. [Pooled] tells whether the DSN is that of a pooler in
// transaction mode. The caller closes the store.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// pgx quotes the DSN in its message, with the password. The name of a missing file is no secret.
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

// setParameters adds the settings that the server is to apply to each connection. A pooler would refuse or lose them.
func setParameters(server map[string]string, o Options) {
	if o.StatementTimeout > 0 {
		server["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
	}
	// Postgres compiles (jit) a statement that it expects to be expensive, such as one that lists a long backlog. That takes a
	// tenth of a second, and none of our statements runs that long.
	if _, set := server["jit"]; !set {
		server["jit"] = "off"
	}
}

// Close waits for the connections that are in use, and closes all.
func (s *Store) Close() { s.pool.Close() }

// Ping reports whether Postgres answers.
func (s *Store) Ping(ctx context.Context) error { return translate(s.pool.Ping(ctx)) }

// OwnsTables tells whether the role that the process connects as owns the tables, or may act as their owner: then a stolen
// password, or an injected statement, can change the schema and rewrite the ledger.
func (s *Store) OwnsTables(ctx context.Context) (owns bool, err error) {
	const query = `
		select coalesce(bool_or(pg_has_role(current_user, relowner, 'usage')), false)
		from pg_class where relnamespace = 'public'::regnamespace and relname = 'audit_logs'`
	if err := s.pool.QueryRow(ctx, query).Scan(&owns); err != nil {
		return false, fmt.Errorf("look who owns the tables: %w", translate(err))
	}
	return owns, nil
}

// Pool returns the pool for metrics to read its numbers. Nothing else may use it.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Queries returns the queries outside of transactions; each call takes a connection from the pool.
func (s *Store) Queries() *db.Queries { return s.queries }

// handle adds the time-out of statements and the translation of errors to a connection, pool or transaction.
func (s *Store) handle(on db.DBTX) db.DBTX {
	if s.timeout > 0 {
		on = bounded{on, s.timeout}
	}
	return translating{on}
}

// InTx runs fn in one transaction, which it commits when fn returns nil and rolls back on an error or a panic. fn must not
// use the network, nor any database handle but q. After a deadlock or a serialisation failure InTx runs fn again, three
// times in all, so fn must have no effects but those of q.
func (s *Store) InTx(ctx context.Context, fn func(q *db.Queries) error) error {
	const tries = 3
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return fn(db.New(s.handle(tx))) })
		if err == nil || !IsRetryable(err) || try == tries {
			return translate(err)
		}
	}
}

// exclusiveGrace is how much longer than its context's deadline a lock of [Store.Exclusive] is held by a process that stands still.
const exclusiveGrace = 5 * time.Second

// Exclusive runs fn while no other process runs an Exclusive with the same key, and reports whether it did: ran is false
// where another process holds the key. The lock is an advisory lock of a transaction, since a pooler in transaction mode
// does not keep locks of a session; it also ends when the process dies, and exclusiveGrace after the deadline of ctx when the
// process stands still, as one does on a machine that is suspended. fn uses other connections.
func (s *Store) Exclusive(ctx context.Context, key int64, fn func(ctx context.Context) error) (ran bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", key).Scan(&ran); err != nil {
			return fmt.Errorf("take advisory lock: %w", err)
		}
		if !ran {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok {
			idle := strconv.FormatInt((time.Until(deadline) + exclusiveGrace).Milliseconds(), 10)
			if _, err := tx.Exec(ctx, "select set_config('idle_in_transaction_session_timeout', $1, true)", idle); err != nil {
				return fmt.Errorf("bound advisory lock: %w", err)
			}
		}
		return fn(ctx)
	})
	return ran, translate(err)
}
