package queue

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gocraft/work"
	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"
)

// keys are the names of gocraft/work v0.5.1 in Redis (its redis.go), and ours beside them. The value is the namespace.
type keys string

func (k keys) key(name string) string { return string(k) + ":" + name }

func (k keys) list(kind Kind) string { return k.key("jobs:" + string(kind)) } // tasks that wait: pushed left, taken right
func (k keys) knownKinds() string    { return k.key("known_jobs") }           // set, read by its web UI
func (k keys) pools() string         { return k.key("worker_pools") }         // set of the ids of running pools
func (k keys) bell() string          { return k.key("bell") }                 // channel; a message is a kind
func (k keys) content() string       { return k.key("content") }              // see Lost

// heartbeat is a hash that a pool writes every 5 s, with its time in heartbeat_at.
func (k keys) heartbeat(pool string) string { return k.key("worker_pools:" + pool) }

// inProgress is the list of what a pool has fetched and not finished.
func (k keys) inProgress(kind Kind, pool string) string {
	return k.list(kind) + ":" + pool + ":inprogress"
}

// lock counts what all pools have fetched and not finished; holders, a hash, counts it by pool.
func (k keys) lock(kind Kind) string    { return k.list(kind) + ":lock" }
func (k keys) holders(kind Kind) string { return k.list(kind) + ":lock_info" }

// encode writes a task as gocraft/work reads it. The id is the whole message, and stands where the library has one
// anyway: arguments would be mangled by its Lua scripts.
func encode(kind Kind, id uuid.UUID, now time.Time) ([]byte, error) {
	message, err := json.Marshal(work.Job{Name: string(kind), ID: id.String(), EnqueuedAt: now.Unix()})
	if err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	return message, nil
}

// pushedAt reads from a task when it was encoded.
func pushedAt(message []byte) (at time.Time, ok bool) {
	var task work.Job
	if json.Unmarshal(message, &task) != nil || task.EnqueuedAt == 0 {
		return time.Time{}, false
	}
	return time.Unix(task.EnqueuedAt, 0), true
}

// fetcher is a worker pool of gocraft/work with one worker. More would not be faster, as they all wait for the same
// slots; and with one, a ring that has to wait finds it busy, hence about to look again by itself.
type fetcher struct{ pool *work.WorkerPool }

// newFetcher returns a fetcher that gives the id of each task to take, and fetches the next one when take returns.
func newFetcher(namespace string, pool *redis.Pool, kind Kind, take func(id string)) fetcher {
	handle := func(task *work.Job) error {
		take(task.ID)
		return nil
	}
	workers := work.NewWorkerPool(struct{}{}, 1, namespace, pool)
	// A task never fails as far as the library knows. If it did, no dead set would fill up.
	workers.JobWithOptions(string(kind), work.JobOptions{MaxFails: 3, SkipDead: true}, handle)
	return fetcher{pool: workers}
}

func (f fetcher) start() { f.pool.Start() }

// wake makes the fetcher look at once, and returns when it has found the list empty. It must not overlap with itself
// or with stop: the library would deadlock.
func (f fetcher) wake() { f.pool.Drain() }

// stop returns when take and all goroutines of the library have returned.
func (f fetcher) stop() { f.pool.Stop() }
