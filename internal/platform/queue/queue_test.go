package queue_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

func TestOpen_refusesABadURLWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "localhost:6379", "http://:hunter2@localhost", "redis://:hunter2@localhost/jobs", "redis://:hunter2@local host", "redis:hunter2",
	} {
		_, err := queue.Open(queue.Config{RedisURL: url}, silent())
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestQueue_failsWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	q := open(t, at("redis://:hunter2@"+refusingAddress(t)), silent())
	err := q.Ping(t.Context())
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.Error(t, q.Push(t.Context(), queue.Mail, uuid.New()))
}

func TestQueue_pushEndsWhereRedisHangs(t *testing.T) {
	t.Parallel()
	// A listener whose connections are never accepted: the handshake of TCP succeeds, and then no reply comes.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	q := open(t, queue.Config{RedisURL: "redis://" + l.Addr().String(), CallTimeout: 50 * time.Millisecond}, silent())

	begun := time.Now()
	require.Error(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	require.Less(t, time.Since(begun), 2*time.Second, "shorter than the connection's own time-outs")
}

func TestQueue_countsWhatWaits(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	require.NoError(t, q.Push(t.Context(), queue.Reply, uuid.New()))
	require.NoError(t, q.PushAll(t.Context(), queue.Mail, newIDs(2500)))
	require.NoError(t, q.PushAll(t.Context(), queue.Mail, nil))

	for kind, want := range map[queue.Kind]int64{queue.Generate: 0, queue.Reply: 1, queue.Mail: 2500} {
		depth, err := q.Depth(t.Context(), kind)
		require.NoError(t, err)
		require.Equal(t, want, depth, kind)
	}
}

func TestQueue_tellsTheAgeOfTheOldest(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	now := time.Now()
	cfg.Now = func() time.Time { return now }
	q := open(t, cfg, silent())
	_, waits, err := q.Oldest(t.Context(), queue.Mail)
	require.NoError(t, err)
	require.False(t, waits)

	require.NoError(t, q.Push(t.Context(), queue.Mail, uuid.New()))
	now = now.Add(time.Minute)
	require.NoError(t, q.Push(t.Context(), queue.Mail, uuid.New()))
	age, waits, err := q.Oldest(t.Context(), queue.Mail)
	require.NoError(t, err)
	require.True(t, waits)
	require.InDelta(t, 60, age.Seconds(), 1)

	command(t, cfg.RedisURL, "RPUSH", cfg.Namespace+":jobs:mail", "not ours")
	age, waits, err = q.Oldest(t.Context(), queue.Mail)
	require.NoError(t, err, "the fetcher logs it")
	require.True(t, waits)
	require.Zero(t, age)
	command(t, cfg.RedisURL, "SET", cfg.Namespace+":jobs:reply", "no list")
	_, _, err = q.Oldest(t.Context(), queue.Reply)
	require.ErrorContains(t, err, "WRONGTYPE")
}

// The ring of the doorbell succeeds even where Redis refuses the push before it, and must not hide that.
func TestQueue_pushFailsWhereRedisRefuses(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	q := open(t, cfg, silent())
	command(t, cfg.RedisURL, "SET", cfg.Namespace+":jobs:generate", "no list")
	require.ErrorContains(t, q.Push(t.Context(), queue.Generate, uuid.New()), "WRONGTYPE")
}

func TestQueue_pushesAtOnceAfterARestartOfRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	q := open(t, at(redis.URL()), silent())
	// Several idle connections, all of which the restart will break.
	pushed := make(chan error)
	for range 8 {
		go func() { pushed <- q.PushAll(context.Background(), queue.Generate, newIDs(1000)) }()
	}
	for range 8 {
		require.NoError(t, receive(t, pushed))
	}
	redis.Kill()
	require.Error(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	restart(t, redis)
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()), "broken connections are replaced without an error")
}

func TestQueue_verifiesTheServersCertificate(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t)
	redis, err := miniredis.RunTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	t.Cleanup(redis.Close)
	url := "rediss://" + redis.Addr()

	cfg := at(url)
	cfg.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	q := open(t, cfg, silent())
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))

	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, open(t, at(url), silent()).Ping(t.Context()), &unknown)
}

func TestQueue_lostUntilRestored(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	q := open(t, at("redis://"+redis.Addr()), silent())
	lost := func() bool {
		answer, err := q.Lost(t.Context())
		require.NoError(t, err)
		return answer
	}
	require.True(t, lost(), "never filled")
	require.True(t, lost(), "until it is restored")
	require.NoError(t, q.Restored(t.Context()))
	require.False(t, lost())
	require.False(t, lost())

	redis.FlushAll()
	require.True(t, lost())
	redis.FlushAll()
	require.NoError(t, q.Restored(t.Context()))
	require.True(t, lost(), "emptied again while it was being filled")
	require.NoError(t, q.Restored(t.Context()))
	require.False(t, lost())

	redis.Close()
	_, err := q.Lost(t.Context())
	require.Error(t, err)
	require.Error(t, q.Restored(t.Context()))
}
