package api_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// setupOwnRedis starts an application with a Redis server of its own. change writes to a job without publishing an event.
func setupOwnRedis(t *testing.T) (app *apptest.App, server *devstack.Redis, change func(jobID uuid.UUID)) {
	t.Helper()
	server, err := devstack.StartRedis(t.Context(), devstack.RedisConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	dsn := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	app = apptest.New(t, apptest.With("DATABASE_URL", dsn), apptest.With("REDIS_URL", server.URL()))
	return app, server, func(jobID uuid.UUID) {
		t.Helper()
		_, err := conn.Exec(context.Background(), "update jobs set version = version + 1 where id = $1", jobID)
		require.NoError(t, err)
	}
}

// A change while the subscription to Redis is down reaches the clients once it is up again, although no event was published;
// and a change while a client is away reaches it when it reconnects.
func TestStreamJobEvents_200_missesNothing(t *testing.T) {
	t.Parallel()
	app, server, change := setupOwnRedis(t)
	who, queued := queuedJob(t, app, 1)
	s := openStream(t, who, queued.JobID, nil)
	first, ok := next(t, s)
	require.True(t, ok)
	for i := range int64(2) {
		server.Kill()
		change(queued.JobID)
		require.NoError(t, server.Restart(t.Context()))
		job, ok := next(t, s)
		require.True(t, ok)
		require.Equal(t, first.Version+1+i, job.Version)
	}

	seen := strconv.FormatInt(first.Version+2, 10)
	change(queued.JobID)
	again := openStream(t, who, queued.JobID, &seen)
	job, ok := next(t, again)
	require.True(t, ok)
	require.Equal(t, first.Version+3, job.Version)
}

func TestStreamJobEvents_200_oneSubscriptionPerProcess(t *testing.T) {
	t.Parallel()
	app, server, _ := setupOwnRedis(t)
	who, queued := queuedJob(t, app, 1)
	for range 20 {
		_, ok := next(t, openStream(t, who, queued.JobID, nil))
		require.True(t, ok)
	}
	conn, err := redis.DialURL(server.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	channels, err := redis.Strings(conn.Do("PUBSUB", "CHANNELS", "*"))
	require.NoError(t, err)
	found := 0
	for _, channel := range channels {
		if !strings.HasSuffix(channel, ":events") {
			require.NotContains(t, channel, queued.JobID.String())
			continue
		}
		found++
		counts, err := redis.Values(conn.Do("PUBSUB", "NUMSUB", channel))
		require.NoError(t, err)
		require.EqualValues(t, 1, counts[1])
	}
	require.Equal(t, 1, found)
}
