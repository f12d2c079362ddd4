package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
)

// templateLock is the key of the advisory lock under which test binaries make templates.
const templateLock = 7166483292

// templates records which templates this binary knows to be ready.
var templates sync.Map // of template name to *templateState

type templateState struct {
	mu    sync.Mutex
	ready bool
}

// templateOf returns the name of a template database with all migrations applied, and makes it if this server has none for
// this set of migrations. The name contains the hash of the migrations.
//
// With forRuntime the template also has what [Runtime] needs.
func templateOf(ctx context.Context, fsys fs.FS, forRuntime bool) (string, error) {
	name, err := templateName(fsys)
	if err != nil {
		return "", err
	}
	if forRuntime {
		name += "_runtime"
	}
	value, _ := templates.LoadOrStore(name, &templateState{})
	state := value.(*templateState)
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.ready {
		return name, nil
	}
	if err := makeTemplate(ctx, name, fsys, forRuntime); err != nil {
		return "", fmt.Errorf("make the template of the test databases: %w", err)
	}
	state.ready = true
	return name, nil
}

// makeTemplate migrates a database and marks it as a template, unless another test binary has done so; it waits for one that is
// doing so. The mark is set last, so that a template whose making was interrupted is made again.
func makeTemplate(ctx context.Context, name string, fsys fs.FS, forRuntime bool) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which gives the lock back as well
	if err := execute(ctx, conn, fmt.Sprintf("select pg_advisory_lock(%d)", templateLock)); err != nil {
		return err
	}
	var ready bool
	const query = "select exists (select from pg_database where datname = $1 and datistemplate)"
	if err := conn.QueryRow(ctx, query, name).Scan(&ready); err != nil {
		return fmt.Errorf("look for the template: %w", err)
	}
	if ready {
		return nil
	}
	quoted := pgx.Identifier{name}.Sanitize()
	if err := execute(ctx, conn,
		"drop database if exists "+quoted+" with (force)",
		"create database "+quoted+" template template0 strategy file_copy",
		"alter database "+quoted+" set timezone = '"+TimeZone+"'",
	); err != nil {
		return err
	}
	dsn, err := address(name)
	if err != nil {
		return err
	}
	if _, err := migrate.Up(ctx, dsn, fsys, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if forRuntime {
		if err := grant(ctx, conn, dsn); err != nil {
			return err
		}
	}
	return execute(ctx, conn, "alter database "+quoted+" is_template true allow_connections false")
}

// templateName depends on the names and the contents of the migrations.
func templateName(fsys fs.FS) (string, error) {
	files, err := fs.Glob(fsys, "*.sql") // sorted
	if err != nil {
		return "", fmt.Errorf("list the migrations: %w", err)
	}
	sum := sha256.New()
	for _, file := range files {
		content, err := fs.ReadFile(fsys, file)
		if err != nil {
			return "", fmt.Errorf("read the migrations: %w", err)
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n", file, len(content))
		_, _ = sum.Write(content)
	}
	return "template_" + hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
