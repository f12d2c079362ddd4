package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// grantLockTimeout is how long a policy waits for a table that others use, before the grant gives up and can be repeated.
const grantLockTimeout = 5 * time.Second

// runtimePolicy begins the name of the policy by which row-level security lets the runtime's role see rows; the role follows.
const runtimePolicy = "runtime_"

// Grant lets a role that owns nothing run the server: it may read and write the rows of every table there is, and of the
// ledger (audit_logs) only add rows and blank where an event came from. It can't change the schema, nor read the version
// table. Grant is to be run by the owner of the tables, after [Up] and again after each later Up: a table that is new then has
// neither grants nor a policy. Repeating it changes nothing. The role has to exist.
func Grant(ctx context.Context, dsn, role string) (err error) {
	db, err := open(dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	unlock, err := lock(ctx, db)
	if err != nil {
		return err
	}
	defer unlock()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if rollback := tx.Rollback(); !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	if err := grant(ctx, tx, role); err != nil {
		return fmt.Errorf("grant to the runtime's role: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func grant(ctx context.Context, tx *sql.Tx, role string) error {
	tables, err := ungoverned(ctx, tx, role)
	if err != nil {
		return err
	}
	to, policy := pgx.Identifier{role}.Sanitize(), pgx.Identifier{runtimePolicy + role}.Sanitize()
	statements := []string{
		fmt.Sprintf("set local lock_timeout = %d", grantLockTimeout.Milliseconds()),
		"grant usage on schema public to " + to,
		"grant usage on all sequences in schema public to " + to,
	}
	for _, t := range tables {
		name := pgx.Identifier{"public", t.name}.Sanitize()
		rights := "select, insert, update, delete"
		if t.name == "audit_logs" {
			rights = "select, insert, update (ip, user_agent)"
		}
		statements = append(statements, "grant "+rights+" on "+name+" to "+to)
		if !t.hasPolicy {
			statements = append(statements, "create policy "+policy+" on "+name+" to "+to+" using (true) with check (true)")
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

type governed struct {
	name      string
	hasPolicy bool
}

// ungoverned lists the tables of the product, and whether each has the role's policy already.
func ungoverned(ctx context.Context, tx *sql.Tx, role string) (tables []governed, err error) {
	rows, err := tx.QueryContext(ctx, `
		select c.relname::text, exists (
			select from pg_policy p where p.polrelid = c.oid and p.polname = $1::name
		)
		from pg_class c
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'schema_migrations'
		order by c.relname`, runtimePolicy+role)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t governed
		if err := rows.Scan(&t.name, &t.hasPolicy); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		tables = append(tables, t)
	}
	return tables, rows.Err()
}
