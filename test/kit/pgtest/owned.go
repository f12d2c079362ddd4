package pgtest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
)

// Owned returns the addresses of a new database with the schema of all migrations, for the role that owns it and for the
// superuser. As on Supabase, the owner is no superuser and has run the migrations. Database and role are dropped when the test
// ends.
func Owned(t testing.TB) (owner, admin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	role, password := "test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	quoted := pgx.Identifier{role}.Sanitize()
	if err := administer(ctx, "create role "+quoted+" login nosuperuser password '"+password+"'"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { // after the database
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), setupTimeout)
		defer cancel()
		if err := administer(ctx, "drop role "+quoted); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	owner, admin = ownedBy(ctx, t, url.UserPassword(role, password))
	if _, err := migrate.Up(ctx, owner, migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatalf("pgtest: migrate: %v", err)
	}
	return owner, admin
}

// OwnedEmpty returns the addresses of another, empty database of an owner that [Owned] made.
func OwnedEmpty(t testing.TB, owner string) (dsn, admin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return ownedBy(ctx, t, u.User)
}

func ownedBy(ctx context.Context, t testing.TB, owner *url.Userinfo) (dsn, admin string) {
	t.Helper()
	admin = create(ctx, t, "template0")
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	database, role := strings.TrimPrefix(u.Path, "/"), owner.Username()
	err = administer(ctx, "alter database "+pgx.Identifier{database}.Sanitize()+" owner to "+pgx.Identifier{role}.Sanitize())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	u.User = owner
	return u.String(), admin
}
