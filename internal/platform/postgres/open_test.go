package postgres_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// The error tells an operator which file is missing, and never contains the password.
func TestOpen_saysWhatIsWrongAndNoSecret(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p4ss-w0rd@db/app?sslmode=verify-full&sslrootcert=/nowhere/database.crt": "/nowhere/database.crt: no such file",
		"postgres://u:p4ss-w0rd@db:port/app":                                                  "not a Postgres connection string",
	} {
		_, err := postgres.Open(t.Context(), dsn, postgres.Options{})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "p4ss-w0rd")
	}
}

// A setting in the DSN wins, so that an operator may have statements compiled after all.
func TestOpen_compilesNoStatements(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	for params, want := range map[string]string{"": "off", "jit=on": "on"} {
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		u.RawQuery += "&" + params
		s, err := postgres.Open(t.Context(), u.String(), postgres.Options{})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		var jit string
		require.NoError(t, s.Pool().QueryRow(t.Context(), "show jit").Scan(&jit))
		require.Equal(t, want, jit)
	}
}
