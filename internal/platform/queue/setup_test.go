package queue_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// testTimeout bounds waits for what must happen. It is long, for a heavily loaded machine.
const testTimeout = 30 * time.Second

// shared configures a queue on the Redis that all tests share, under a namespace that no other test uses.
func shared(t testing.TB) queue.Config {
	t.Helper()
	return queue.Config{RedisURL: redistest.URL(t), Namespace: "{" + redistest.Namespace(t) + "}", CallTimeout: testTimeout}
}

// at configures a queue on the Redis at url.
func at(url string) queue.Config { return queue.Config{RedisURL: url, CallTimeout: 2 * time.Second} }

// open returns a queue that is closed after the test.
func open(t testing.TB, cfg queue.Config, log *slog.Logger) *queue.Queue {
	t.Helper()
	q, err := queue.Open(cfg, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

// consume runs consumers that are drained after the test at the latest.
func consume(t testing.TB, q *queue.Queue, consumers map[queue.Kind]queue.Consumer) *queue.Consumers {
	t.Helper()
	c, err := q.Consume(consumers)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
		defer cancel()
		require.NoError(t, c.Drain(ctx))
	})
	return c
}

// command sends one command to the Redis at url.
func command(t testing.TB, url, name string, args ...any) any {
	t.Helper()
	conn, err := redis.DialURL(url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	reply, err := conn.Do(name, args...)
	require.NoError(t, err)
	return reply
}

// ownRedis starts a Redis for the test alone, to be killed and restarted. Where there is no redis-server it is the embedded
// one, which can be restarted too.
func ownRedis(t testing.TB) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	server, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// restart starts a killed Redis again.
func restart(t testing.TB, server *devstack.Redis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	require.NoError(t, server.Restart(ctx))
}

// generate is a consumer of Generate tasks only.
func generate(slots int, handle func(context.Context, uuid.UUID) error) map[queue.Kind]queue.Consumer {
	return map[queue.Kind]queue.Consumer{queue.Generate: {Slots: slots, Deadline: time.Minute, Handle: handle}}
}

// inbox has a handler that sends the ids of the tasks that it gets.
type inbox chan uuid.UUID

func newInbox() inbox { return make(inbox, 4096) }

func (i inbox) handle(_ context.Context, id uuid.UUID) error {
	i <- id
	return nil
}

// next waits for a task and returns its id.
func (i inbox) next(t testing.TB) uuid.UUID {
	t.Helper()
	return receive(t, i)
}

// receive waits for a value.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(testTimeout):
		require.FailNow(t, "no value came")
		panic("unreachable")
	}
}

// eventually waits until condition holds.
func eventually(t testing.TB, condition func() bool, message string) {
	t.Helper()
	require.Eventually(t, condition, testTimeout, 5*time.Millisecond, message)
}

// newIDs returns n ids.
func newIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids
}

// journal collects log lines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// count returns how often text was logged.
func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), text)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// silent is a logger without output.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
