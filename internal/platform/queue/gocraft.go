package queue

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gocraft/work"
	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"
)

// keys makes the names of keys in Redis: those of gocraft/work v0.5.1 (its redis.go) and ours. Its value is the namespace.
type keys string

func (k keys) key(name string) string { return string(k) + ":" + name }

func (k keys) list(kind Kind) string { return k.key("jobs:" + string(kind)) } // waiting tasks: pushed left, fetched right
func (k keys) knownKinds() string    { return k.key("known_jobs") }           // set, read by its web UI
func (k keys) pools() string         { return k.key("worker_pools") }         // set of the ids of running pools
func (k keys) bell() string          { return k.key("bell") }                 // channel; a message is a kind
func (k keys) content() string       { return k.key("content") }              // see [Queue.Lost]

// heartbeat is a hash that a pool writes every 5 s, with the worker's time in the field heartbeat_at.
func (k keys) heartbeat(pool string) string { return k.key("worker_pools:" + pool) }

// inProgress is the list of the tasks that a pool has fetched and not finished.
func (k keys) inProgress(kind Kind, pool string) string {
	return k.list(kind) + ":" + pool + ":inprogress"
}

// lock counts the tasks that all pools have fetched and not finished; holders, a hash, counts them by pool.
func (k keys) lock(kind Kind) string    { return k.list(kind) + ":lock" }
func (k keys) holders(kind Kind) string { return k.list(kind) + ":lock_info" }

// encode writes a task as gocraft/work reads it. Its id stands in the library's own field for an id, and there are no
// arguments, which the library's Lua scripts would mangle.
func encode(kind Kind, id uuid.UUID, now time.Time) ([]byte, error) {
	message, err := json.Marshal(work.Job{Name: string(kind), ID: id.String(), EnqueuedAt: now.Unix()})
	if err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	return message, nil
}

// pushedAt reads from a message when it was encoded.
func pushedAt(message []byte) (at time.Time, ok bool) {
	var task work.Job
	if json.Unmarshal(message, &task) != nil || task.EnqueuedAt == 0 {
		return time.Time{}, false
	}
	return time.Unix(task.EnqueuedAt, 0), true
}

// fetcher is a worker pool of gocraft/work with one worker. More workers would not be faster, since all of them would wait
// for the same slots. And where a ring has to wait for the one worker, that worker is busy and looks again by itself.
type fetcher struct{ pool *work.WorkerPool }

// newFetcher returns a fetcher that calls take with the id of each task, and fetches the next task when take returns.
func newFetcher(namespace string, pool *redis.Pool, kind Kind, take func(id string)) fetcher {
	handle := func(task *work.Job) error {
		take(task.ID)
		return nil
	}
	workers := work.NewWorkerPool(struct{}{}, 1, namespace, pool)
	// The library never sees a task fail. If it did, SkipDead would keep its set of dead tasks from growing.
	workers.JobWithOptions(string(kind), work.JobOptions{MaxFails: 3, SkipDead: true}, handle)
	return fetcher{pool: workers}
}

func (f fetcher) start() { f.pool.Start() }

// wake makes the fetcher look at once, and returns when the fetcher has found the list empty. Calls of wake and stop must
// not overlap: the library would deadlock.
func (f fetcher) wake() { f.pool.Drain() }

// stop ends fetching, and returns when take and all goroutines of the library have returned.
func (f fetcher) stop() { f.pool.Stop() }
