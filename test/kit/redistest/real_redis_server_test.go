//go:build redis_server

package redistest_test

import (
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/redistest"
)

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
