package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/store"
)

// Whoever deploys is told which file is not there, and nobody is told the password.
func TestOpen_saysWhatIsWrongAndNoSecret(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p4ss-w0rd@db/app?sslmode=verify-full&sslrootcert=/nowhere/database.crt": "/nowhere/database.crt: no such file",
		"postgres://u:p4ss-w0rd@db:port/app":                                                  "not a Postgres connection string",
	} {
		_, err := store.Open(t.Context(), dsn, store.Options{})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "p4ss-w0rd")
	}
}
