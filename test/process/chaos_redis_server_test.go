//go:build redis_server

package process_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/testkit/redistest"
)

// chaos is a stack of two APIs and three workers, of which none is safe.
type chaos struct {
	*stack
	random  *rand.Rand
	apis    [2]atomic.Pointer[process]
	workers [3]*process
}

// TestChaos does to a running system what a bad week does, in seconds, while three creators order pictures. In the end
// every order is one job that ended once, and every ledger adds up. CHAOS_SEED repeats a run as far as time allows.
func TestChaos(t *testing.T) {
	t.Parallel()
	const creators, orders, balance = 3, 20, 100
	seed, err := strconv.ParseUint(os.Getenv("CHAOS_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("CHAOS_SEED=%d", seed)
	c := &chaos{stack: setupOn(t, redistest.Real(t)), random: rand.New(rand.NewPCG(seed, 0))}
	for i := range c.apis {
		c.apis[i].Store(c.api(t))
	}
	for i := range c.workers {
		c.workers[i] = c.worker(t, shortLease)
	}
	begun := time.Now()
	ids := make(chan uuid.UUID, creators*orders)
	var ordering sync.WaitGroup
	for i := range creators {
		who, random := c.creator(t, c.apis[0].Load(), balance), rand.New(rand.NewPCG(seed, uint64(i+1)))
		ordering.Go(func() {
			for range orders {
				ids <- c.order(t, who, random)
				time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			}
		})
	}
	deeds := []func(*testing.T){
		c.killWorker, c.killWorker, c.killWorker, c.killWorker, c.stopWorker, c.killAPI, c.flush, c.restartRedis,
	}
	c.random.Shuffle(len(deeds), func(i, j int) { deeds[i], deeds[j] = deeds[j], deeds[i] })
	for _, deed := range deeds {
		time.Sleep(time.Duration(300+c.random.IntN(700)) * time.Millisecond)
		deed(t)
	}
	ordering.Wait()
	calm := time.Now()
	eventuallyf(t, func() bool { return c.count(t, "select count(*) from jobs where finished_at is null") == 0 }, "the last job's end")

	close(ids)
	known := map[uuid.UUID]bool{}
	for id := range ids {
		known[id] = true
	}
	t.Logf("%d jobs in %s, the last %s after the last order; %d failed, %d took more than one attempt",
		len(known), time.Since(begun), time.Since(calm), c.count(t, "select count(*) from jobs where status = 'failed'"),
		c.count(t, "select count(*) from jobs where attempt > 1"))
	require.Len(t, known, creators*orders)
	require.Equal(t, creators*orders, c.count(t, "select count(*) from jobs"), "jobs that nobody knows of")
	require.Zero(t, c.count(t, "select count(*) from jobs where status = 'failed' and error_code <> 'worker_lost'"))
	c.audit(t)
}

// order asks until it is told that a job is queued, the same thing under the same key.
func (c *chaos) order(t *testing.T, who creator, random *rand.Rand) uuid.UUID {
	key := uuid.NewString()
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		api := c.apis[random.IntN(len(c.apis))].Load()
		answer, err := who.at(api).QueueProjectWithResponse(context.Background(), who.project,
			&client.QueueProjectParams{IdempotencyKey: &key},
			client.QueueRequest{Quality: client.QualityDraft, Variants: 1 + int64(random.IntN(2))})
		switch {
		case err != nil, answer.StatusCode() == http.StatusServiceUnavailable: // the one is dead, or Redis is
		case answer.JSON201 != nil:
			return answer.JSON201.JobID
		default:
			t.Errorf("order refused: %s", answer.Body)
			return uuid.Nil
		}
	}
	t.Error("nobody takes the order")
	return uuid.Nil
}

// replace starts a worker in place of another. It need not be ready: Redis may be away.
func (c *chaos) replace(t *testing.T, i int) {
	c.workers[i] = start(t, c.dir, c.env(shortLease), "worker")
}

func (c *chaos) killWorker(t *testing.T) {
	i := c.random.IntN(len(c.workers))
	t.Logf("kill -9 worker %d", i)
	c.workers[i].kill()
	c.replace(t, i)
}

func (c *chaos) stopWorker(t *testing.T) {
	i := c.random.IntN(len(c.workers))
	t.Logf("stop worker %d", i)
	eventuallyf(t, func() bool { // it has come far enough to hear
		return status(t.Context(), "http://"+c.workers[i].admin+"/readyz") != 0
	}, "a sign of life")
	c.workers[i].stop(t, syscall.SIGTERM)
	c.replace(t, i)
}

func (c *chaos) killAPI(t *testing.T) {
	i := c.random.IntN(len(c.apis))
	t.Logf("kill -9 api %d", i)
	c.apis[i].Load().kill()
	c.apis[i].Store(start(t, c.dir, c.env("LOG_LEVEL=warn"), "api"))
}

func (c *chaos) flush(t *testing.T) {
	t.Log("FLUSHALL")
	c.command(t, "FLUSHALL")
}

func (c *chaos) restartRedis(t *testing.T) {
	t.Log("kill -9 redis")
	c.redis.Kill()
	time.Sleep(time.Duration(c.random.IntN(1500)) * time.Millisecond)
	require.NoError(t, c.redis.Restart(t.Context()))
}
