//go:build redis_server

package chaos_test

import (
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// TestChaos_losesNothing does to a running system in a minute what a bad year does, while ten creators order pictures from a vendor
// that fails in every way it knows. In the end every order is one job that ended once, and all books add up.
//
// What is done, to whom and when follows from SEED; what comes of it depends on the machine as well. `make test` runs a
// short form of it, `make chaos` the long one (CHAOS=long).
func TestChaos_losesNothing(t *testing.T) {
	jobs, creators, over, rounds := 60, 6, 8*time.Second, 0
	if os.Getenv("CHAOS") == "long" {
		jobs, creators, over, rounds = 500, 10, 22*time.Second, 1
	}
	seed := seedOf(t)
	again := "`make chaos SEED=" + strconv.FormatUint(seed, 10) + "`"
	if rounds == 0 {
		again = "`SEED=" + strconv.FormatUint(seed, 10) + " go test -tags redis_server ./test/chaos`"
	}
	t.Logf("seed %d; %s does it again", seed, again)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d failed; %s does it again", seed, again)
		}
	})
	begun := time.Now()
	h := build(t, seed)
	c := invite(t, h, creators)
	watching := h.sample(t)

	var ordering sync.WaitGroup
	for _, who := range c.creators {
		ordering.Go(func() { c.busy(t, who, jobs/creators, over) })
	}
	m := &misery{house: h, random: h.random}
	list := deeds()
	m.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if rounds == 0 {
		list = once(list)
	}
	pause := over / time.Duration(len(list))
	for _, d := range list {
		time.Sleep(m.between(pause/2, pause*3/2))
		t.Logf("%5.1f s: %s", time.Since(begun).Seconds(), d.name)
		d.do(t, m)
	}
	ordering.Wait()
	m.ongoing.Wait()
	c.healed.Store(true)
	calm := time.Now()
	ended := comes(func() bool { return h.count(t, "select count(*) from jobs where finished_at is null") == 0 })
	settled := time.Now()
	watching()
	c.running.Wait()
	complain(t, "cancels that were not answered twice", c.unheard)
	complain(t, "readers that never saw the end of a job", c.waiting)
	if !ended {
		t.Errorf("BROKEN: jobs still wait %s after the last misfortune", long)
		h.audit(t)
		return
	}
	t.Logf("the vendor was asked for: %s", h.vendor)
	require.Len(t, c.known, creators*(jobs/creators), "jobs that creators were told of")
	require.Equal(t, len(c.known), h.count(t, "select count(*) from jobs"), "jobs that somebody or nobody was told of")
	c.afterwards(t)
	h.tidy(t, settled)
	h.audit(t)
	t.Logf("seed %d: %d jobs in %.0f s, the last ended %.1f s after the last misfortune: %d succeeded, %d failed, %d cancelled; "+
		"%d took more than one attempt; %d orders were repeated, %d cancels, %d readers", seed, len(c.known), time.Since(begun).Seconds(),
		settled.Sub(calm).Seconds(), h.count(t, "select count(*) from jobs where status = 'succeeded'"),
		h.count(t, "select count(*) from jobs where status = 'failed'"), h.count(t, "select count(*) from jobs where status = 'canceled'"),
		h.count(t, "select count(*) from jobs where attempt > 1"), c.repeats, c.cancels, c.watched)
}

// once leaves the first of each kind.
func once(list []deed) (kept []deed) {
	seen := map[string]bool{}
	for _, d := range list {
		if !seen[d.name] {
			kept = append(kept, d)
		}
		seen[d.name] = true
	}
	return kept
}

// sample looks at the limits again and again until it is told to stop.
func (h *house) sample(t *testing.T) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond):
			}
			var all, one int
			err := h.sql.QueryRow(t.Context(), `select coalesce(sum(n), 0), coalesce(max(n), 0) from (
				select count(*) as n from jobs where status = 'running' group by user_id) running`).Scan(&all, &one)
			if err == nil && (all > providerCalls || one > userJobs) {
				t.Errorf("BROKEN: %d jobs ran at once, %d of them of one account; %d and %d may", all, one, providerCalls, userJobs)
			}
		}
	})
	return func() { close(done); looking.Wait() }
}

// afterwards shows that the house works as if nothing had been: nothing holds a place or a slot any more.
func (c *customers) afterwards(t *testing.T) {
	t.Helper()
	c.house.vendor.healthy.Store(true)
	begun := time.Now()
	var ordering sync.WaitGroup
	for _, who := range c.creators {
		ordering.Go(func() {
			for range userJobs {
				c.order(t, who)
			}
		})
	}
	ordering.Wait()
	await(t, "orders after the chaos are done", func() bool {
		return c.house.count(t, "select count(*) from jobs where finished_at is null") == 0
	})
	t.Logf("%d orders afterwards took %.1f s", len(c.creators)*userJobs, time.Since(begun).Seconds())
}

// tidy stops the workers in good order, sees to what they left in Redis as the janitor does, and lets a new one, which
// tidies at once, remove what the dead left in storage.
func (h *house) tidy(t *testing.T, settled time.Time) {
	t.Helper()
	time.Sleep(time.Until(settled.Add(orphanAge + time.Second))) // the last that was left behind is old enough then
	for _, m := range h.workers() {
		_ = m.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, m := range h.workers() {
		m.stop(t)
		if code := m.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("BROKEN: idle %s ended with code %d when it was told to stop", m.name, code)
		}
	}
	janitor := h.janitor(t)
	returned, err := janitor.Sweep(t.Context())
	require.NoError(t, err)
	h.workers()[0].start(t)
	objects := h.objects(t)
	var orphans, missing []string
	comes(func() bool {
		orphans, missing = h.unmatched(t, objects)
		return len(orphans)+len(missing) == 0
	})
	complain(t, "objects without a row", orphans)
	complain(t, "rows without an object", missing)
	comes(func() bool {
		depth, err := janitor.Depth(t.Context(), queue.Generate)
		return err == nil && depth == 0
	})
	for _, pattern := range []string{"*:inprogress", "*:jobs:generate"} {
		reply, err := h.command("KEYS", pattern)
		require.NoError(t, err)
		if reply != "*0\r\n" {
			t.Errorf("BROKEN: tasks are left in Redis: %q", reply)
		}
	}
	t.Logf("the janitor gave back %d tasks of dead workers", returned)
}
