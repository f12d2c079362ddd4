package redistest_test

import (
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/testkit/leaktest"
	"github.com/mugshot-studio/backend/internal/testkit/redistest"
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

func TestReal_isForOneTestAlone(t *testing.T) {
	t.Parallel()
	one, other := redistest.Real(t), redistest.Real(t)
	_, err := dial(t, one.URL()).Do("SET", "key", "here")
	require.NoError(t, err)
	_, err = dial(t, other.URL()).Do("FLUSHALL")
	require.NoError(t, err)

	one.Kill()
	require.NoError(t, one.Restart(t.Context()))
	n, err := redis.Int(dial(t, one.URL()).Do("DBSIZE"))
	require.NoError(t, err)
	require.LessOrEqual(t, n, 1, "a write of the last second may be lost")
}
