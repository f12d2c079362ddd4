package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/gomodule/redigo/redis"
)

const (
	queueJob = `with u as (
			update users set credits = credits - $3 where id = $2 and credits >= $3
				and exists (select 1 from projects where id = $1 and user_id = $2) returning credits
		), j as (
			insert into jobs (project_id, user_id, model, quality, variants, cost_credits) select $1, $2, $4, $5, $6, $3 from u returning id
		), a as (
			insert into audit_logs (user_id, action, delta_credits, meta)
			select $2, 'deduct_credits', -$3, jsonb_build_object('job_id', j.id) from j
		)
		select j.id::text, u.credits from j, u`
	claimJob  = "update jobs set status = 'running', started_at = clock_timestamp() where id = $1 and status = 'queued' returning model"
	finishJob = "update jobs set status = 'succeeded', finished_at = clock_timestamp() where id = $1 and status = 'running'"
	waiting   = "floor:jobs" // the list in Redis
)

var prices = map[string]int{"draft": 1, "std": 2, "4k": 4}

func (f *floor) queue(w http.ResponseWriter, r *http.Request, user string) {
	in := struct {
		Model, Quality string
		Variants       int
	}{"nano_banana", "std", 1}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, http.StatusBadRequest, "malformed_json")
		return
	}
	price := prices[in.Quality] * in.Variants
	var id string
	var left int64
	found, err := f.one(r.Context(), queueJob, []any{r.PathValue("id"), user, price, in.Model, in.Quality, in.Variants}, &id, &left)
	if found {
		err = f.command("LPUSH", waiting, id)
	}
	if !found || err != nil {
		lacking(w, err)
		return
	}
	answer(w, http.StatusCreated, []byte(`{"job_id":"`+id+`","status":"queued","cost_credits":`+strconv.Itoa(price)+
		`,"credits_left":`+strconv.FormatInt(left, 10)+`}`))
}

// command sends one command to Redis.
func (f *floor) command(name string, args ...any) error {
	conn := f.redis.Get()
	defer func() { _ = conn.Close() }()
	_, err := conn.Do(name, args...)
	return err
}

// work runs jobs until something fails.
func (f *floor) work(ctx context.Context, dial func() (redis.Conn, error), slots int) error {
	failures := make(chan error, slots)
	for range slots {
		conn, err := dial()
		if err != nil {
			return err
		}
		go func() {
			for {
				got, err := redis.Strings(redis.DoWithTimeout(conn, 0, "BRPOP", waiting, 0))
				if err == nil {
					err = f.runJob(ctx, got[1])
				}
				if err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	_, _ = fmt.Fprintln(os.Stderr, "bench: ready")
	return <-failures
}

// runJob claims and finishes a job without drawing: its provider takes no time.
func (f *floor) runJob(ctx context.Context, id string) error {
	var model string
	found, err := f.one(ctx, claimJob, []any{id}, &model)
	if !found {
		return err // nil: another worker has it, or it is done
	}
	_, err = f.db.Exec(ctx, finishJob, id)
	return err
}
