package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/tlstest"
)

// With sslmode=verify-full and the authority's certificate, as docs/deployment.md asks for, a process talks to the right
// server only, even where another server has a certificate for another name from the same authority.
func TestOpen_verifiesTheServer(t *testing.T) {
	t.Parallel()
	server, authority := pgtest.Server(t), tlstest.New(t)
	admin, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close(context.Background())) }()
	serve := func(host string) {
		cert, key := authority.Issue(t, host)
		for name, content := range map[string][]byte{"server.crt": cert, "server.key": key} { // as the server's own account
			_, err := admin.Exec(t.Context(), fmt.Sprintf("copy (select unnest(string_to_array('%s', E'\\n'))) to program 'umask 077; cat >%s'",
				strings.TrimSpace(string(content)), name))
			require.NoError(t, err)
		}
		for _, statement := range []string{"alter system set ssl = on", "select pg_reload_conf()"} {
			_, err := admin.Exec(t.Context(), statement)
			require.NoError(t, err)
		}
	}
	ping := func(mode, trusted string) error {
		u, err := url.Parse(server.DSN("postgres"))
		require.NoError(t, err)
		u.RawQuery = url.Values{"sslmode": {mode}, "sslrootcert": {trusted}}.Encode()
		s, err := postgres.Open(t.Context(), u.String(), postgres.Options{MaxConns: 2})
		require.NoError(t, err)
		defer s.Close()
		return s.Ping(t.Context())
	}
	serve("127.0.0.1")
	require.Eventually(t, func() bool { return ping("verify-full", authority.File) == nil }, reloaded, pollInterval)
	err = ping("verify-full", tlstest.New(t).File)
	require.ErrorIs(t, err, apperr.ErrUnavailable)
	require.ErrorContains(t, err, "unknown authority")

	serve("elsewhere.example.com")
	require.Eventually(t, func() bool { return ping("verify-full", authority.File) != nil }, reloaded, pollInterval)
	require.ErrorContains(t, ping("verify-full", authority.File), "127.0.0.1")
	require.NoError(t, ping("verify-ca", authority.File))
}
