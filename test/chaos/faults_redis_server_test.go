//go:build redis_server

package chaos_test

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fault is one failure of a process, a server or a network link. inject returns when it has begun; what lasts longer goes on
// in goroutines that the injector waits for.
type fault struct {
	name   string
	inject func(t *testing.T, in *injector)
}

// injector injects faults. The seed determines their order, their targets and their durations.
type injector struct {
	fixture *fixture
	random  *rand.Rand
	ongoing sync.WaitGroup
}

func (in *injector) between(least, most time.Duration) time.Duration {
	return least + time.Duration(in.random.Int64N(int64(most-least)))
}

// faults lists every fault of one round, each kind as often as it occurs in it.
func faults() []fault {
	kinds := []struct {
		fault

		times int
	}{
		{fault{"kill -9 of a worker", killWorker}, 4},
		{fault{"kill -9 of all workers", killWorkers}, 1},
		{fault{"SIGTERM of a worker", stopWorker}, 2},
		{fault{"a worker that sleeps through its leases", freezeWorker}, 4},
		{fault{"kill -9 of an API", killAPI}, 2},
		{fault{"FLUSHALL", flush}, 2},
		{fault{"kill -9 of Redis", killRedis}, 2},
		{fault{"crash of Postgres", crashPostgres}, 2},
		{fault{"cut between a process and a server", cutLink}, 4},
		{fault{"a server refuses a process", refuseLink}, 4},
		{fault{"silence between a process and a server", silenceLink}, 5},
	}
	var all []fault
	for _, k := range kinds {
		for range k.times {
			all = append(all, k.fault)
		}
	}
	return all
}

// later calls do after a while. The injector has not ended before.
func (in *injector) later(after time.Duration, do func()) {
	in.ongoing.Go(func() {
		time.Sleep(after)
		do()
	})
}

func (in *injector) worker() *member { return in.fixture.workers()[in.random.IntN(3)] }

// replaced ends the process of a member by what, and starts the next one some time later.
func (in *injector) replaced(t *testing.T, where *member, what func()) {
	away := in.between(0, 1500*time.Millisecond)
	in.ongoing.Go(func() {
		where.mu.Lock()
		defer where.mu.Unlock()
		what()
		time.Sleep(away)
		where.start(t)
	})
}

func killWorker(t *testing.T, in *injector) {
	where := in.worker()
	in.replaced(t, where, where.kill)
}

func killWorkers(t *testing.T, in *injector) {
	for _, where := range in.fixture.workers() {
		in.replaced(t, where, where.kill)
	}
}

func stopWorker(t *testing.T, in *injector) {
	where := in.worker()
	in.replaced(t, where, func() { where.stop(t) })
}

func killAPI(t *testing.T, in *injector) {
	where := in.fixture.apis()[in.random.IntN(2)]
	in.replaced(t, where, where.kill)
}

// freezeWorker stops a worker for longer than its leases last, and a little longer than another worker takes to claim its
// jobs: when it goes on, the fencing token must refuse what it writes.
func freezeWorker(_ *testing.T, in *injector) {
	where, asleep := in.worker(), lease+in.between(300*time.Millisecond, 1500*time.Millisecond)
	in.ongoing.Go(func() {
		where.mu.Lock()
		defer where.mu.Unlock()
		_ = where.cmd.Process.Signal(syscall.SIGSTOP) // fails only when it has ended already
		time.Sleep(asleep)
		_ = where.cmd.Process.Signal(syscall.SIGCONT)
	})
}

func flush(t *testing.T, in *injector) {
	if _, err := in.fixture.command("FLUSHALL"); err != nil {
		t.Logf("Redis was away when it should have been emptied: %v", err)
	}
}

func killRedis(t *testing.T, in *injector) {
	away := in.between(0, 1500*time.Millisecond)
	in.fixture.redis.Kill()
	time.Sleep(away)
	if err := in.fixture.redis.Restart(t.Context()); err != nil {
		t.Errorf("Redis does not come back: %v", err)
	}
}

func crashPostgres(t *testing.T, in *injector) {
	away := in.between(0, time.Second)
	in.fixture.postgres.Kill()
	time.Sleep(away)
	if err := in.fixture.postgres.Restart(t.Context()); err != nil {
		t.Errorf("Postgres does not come back: %v", err)
	}
}

// link chooses one of the ten links.
func (in *injector) link() *link {
	where := in.fixture.members[in.random.IntN(len(in.fixture.members))]
	if in.random.IntN(3) == 0 {
		return where.redis
	}
	return where.postgres
}

func cutLink(_ *testing.T, in *injector) { in.link().cut() }

func refuseLink(_ *testing.T, in *injector) {
	l := in.link()
	l.refusing.Store(true)
	l.cut()
	in.later(in.between(time.Second, 3*time.Second), func() { l.refusing.Store(false) })
}

// silenceLink holds back all that a link carries, and afterwards either delivers it or cuts the link. Mostly it is what a
// worker writes, which then arrives after another worker has taken over the lease.
func silenceLink(_ *testing.T, in *injector) {
	l, breaks := in.worker().postgres, in.random.IntN(3) == 0
	if in.random.IntN(4) == 0 {
		l = in.link()
	}
	l.silent.Store(true)
	in.later(in.between(1500*time.Millisecond, 3*time.Second), func() {
		if breaks {
			l.cut()
		}
		l.silent.Store(false)
	})
}
