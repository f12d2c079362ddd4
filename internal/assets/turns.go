package assets

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// turns gives out a number of turns to check an upload: one at a time to an account, and to the accounts that wait one after
// the other, however many uploads each of them waits with. So an account that keeps a process busy costs the others no more
// than one turn. It is safe for concurrent use.
type turns struct {
	mu      sync.Mutex
	free    int64
	busy    map[uuid.UUID]bool
	waiting map[uuid.UUID][]chan struct{} // of an account, first come first
	next    []uuid.UUID                   // accounts that wait and have no turn, first come first
}

func newTurns(n int64) *turns {
	return &turns{free: n, busy: map[uuid.UUID]bool{}, waiting: map[uuid.UUID][]chan struct{}{}}
}

// take waits for a turn of an account, which release ends, or until ctx ends.
func (t *turns) take(ctx context.Context, account uuid.UUID) (release func(), err error) {
	mine := make(chan struct{})
	t.mu.Lock()
	t.waiting[account] = append(t.waiting[account], mine)
	if len(t.waiting[account]) == 1 && !t.busy[account] {
		t.next = append(t.next, account)
	}
	t.give()
	t.mu.Unlock()
	select {
	case <-mine:
		return func() { t.release(account) }, nil
	case <-ctx.Done():
	}
	if !t.leave(account, mine) { // the turn came at the same moment
		t.release(account)
	}
	return nil, ctx.Err()
}

// give gives free turns to those who are next. The caller has the lock.
func (t *turns) give() {
	for t.free > 0 && len(t.next) > 0 {
		account := t.next[0]
		t.next = t.next[1:]
		first := t.waiting[account][0]
		t.drop(account, 0)
		t.free--
		t.busy[account] = true
		close(first)
	}
}

func (t *turns) release(account uuid.UUID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	delete(t.busy, account)
	if len(t.waiting[account]) > 0 {
		t.next = append(t.next, account) // behind all others
	}
	t.give()
}

// leave takes a waiting one away; false: it has its turn.
func (t *turns) leave(account uuid.UUID, mine chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, waiting := range t.waiting[account] {
		if waiting != mine {
			continue
		}
		t.drop(account, i)
		if len(t.waiting[account]) == 0 {
			t.next = slices.DeleteFunc(t.next, func(id uuid.UUID) bool { return id == account })
		}
		return true
	}
	return false
}

// drop removes the waiting one at a place of its account's list. The caller has the lock.
func (t *turns) drop(account uuid.UUID, i int) {
	left := slices.Delete(t.waiting[account], i, i+1)
	if len(left) == 0 {
		delete(t.waiting, account)
		return
	}
	t.waiting[account] = left
}
