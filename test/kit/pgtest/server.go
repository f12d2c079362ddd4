package pgtest

import (
	"context"
	"os"
	"testing"

	"github.com/mugshot-studio/backend/test/devstack"
)

// Server starts a PostgreSQL server for this test alone, which the test may kill and restart. A kill loses no commit.
func Server(t testing.TB) *devstack.Postgres {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	// Not t.TempDir: if root runs the tests, the server runs as another user, who has no access to that directory.
	dir, err := os.MkdirTemp("", "pgtest-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("pgtest: make a directory for the server: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("pgtest: remove the server's data: %v", err)
		}
	})
	pg, err := devstack.StartPostgres(ctx, devstack.PostgresConfig{DataDir: dir, MaxConnections: maxConnections})
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return pg
}
