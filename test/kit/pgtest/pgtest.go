// Package pgtest gives each test a PostgreSQL database of its own, so that tests run in parallel and don't see each other's
// rows. The migrations run once into a template database, which is then copied: 10 to 50 ms for each database.
//
// The server is that of TEST_DATABASE_URL, the address of a superuser's database on a server for tests only; testenv provides
// one for a whole run. Without the variable, each test binary starts its own server.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/devstack"
)

// TimeZone is the default time zone of every test database. Its offset of five hours and three quarters exposes code that
// confuses local time with UTC.
const TimeZone = "Asia/Kathmandu"

const (
	setupTimeout   = 2 * time.Minute // of a server's first start on a busy machine, an installation of PostgreSQL included
	maxConnections = 300
	maxNameLength  = 63 // of an identifier: NAMEDATALEN - 1
)

// New returns the address of a new database with the schema of all migrations, which is dropped when the test ends.
func New(t testing.TB) (dsn string) {
	t.Helper()
	return NewWith(t, migrations.FS)
}

// NewWith is [New] with other migrations: the files at the top of fsys.
func NewWith(t testing.TB, fsys fs.FS) (dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	template, err := templateOf(ctx, fsys, false)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return create(ctx, t, template)
}

// Empty returns the address of a new database with nothing in it, which is dropped when the test ends.
func Empty(t testing.TB) (dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	return create(ctx, t, "template0")
}

func create(ctx context.Context, t testing.TB, template string) (dsn string) {
	t.Helper()
	name := databaseName(t.Name())
	quoted := pgx.Identifier{name}.Sanitize()
	err := administer(ctx,
		// file_copy: the default, wal_log, takes twice as long for a schema of our size.
		"create database "+quoted+" template "+pgx.Identifier{template}.Sanitize()+" strategy file_copy",
		"alter database "+quoted+" set timezone = '"+TimeZone+"'", // a copy does not inherit it
	)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), setupTimeout)
		defer cancel()
		if err := administer(ctx, "drop database if exists "+quoted+" with (force)"); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	dsn, err = address(name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return dsn
}

// databaseName returns a unique name that contains the test's, so that a database that was left behind can be traced to it.
func databaseName(test string) string {
	clean := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}
	unique := strings.ToLower(rand.Text()[:16])
	name := "test_" + strings.Map(clean, strings.TrimPrefix(test, "Test"))
	return name[:min(len(name), maxNameLength-1-len(unique))] + "_" + unique
}

// administer runs statements one by one on the server's own database.
func administer(ctx context.Context, statements ...string) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return execute(ctx, conn, statements...)
}

func connect(ctx context.Context) (*pgx.Conn, error) {
	admin, err := server()
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, admin.String())
	if err != nil {
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	return conn, nil
}

func execute(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// address is the connection string of a database on the test server.
func address(database string) (string, error) {
	admin, err := server()
	if err != nil {
		return "", err
	}
	admin.Path = "/" + database
	return admin.String(), nil
}

// server returns the address of the test server's default database. All tests of a binary share the server, hence a variable
// of the package. One that is started here ends with the binary; see package devstack.
var server = sync.OnceValues(func() (url.URL, error) {
	dsn := os.Getenv("TEST_DATABASE_URL")
	if dsn == "" {
		var err error
		if dsn, err = startServer(); err != nil {
			return url.URL{}, err
		}
	}
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") { // err would show the password
		return url.URL{}, errors.New("TEST_DATABASE_URL must have the form postgres://user:password@host:port/database")
	}
	return *u, nil
})

func startServer() (dsn string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	binaries, err := devstack.FindPostgres(ctx, devstack.FindConfig{Progress: os.Stderr})
	if err != nil {
		return "", err
	}
	pg, err := devstack.StartScratchPostgres(ctx, devstack.PostgresConfig{Binaries: binaries, MaxConnections: maxConnections})
	if err != nil {
		return "", err
	}
	return pg.DSN("postgres"), nil
}
