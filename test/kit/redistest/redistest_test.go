package redistest_test

import (
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func dial(t *testing.T, url string) redis.Conn {
	t.Helper()
	conn, err := redis.DialURLContext(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestNamespace_isClearedWhenTheTestEnds(t *testing.T) {
	conn := dial(t, redistest.URL(t))
	var mine string
	others := redistest.Namespace(t)
	_, err := conn.Do("SET", others+":key", "kept")
	require.NoError(t, err)
	t.Run("one test", func(t *testing.T) {
		mine = redistest.Namespace(t)
		require.Regexp(t, `^test-[a-z0-9]{16}$`, mine)
		for _, key := range []string{mine + ":key", "{" + mine + "}:queue"} {
			_, err := conn.Do("SET", key, "x")
			require.NoError(t, err)
		}
	})
	left, err := redis.Int(conn.Do("EXISTS", mine+":key", "{"+mine+"}:queue"))
	require.NoError(t, err)
	require.Zero(t, left)
	kept, err := redis.Int(conn.Do("EXISTS", others+":key"))
	require.NoError(t, err)
	require.Equal(t, 1, kept)
}
