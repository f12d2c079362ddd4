package servers

import (
	"context"
	"errors"
	"log/slog"
	"syscall"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/internal/queue"
)

// pushers is how many connections put jobs into Redis at once.
const pushers = 8

// Enqueue writes jobs into the database of our side and calls them in Redis, as the API would, in less time.
func (s *Side) Enqueue(ctx context.Context, count int) (err error) {
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `
		insert into jobs (
			id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, cost_credits, pushed_at
		)
		select gen_random_uuid(), p.id, p.user_id, p.prompt_id, p.mode, p.platform, 'nano_banana', 'gemini', 'std', 1, p.width, p.height, 1, 2, now()
		from generate_series(1, $1::int) n join lateral (
			select id, user_id, prompt_id, mode, platform, width, height from projects order by id offset n % (select count(*) from projects) limit 1
		) p on true
		returning id`, count)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "vacuum analyze jobs"); err != nil {
		return err
	}
	q, err := queue.Open(queue.Config{RedisURL: s.RedisURL(), Namespace: queue.DefaultNamespace}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	group, ctx := errgroup.WithContext(ctx)
	for i := range pushers {
		group.Go(func() error {
			for j := i; j < len(ids); j += pushers {
				if err := q.Push(ctx, queue.Generate, ids[j]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// PauseWorkers pauses the workers alone, until Resume.
func (s *Side) PauseWorkers() error {
	var errs []error
	for _, p := range s.current.workers {
		errs = append(errs, p.signal(syscall.SIGSTOP))
	}
	return errors.Join(errs...)
}
