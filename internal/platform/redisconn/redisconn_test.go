package redisconn_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

func TestEndpoint_dialsWithCredentialsAndDatabase(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireUserAuth("worker", "hunter2")
	conn, err := parse(t, "redis://worker:hunter2@"+server.Addr()+"/3").Dial(t.Context())
	require.NoError(t, err)
	_, err = conn.Do("SET", "key", "value")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Equal(t, []string{"key"}, server.DB(3).Keys())

	_, err = parse(t, "redis://worker:hunter3@"+server.Addr()).Dial(t.Context())
	require.ErrorContains(t, err, "WRONGPASS")
	require.NotContains(t, err.Error(), "hunter3")
}

func TestEndpoint_failsWhileTheServerIsLoading(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.SetError("LOADING Redis is loading the dataset in memory")
	_, err := parse(t, "redis://"+server.Addr()).Dial(t.Context())
	require.ErrorContains(t, err, "LOADING")
}

func TestDo_replacesBrokenConnections(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	pool := parse(t, "redis://"+server.Addr()).Pool(3)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	var idle []redis.Conn
	for range 3 {
		idle = append(idle, pool.Get())
	}
	for _, conn := range idle {
		require.NoError(t, conn.Close())
	}
	server.Close()
	require.NoError(t, server.Restart())

	calls := 0
	require.NoError(t, redisconn.Do(t.Context(), pool, func(conn redis.Conn) error {
		calls++
		_, err := conn.Do("SET", "key", "value")
		return err
	}))
	require.Equal(t, 4, calls, "three broken connections, and a new one")
}

func TestDo_doesNotRepeatForEver(t *testing.T) {
	t.Parallel()
	server := serve(t, func(client net.Conn) { // answers the PING of Dial, and closes the connection
		_, _ = io.ReadFull(client, make([]byte, len("*1\r\n$4\r\nPING\r\n")))
		_, _ = io.WriteString(client, "+PONG\r\n")
	})
	pool := parse(t, "redis://"+server).Pool(3)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	calls := 0
	require.Error(t, redisconn.Do(t.Context(), pool, func(conn redis.Conn) error {
		calls++
		_, err := conn.Do("GET", "key")
		return err
	}))
	require.Equal(t, 4, calls)
}

func TestListener_staysWhileRedisAnswers(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	l := listen(t, "redis://"+server.Addr())
	require.Eventually(t, l.Live, testTimeout, time.Millisecond)
	time.Sleep(10 * l.PingEvery) // long enough for silence to be noticed
	server.Publish("channel", "hello")
	require.Equal(t, "hello", <-l.messages)
	require.EqualValues(t, 1, l.subscriptions.Load())
}

// A firewall that has forgotten a connection drops its packets and tells neither end.
func TestListener_noticesSilence(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	var connections atomic.Int64
	proxy := serve(t, func(client net.Conn) {
		first := connections.Add(1) == 1
		upstream, err := net.Dial("tcp", server.Addr())
		if err != nil {
			return
		}
		defer func() { _ = upstream.Close() }()
		var sending sync.WaitGroup
		sending.Go(func() {
			_, _ = io.Copy(upstream, client)
			_ = upstream.Close()
		})
		if first { // goes silent after +PONG and the answer to SUBSCRIBE
			_, _ = io.CopyN(client, upstream, int64(len("+PONG\r\n*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n")))
			_, _ = io.Copy(io.Discard, upstream)
		} else {
			_, _ = io.Copy(client, upstream)
		}
		sending.Wait()
	})
	l := listen(t, "redis://"+proxy)
	require.Eventually(t, func() bool { return l.subscriptions.Load() == 2 && l.Live() }, testTimeout, time.Millisecond)
	server.Publish("channel", "hello")
	require.Equal(t, "hello", <-l.messages)
}
