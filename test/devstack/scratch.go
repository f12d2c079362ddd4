package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

const (
	scratchSpace     = 2 << 30 // bytes that must be free in memory before scratch data go there
	templatesKept    = 4       // templates of migrated databases, of the latest few states of the migrations
	scratchSlots     = 64      // far more than test binaries that run at once
	sharedMemory     = "/dev/shm"
	scratchDirPrefix = "mugshot-test-"
)

// StartScratchPostgres starts a server for tests. Its data are kept for the next test run, which then starts in a fraction of the
// time and finds the migrated templates; they may be lost at any time. Test binaries that run at once get a data directory each.
// DataDir, Durable and LockTimeout of cfg are not used.
func StartScratchPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	if cfg.Binaries == "" {
		dir, err := FindPostgres(ctx, FindConfig{Progress: cfg.Log})
		if err != nil {
			return nil, err
		}
		cfg.Binaries = dir
	}
	base, err := scratchDir()
	if err != nil {
		return nil, err
	}
	cfg.Durable = false
	cfg.LockTimeout = -1
	for slot := range scratchSlots {
		cfg.DataDir = filepath.Join(base, "postgres-"+strconv.Itoa(slot))
		p, err := startScratch(ctx, cfg)
		if errors.Is(err, ErrInUse) {
			continue
		}
		return p, err
	}
	return nil, fmt.Errorf("start postgres for tests: all of %d directories in %s are in use: %w", scratchSlots, base, ErrInUse)
}

// startScratch removes the data and starts again if the server does not start on them: fsync is off, so that a crash of the
// machine may corrupt them, and another version of PostgreSQL can't read them.
func startScratch(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	p, err := StartPostgres(ctx, cfg)
	if err != nil && !errors.Is(err, ErrInUse) && ctx.Err() == nil {
		first := err
		if err := os.RemoveAll(cfg.DataDir); err != nil {
			return nil, errors.Join(first, fmt.Errorf("clear %s: %w", cfg.DataDir, err))
		}
		if p, err = StartPostgres(ctx, cfg); err != nil {
			return nil, errors.Join(first, err)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := p.dropLeftovers(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// dropLeftovers drops the databases of tests that were killed before they could, and old templates.
func (p *Postgres) dropLeftovers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("clear what earlier tests left: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `
		select datname from (
			select datname, datistemplate, row_number() over (partition by datistemplate order by oid desc) as age
			from pg_database where datname not in ('postgres', 'template0', 'template1')
		) as d where not datistemplate or age > $1`, templatesKept)
	if err != nil {
		return fmt.Errorf("list what earlier tests left: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list what earlier tests left: %w", err)
	}
	for _, name := range names {
		quoted := pgx.Identifier{name}.Sanitize()
		for _, statement := range []string{"alter database " + quoted + " is_template false", "drop database " + quoted} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("clear what earlier tests left: %w", err)
			}
		}
	}
	return nil
}

// scratchDir returns a directory of this user that lasts until the next start of the machine. It is in memory if enough is free,
// where a new database takes 20 ms however busy the disk is (on disk 25 to 80 ms were seen), else among the temporary files.
// $TMPDIR overrides it.
func scratchDir() (string, error) {
	parent := os.TempDir()
	if os.Getenv("TMPDIR") == "" && freeSpace(sharedMemory) >= scratchSpace {
		parent = sharedMemory
	}
	dir := filepath.Join(parent, scratchDirPrefix+strconv.Itoa(os.Geteuid()))
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make a directory for the tests' data: %w", err)
	}
	// The name can be guessed, and every user may write here: use nothing that another user has put there.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the directory for the tests' data: %w", err)
	}
	if !info.IsDir() || ownerOf(info) != uint32(os.Geteuid()) {
		return "", fmt.Errorf("%s is not a directory of this user: remove it, or set TMPDIR", dir)
	}
	return dir, nil
}

// freeSpace returns how many bytes may still be written in dir, 0 where there is no such directory.
func freeSpace(dir string) uint64 {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0
	}
	return stat.Bavail * uint64(stat.Bsize)
}
