// Package migrate applies migrations to a database ([Up]), reverts them ([Down]) and lists them ([Status]). It uses
// golang-migrate's version table, schema_migrations, so that tool and migrations/apply_migrations.sh can be used on the same
// database.
//
// A database is at the version of the newest applied migration, and is dirty after a migration failed half-way: then nothing
// can be migrated until an operator has repaired it ([DirtyError]). An advisory lock keeps two migrations from running at the
// same time. It belongs to a session, so the connection string must reach Postgres itself or a pooler in session mode.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	driver "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Up applies the migrations that are not applied yet, oldest first, and returns how many it finished, even when one failed
// or ctx ended. A migration that is under way when ctx ends is finished first. It returns a *[DirtyError] when this run or an
// earlier one failed half-way, and an *[UnknownVersionError] when the database has a migration that fsys has not.
func Up(ctx context.Context, dsn string, fsys fs.FS, log *slog.Logger) (applied int, err error) {
	return run(ctx, dsn, fsys, func(all []Migration, at int, m *migrate.Migrate) (done int, err error) {
		for _, next := range all[at:] {
			if err := step(ctx, m, +1, next, log); err != nil {
				return done, err
			}
			done++
		}
		return done, nil
	})
}

// Down reverts the newest migrations, as many as steps or all where there are fewer, and returns how many it finished. Its
// errors are those of [Up].
func Down(ctx context.Context, dsn string, fsys fs.FS, steps int, log *slog.Logger) (reverted int, err error) {
	if steps < 1 {
		return 0, fmt.Errorf("migrate down: %d is not a number of steps", steps)
	}
	return run(ctx, dsn, fsys, func(all []Migration, at int, m *migrate.Migrate) (done int, err error) {
		for ; done < min(steps, at); done++ {
			if err := step(ctx, m, -1, all[at-1-done], log); err != nil {
				return done, err
			}
		}
		return done, nil
	})
}

// Status lists all migrations of fsys, oldest first. It changes nothing, and does not wait for a migration that is under way.
// It returns the list even with an *[UnknownVersionError].
func Status(ctx context.Context, dsn string, fsys fs.FS) ([]Migration, error) {
	all, err := list(fsys)
	if err != nil {
		return nil, err
	}
	db, err := open(dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	version, dirty, err := current(ctx, db)
	if err != nil {
		return nil, err
	}
	at, err := position(all, version)
	for i := range all[:at] {
		all[i].Applied = true
		all[i].Dirty = dirty && i == at-1
	}
	return all, err
}

// run calls work under the lock, with all migrations, how many of them are applied, and golang-migrate.
func run(ctx context.Context, dsn string, fsys fs.FS, work func(all []Migration, at int, m *migrate.Migrate) (int, error)) (int, error) {
	all, err := list(fsys)
	if err != nil {
		return 0, err
	}
	db, err := open(dsn)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	unlock, err := lock(ctx, db)
	if err != nil {
		return 0, err
	}
	defer unlock()

	version, dirty, err := current(ctx, db)
	if err != nil {
		return 0, err
	}
	at, err := position(all, version)
	if err != nil {
		return 0, err
	}
	if dirty {
		return 0, &DirtyError{Version: version}
	}

	source, err := iofs.New(fsys, ".")
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	target, err := driver.WithInstance(db, &driver.Config{}) // creates the version table
	if err != nil {
		return 0, fmt.Errorf("prepare the database for migrations: %w", err)
	}
	m, err := migrate.NewWithInstance("iofs", source, "pgx5", target)
	if err != nil {
		return 0, fmt.Errorf("prepare the migrations: %w", err)
	}
	done, err := work(all, at, m)
	if err != nil {
		if version, dirty, lookErr := current(context.WithoutCancel(ctx), db); lookErr == nil && dirty {
			err = errors.Join(err, &DirtyError{Version: version})
		}
	}
	sourceErr, targetErr := m.Close()
	return done, errors.Join(err, sourceErr, targetErr)
}

// step applies one migration (+1) or reverts it (-1). It does so one at a time, since golang-migrate has a data race when it
// is stopped during several steps, and leaves goroutines behind when one of several fails.
func step(ctx context.Context, m *migrate.Migrate, direction int, which Migration, log *slog.Logger) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped before migration %s: %w", which, err)
	}
	way := "up"
	if direction < 0 {
		way = "down"
	}
	began := time.Now()
	err := m.Steps(direction)
	if err == nil {
		log.InfoContext(ctx, "migrated", "migration", which.String(), "direction", way, "took", time.Since(began))
		return nil
	}
	if failed := (database.Error{}); errors.As(err, &failed) { // its text repeats the whole file
		err = fmt.Errorf("line %d: %w", failed.Line, failed.OrigErr)
	}
	return fmt.Errorf("migration %s.%s.sql failed: %w", which, way, err)
}

// open opens the database, without connecting yet.
func open(dsn string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	if postgres.Pooled(cfg) {
		return nil, errPooled
	}
	return stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		// The role may have a statement time-out that suits the API, and is too short for building an index.
		_, err := conn.Exec(ctx, "set statement_timeout = 0")
		return err
	})), nil
}

// errPooled refuses a pooler in transaction mode, on which the lock would not stay with one session.
var errPooled = errors.New("migrations need the database itself or a pooler in session mode (Supabase: port 5432), " +
	"without default_query_exec_mode; this address is that of a pooler in transaction mode")
