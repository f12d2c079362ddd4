package servers

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// batchSize is how many jobs are written and pushed at once: few enough that pushed_at of their rows is right.
const batchSize = 2000

// Enqueue writes jobs into the database of our side and pushes them to Redis, as the API does, in less time.
func (s *Side) Enqueue(ctx context.Context, count int) (err error) {
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	q, err := s.queue()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	ids := make([]uuid.UUID, count)
	for i := range ids {
		if ids[i], err = uuid.NewV7(); err != nil { // as our server's ids, which are ordered by time in the indexes
			return err
		}
	}
	for some := range slices.Chunk(ids, batchSize) {
		if err := enqueue(ctx, conn, q, some); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "vacuum analyze jobs")
	return err
}

func enqueue(ctx context.Context, conn *pgx.Conn, q *queue.Queue, ids []uuid.UUID) error {
	_, err := conn.Exec(ctx, `
		insert into jobs (
			id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, cost_credits, pushed_at
		)
		select queued.id, p.id, p.user_id, p.prompt_id, p.mode, p.platform, 'nano_banana', 'gemini', 'std', 1, p.width, p.height, 1, 2, now()
		from unnest($1::uuid[]) with ordinality queued (id, n) join (
			select id, user_id, prompt_id, mode, platform, width, height, row_number() over (order by id) as n, count(*) over () as of
			from projects
		) p on p.n = 1 + queued.n % p.of`, ids)
	if err != nil {
		return err
	}
	return q.PushAll(ctx, queue.Generate, ids)
}

// PauseWorkers pauses the workers until [Side.Resume]. It waits first until they have noticed that Redis is new, since they would
// otherwise push all waiting jobs again when they go on.
func (s *Side) PauseWorkers(ctx context.Context) (err error) {
	q, err := s.queue()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	for lost := true; lost; {
		if lost, err = q.Lost(ctx); err != nil {
			return err
		}
		time.Sleep(pollInterval)
	}
	var errs []error
	for _, p := range s.current.workers {
		errs = append(errs, p.signal(syscall.SIGSTOP))
	}
	return errors.Join(errs...)
}

func (s *Side) queue() (*queue.Queue, error) {
	return queue.Open(queue.Config{RedisURL: s.RedisURL(), Namespace: queue.DefaultNamespace}, slog.New(slog.DiscardHandler))
}
