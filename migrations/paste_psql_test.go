//go:build psql

package migrations_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// psql runs each statement by itself, where a paste into Supabase's editor is one transaction.
func TestMigrations_fedToPsqlTwice(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, migrations.FS))
	args := []string{dsn, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"}
	for _, name := range names(t) {
		args = append(args, "--file", name+".up.sql", "--file", name+".up.sql")
	}
	psql := exec.Command("psql", args...)
	psql.Dir = dir
	out, err := psql.CombinedOutput()
	require.NoError(t, err, "%s", out)
	requireSchema(t, schema(t, connect(t, pgtest.New(t))), connect(t, dsn))
}
