package pgtest

import (
	"context"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
)

// runtimeRole is what API and workers connect as: it may read and write rows, and owns nothing. A server has one for all its
// test databases.
const (
	runtimeRole     = "mugshot_test_runtime"
	runtimePassword = "test"
)

// Runtime returns the addresses of a new database with the schema of all migrations: dsn for the role that API and workers have
// in production, which owns nothing, and admin for a superuser. A test that starts the product uses dsn, so that no
// statement of the product needs the rights of an owner.
func Runtime(t testing.TB) (dsn, admin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	template, err := templateOf(ctx, migrations.FS, true)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	admin = create(ctx, t, template)
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	u.User = url.UserPassword(runtimeRole, runtimePassword)
	return u.String(), admin
}

// grant makes the role, unless the server has it, and gives it what the product needs in a migrated database. The caller
// holds templateLock.
func grant(ctx context.Context, conn *pgx.Conn, dsn string) error {
	err := execute(ctx, conn, `
		do $$
		begin
			if not exists (select from pg_roles where rolname = '`+runtimeRole+`') then
				create role `+runtimeRole+` login nosuperuser password '`+runtimePassword+`';
			end if;
		end
		$$`)
	if err != nil {
		return err
	}
	return migrate.Grant(ctx, dsn, runtimeRole)
}
