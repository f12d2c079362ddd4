//go:build redis_server

package devstack_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/devstack"
)

func startRealRedis(t *testing.T) *devstack.Redis {
	t.Helper()
	server := startRedis(t, devstack.RedisConfig{Dir: filepath.Join(t.TempDir(), "redis"), Durable: true})
	require.True(t, server.Real(), "this test needs a redis-server on the PATH: install one "+
		"(Debian: apt-get install redis-server, macOS: brew install redis)")
	return server
}

func TestRedis_runsWithItsSettings(t *testing.T) {
	t.Parallel()
	conn := dial(t, startRealRedis(t).URL())
	for name, want := range map[string]string{
		"maxmemory-policy": "noeviction", "bind": "127.0.0.1", "appendonly": "yes", "save": "",
	} {
		got, err := redis.StringMap(conn.Do("CONFIG", "GET", name))
		require.NoError(t, err)
		require.Equal(t, want, got[name], name)
	}
}

func TestRedis_keepsItsDataOverARestart(t *testing.T) {
	t.Parallel()
	server := startRealRedis(t)
	_, err := dial(t, server.URL()).Do("SET", "key", "here")
	require.NoError(t, err)
	before := server.URL()

	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, before, server.URL())
	got, err := redis.String(dial(t, server.URL()).Do("GET", "key"))
	require.NoError(t, err)
	require.Equal(t, "here", got)
}

func TestRedis_comesBackAfterAKill(t *testing.T) {
	t.Parallel()
	server := startRealRedis(t)
	server.Kill()
	_, err := redis.DialURL(server.URL())
	require.Error(t, err)

	require.NoError(t, server.Restart(t.Context()))
	_, err = dial(t, server.URL()).Do("PING")
	require.NoError(t, err)
}

func TestRedis_doesNotOutliveItsParent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "redis")
	parent, url := startParent(t, "redis", dir)
	conn := dial(t, url)

	require.NoError(t, parent.Process.Signal(syscall.SIGKILL))

	_, err := redis.DoWithTimeout(conn, startTimeout, "BLPOP", "never", 0)
	require.Error(t, err, "the server has ended the session")
	startRedis(t, devstack.RedisConfig{Dir: dir, Durable: true}) // waits until it is gone
}
