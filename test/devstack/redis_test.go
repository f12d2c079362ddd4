package devstack_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/devstack"
)

func startRedis(t *testing.T, cfg devstack.RedisConfig) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	server, err := devstack.StartRedis(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

func dial(t *testing.T, url string) redis.Conn {
	t.Helper()
	conn, err := redis.DialURLContext(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestRedis_refusesATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port

	for _, embedded := range []bool{false, true} {
		_, err = devstack.StartRedis(t.Context(), devstack.RedisConfig{Port: port, Embedded: embedded})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
	}
}

func TestEmbeddedRedis_letsKeysExpire(t *testing.T) {
	t.Parallel()
	server := startRedis(t, devstack.RedisConfig{Embedded: true})
	require.False(t, server.Real())
	conn := dial(t, server.URL())
	_, err := conn.Do("SET", "key", "here", "PX", 50)
	require.NoError(t, err)

	require.Eventually(t, func() bool {
		exists, err := redis.Bool(conn.Do("EXISTS", "key"))
		return err == nil && !exists
	}, startTimeout, 10*time.Millisecond)
}

func TestEmbeddedRedis_restartsOnTheSamePort(t *testing.T) {
	t.Parallel()
	server := startRedis(t, devstack.RedisConfig{Embedded: true})
	before := server.URL()
	server.Kill()
	_, err := redis.DialURL(before)
	require.Error(t, err)

	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, before, server.URL())
	_, err = dial(t, server.URL()).Do("PING")
	require.NoError(t, err)
}
