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

// TestChaos_losesNothing injects in a minute the faults of a bad year, while ten creators queue jobs at a vendor that fails in
// every way it can. In the end every order has become one job that ended once, and the ledger adds up.
//
// SEED determines which faults hit which process and when; what follows from them depends on the machine as well. `make test`
// runs a short form of it, `make chaos` the long one (CHAOS=long).
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
	f := setup(t, seed)
	c := newClients(t, f, creators)
	stopSampling := f.sample(t)

	var ordering sync.WaitGroup
	for _, who := range c.creators {
		ordering.Go(func() { c.busy(t, who, jobs/creators, over) })
	}
	in := &injector{fixture: f, random: f.random}
	list := faults()
	in.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if rounds == 0 {
		list = once(list)
	}
	pause := over / time.Duration(len(list))
	for _, d := range list {
		time.Sleep(in.between(pause/2, pause*3/2))
		t.Logf("%5.1f s: %s", time.Since(begun).Seconds(), d.name)
		d.inject(t, in)
	}
	ordering.Wait()
	in.ongoing.Wait()
	c.healed.Store(true)
	faultsEnded := time.Now()
	ended := comes(func() bool { return f.count(t, "select count(*) from jobs where finished_at is null") == 0 })
	settled := time.Now()
	stopSampling()
	c.running.Wait()
	report(t, "cancels that were not answered twice", c.unanswered)
	report(t, "readers that never saw the end of a job", c.waiting)
	if !ended {
		t.Errorf("VIOLATION: jobs still wait %s after the last fault", long)
		f.checkInvariants(t)
		return
	}
	t.Logf("the vendor was asked for: %s", f.vendor)
	require.Len(t, c.known, creators*(jobs/creators), "jobs that creators were told of")
	require.Equal(t, len(c.known), f.count(t, "select count(*) from jobs"), "jobs, whether or not their creators were told of them")
	c.queueAgain(t)
	f.cleanUp(t, settled)
	f.checkInvariants(t)
	t.Logf("seed %d: %d jobs in %.0f s, the last ended %.1f s after the last fault: %d succeeded, %d failed, %d cancelled; "+
		"%d took more than one attempt; %d orders were repeated, %d cancels, %d readers", seed, len(c.known), time.Since(begun).Seconds(),
		settled.Sub(faultsEnded).Seconds(), f.count(t, "select count(*) from jobs where status = 'succeeded'"),
		f.count(t, "select count(*) from jobs where status = 'failed'"), f.count(t, "select count(*) from jobs where status = 'canceled'"),
		f.count(t, "select count(*) from jobs where attempt > 1"), c.repeats, c.cancels, c.watched)
}

// once keeps the first fault of each kind.
func once(list []fault) (kept []fault) {
	seen := map[string]bool{}
	for _, d := range list {
		if !seen[d.name] {
			kept = append(kept, d)
		}
		seen[d.name] = true
	}
	return kept
}

// sample checks every 200 ms, until stop is called, that no more jobs run than the limits allow.
func (f *fixture) sample(t *testing.T) (stop func()) {
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
			err := f.sql.QueryRow(t.Context(), `select coalesce(sum(n), 0), coalesce(max(n), 0) from (
				select count(*) as n from jobs where status = 'running' group by user_id) running`).Scan(&all, &one)
			if err == nil && (all > providerCalls || one > userJobs) {
				t.Errorf("VIOLATION: %d jobs ran at once, %d of them of one account; %d and %d may", all, one, providerCalls, userJobs)
			}
		}
	})
	return func() { close(done); looking.Wait() }
}

// queueAgain queues as many jobs as every account may run at once, and shows that all of them are done: no account slot and
// no provider slot was leaked.
func (c *clients) queueAgain(t *testing.T) {
	t.Helper()
	c.fixture.vendor.healthy.Store(true)
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
		return c.fixture.count(t, "select count(*) from jobs where finished_at is null") == 0
	})
	t.Logf("%d orders afterwards took %.1f s", len(c.creators)*userJobs, time.Since(begun).Seconds())
}

// cleanUp stops the workers with SIGTERM, gives back what they left in Redis as the sweeper would two minutes later, and
// starts one worker, which removes at its start what killed workers left in storage. Nothing may be left then.
func (f *fixture) cleanUp(t *testing.T, settled time.Time) {
	t.Helper()
	time.Sleep(time.Until(settled.Add(orphanAge + time.Second))) // the last that was left behind is old enough then
	for _, m := range f.workers() {
		_ = m.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, m := range f.workers() {
		m.stop(t)
		if code := m.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("VIOLATION: idle %s ended with code %d when it was told to stop", m.name, code)
		}
	}
	later := f.queueLater(t)
	returned, err := later.Sweep(t.Context())
	require.NoError(t, err)
	f.workers()[0].start(t)
	objects := f.objects(t)
	var orphans, missing []string
	comes(func() bool {
		orphans, missing = f.unmatched(t, objects)
		return len(orphans)+len(missing) == 0
	})
	report(t, "objects without a row", orphans)
	report(t, "rows without an object", missing)
	comes(func() bool {
		depth, err := later.Depth(t.Context(), queue.Generate)
		return err == nil && depth == 0
	})
	for _, pattern := range []string{"*:inprogress", "*:jobs:generate"} {
		reply, err := f.command("KEYS", pattern)
		require.NoError(t, err)
		if reply != "*0\r\n" {
			t.Errorf("VIOLATION: tasks are left in Redis: %q", reply)
		}
	}
	t.Logf("%d tasks of dead workers were given back", returned)
}
