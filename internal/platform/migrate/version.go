package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/golang-migrate/migrate/v4/source"
)

const (
	// lockKey is the key of the advisory lock that this package and apply_migrations.sh take. golang-migrate's own key is
	// derived from a checksum that psql can't compute.
	lockKey      = 7166483291
	lockInterval = 100 * time.Millisecond

	noVersion = -1 // of a database without migrations, as golang-migrate writes it
)

// Migration is one step of the schema's history.
type Migration struct {
	Version int64  // the time in the file's name, such as 20261101090000
	Name    string // the rest of the file's name
	Applied bool
	Dirty   bool // it failed half-way, or the migration after it did while it was reverted; see DirtyError
}

func (m Migration) String() string {
	return fmt.Sprintf("%d_%s", m.Version, m.Name)
}

// DirtyError means that a migration failed half-way and that no operator has repaired the database since. Until then nothing
// can be migrated. Its text says what to do.
type DirtyError struct {
	Version int64 // the version to be reached: that of the failed migration if it was applied, that of the one before if it was reverted
}

func (e *DirtyError) Error() string {
	return fmt.Sprintf(`the database is marked dirty at version %d: a migration to it failed half-way. `+
		`Most often nothing of it was kept, since a file is one transaction unless it says otherwise. `+
		`Find the newest migration whose changes are in the schema as a whole, write its version down with `+
		`"update schema_migrations set version = VERSION, dirty = false" `+
		`(or "delete from schema_migrations" where there is none), and migrate again`, e.Version)
}

// UnknownVersionError means that the database has a migration that is not among the files: a newer release has migrated it,
// or it belongs to another product.
type UnknownVersionError struct {
	Version int64
}

func (e *UnknownVersionError) Error() string {
	return fmt.Sprintf("the database is at version %d, which is not among these migrations: it was migrated by a newer release; "+
		"use that one, or take its migrations back with it first", e.Version)
}

// list reads the migrations of a folder, oldest first. Each must have a file for both directions.
func list(fsys fs.FS) ([]Migration, error) {
	ups, err := fs.Glob(fsys, "*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	if len(ups) == 0 {
		return nil, errors.New("there are no migrations: no file is named <time>_<name>.up.sql")
	}
	all := make([]Migration, 0, len(ups))
	for _, file := range ups {
		parsed, err := source.Parse(file)
		if err != nil {
			return nil, fmt.Errorf("migration %s is not named <time>_<name>.up.sql: %w", file, err)
		}
		m := Migration{Version: int64(parsed.Version), Name: parsed.Identifier} // #nosec G115 -- a time of 14 digits
		if _, err := fs.Stat(fsys, m.String()+".down.sql"); err != nil {
			return nil, fmt.Errorf("migration %s has no way back: %w", file, err)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Migration) int { return int(a.Version - b.Version) })
	return all, nil
}

// position returns how many migrations are applied when version is the newest.
func position(all []Migration, version int64) (int, error) {
	if version == noVersion {
		return 0, nil
	}
	i := slices.IndexFunc(all, func(m Migration) bool { return m.Version == version })
	if i < 0 {
		return 0, &UnknownVersionError{Version: version}
	}
	return i + 1, nil
}

// current returns the newest version applied, or noVersion, and whether a migration failed on the way to it.
func current(ctx context.Context, db *sql.DB) (version int64, dirty bool, err error) {
	var exists bool
	if err := db.QueryRowContext(ctx, "select to_regclass('schema_migrations') is not null").Scan(&exists); err != nil {
		return 0, false, fmt.Errorf("look for the version table: %w", err)
	}
	if !exists {
		return noVersion, false, nil
	}
	const query = "select coalesce(max(version), $1), coalesce(bool_or(dirty), false) from schema_migrations" // one row or none
	if err := db.QueryRowContext(ctx, query, noVersion).Scan(&version, &dirty); err != nil {
		return 0, false, fmt.Errorf("read the version table: %w", err)
	}
	return version, dirty, nil
}

// lock waits until no other process migrates this database. It polls: a session that waits in pg_advisory_lock holds a
// snapshot, and a `create index concurrently` of the process that holds the lock would wait for the end of that snapshot.
func lock(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	for {
		var locked bool
		if err := conn.QueryRowContext(ctx, "select pg_try_advisory_lock($1)", int64(lockKey)).Scan(&locked); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("wait for another migration: %w", err)
		}
		if locked {
			return func() { _ = conn.Close() }, nil // the lock ends with the session, when the caller closes db
		}
		select {
		case <-ctx.Done():
			_ = conn.Close()
			return nil, fmt.Errorf("wait for another migration: %w", ctx.Err())
		case <-time.After(lockInterval):
		}
	}
}
