//go:build redis_server

package chaos_test

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deed is something bad that happens to a house. What of it takes time goes on by itself; misery counts it.
type deed struct {
	name string
	do   func(t *testing.T, m *misery)
}

// misery does deeds in the order and with the numbers that the seed gives.
type misery struct {
	house   *house
	random  *rand.Rand
	ongoing sync.WaitGroup
}

func (m *misery) between(least, most time.Duration) time.Duration {
	return least + time.Duration(m.random.Int64N(int64(most-least)))
}

// deeds are all that there are, each so often for every time through.
func deeds() []deed {
	kinds := []struct {
		deed

		times int
	}{
		{deed{"kill -9 of a worker", killWorker}, 4},
		{deed{"kill -9 of all workers", killWorkers}, 1},
		{deed{"SIGTERM of a worker", stopWorker}, 2},
		{deed{"a worker that sleeps through its leases", freezeWorker}, 4},
		{deed{"kill -9 of an API", killAPI}, 2},
		{deed{"FLUSHALL", flush}, 2},
		{deed{"kill -9 of Redis", killRedis}, 2},
		{deed{"crash of Postgres", crashPostgres}, 2},
		{deed{"cut between a process and a server", cutLink}, 4},
		{deed{"a server refuses a process", refuseLink}, 4},
		{deed{"silence between a process and a server", silenceLink}, 5},
	}
	var all []deed
	for _, k := range kinds {
		for range k.times {
			all = append(all, k.deed)
		}
	}
	return all
}

// someday does a thing later, and whoever waits for the end of the misery waits for it.
func (m *misery) someday(after time.Duration, do func()) {
	m.ongoing.Go(func() {
		time.Sleep(after)
		do()
	})
}

func (m *misery) worker() *member { return m.house.workers()[m.random.IntN(3)] }

// replaced does something to the process of a place, and puts another there some time later.
func (m *misery) replaced(t *testing.T, where *member, what func()) {
	away := m.between(0, 1500*time.Millisecond)
	m.ongoing.Go(func() {
		where.mu.Lock()
		defer where.mu.Unlock()
		what()
		time.Sleep(away)
		where.start(t)
	})
}

func killWorker(t *testing.T, m *misery) {
	where := m.worker()
	m.replaced(t, where, where.kill)
}

func killWorkers(t *testing.T, m *misery) {
	for _, where := range m.house.workers() {
		m.replaced(t, where, where.kill)
	}
}

func stopWorker(t *testing.T, m *misery) {
	where := m.worker()
	m.replaced(t, where, func() { where.stop(t) })
}

func killAPI(t *testing.T, m *misery) {
	where := m.house.apis()[m.random.IntN(2)]
	m.replaced(t, where, where.kill)
}

// freezeWorker stops a worker for longer than its leases last, and a little longer than it takes until another one has
// claimed its jobs: what it wakes up to do, it must not.
func freezeWorker(_ *testing.T, m *misery) {
	where, asleep := m.worker(), lease+m.between(300*time.Millisecond, 1500*time.Millisecond)
	m.ongoing.Go(func() {
		where.mu.Lock()
		defer where.mu.Unlock()
		_ = where.cmd.Process.Signal(syscall.SIGSTOP) // fails only when it has ended already
		time.Sleep(asleep)
		_ = where.cmd.Process.Signal(syscall.SIGCONT)
	})
}

func flush(t *testing.T, m *misery) {
	if _, err := m.house.command("FLUSHALL"); err != nil {
		t.Logf("Redis was away when it should have been emptied: %v", err)
	}
}

func killRedis(t *testing.T, m *misery) {
	away := m.between(0, 1500*time.Millisecond)
	m.house.redis.Kill()
	time.Sleep(away)
	if err := m.house.redis.Restart(t.Context()); err != nil {
		t.Errorf("Redis does not come back: %v", err)
	}
}

func crashPostgres(t *testing.T, m *misery) {
	away := m.between(0, time.Second)
	m.house.postgres.Kill()
	time.Sleep(away)
	if err := m.house.postgres.Restart(t.Context()); err != nil {
		t.Errorf("Postgres does not come back: %v", err)
	}
}

// link is one of the ten.
func (m *misery) link() *link {
	where := m.house.members[m.random.IntN(len(m.house.members))]
	if m.random.IntN(3) == 0 {
		return where.redis
	}
	return where.postgres
}

func cutLink(_ *testing.T, m *misery) { m.link().cut() }

func refuseLink(_ *testing.T, m *misery) {
	l := m.link()
	l.refusing.Store(true)
	l.cut()
	m.someday(m.between(time.Second, 3*time.Second), func() { l.refusing.Store(false) })
}

// silenceLink lets a link swallow all, and afterwards either deliver it or break. Mostly that is what a worker writes, which
// then arrives when its lease is another's.
func silenceLink(_ *testing.T, m *misery) {
	l, breaks := m.worker().postgres, m.random.IntN(3) == 0
	if m.random.IntN(4) == 0 {
		l = m.link()
	}
	l.silent.Store(true)
	m.someday(m.between(1500*time.Millisecond, 3*time.Second), func() {
		if breaks {
			l.cut()
		}
		l.silent.Store(false)
	})
}
