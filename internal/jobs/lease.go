package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
)

// errLeaseLost is the cause of the end of an attempt whose job was cancelled, or taken over by another worker.
var errLeaseLost = errors.New("jobs: lease lost")

// hold keeps the lease of a claimed job until release is called. The context that it returns ends, with errLeaseLost as
// its cause, when the lease is no longer ours: because a renewal says so, because none went through for as long as the
// lease lasts, or because an event tells that the job has moved on without us.
func (r *Runner) hold(ctx context.Context, job db.Job) (held context.Context, release func()) {
	held, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		sub := r.Events.Subscribe(topic(job.ID))
		defer sub.Close()
		tick := time.NewTicker(r.Lease / 3)
		defer tick.Stop()
		changes := sub.C()
		renewed := time.Now()
		for {
			select {
			case <-held.Done():
				return
			case event, open := <-changes:
				switch {
				case !open:
					changes = nil
					continue
				case event.Lagged: // ask the row
				case stillOurs(event.Payload, job):
					continue
				default:
					cancel(errLeaseLost)
					return
				}
			case <-tick.C:
			}
			switch ours, err := r.renew(held, job); {
			case err == nil && ours:
				renewed = time.Now()
			case err == nil, time.Since(renewed) >= r.Lease:
				cancel(errLeaseLost)
				return
			}
		}
	})
	return held, func() {
		cancel(context.Canceled)
		wg.Wait()
	}
}

func (r *Runner) renew(ctx context.Context, job db.Job) (ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Lease/3)
	defer cancel()
	rows, err := r.Store.Queries().JobRenew(ctx, db.JobRenewParams{
		ID: job.ID, LeaseToken: job.LeaseToken, LeaseSeconds: r.Lease.Seconds(),
	})
	if err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "lease not renewed", "job_id", job.ID, "error", err)
	}
	return rows == 1, err
}

// stillOurs reads an event of the job. Events of earlier attempts may come late and mean nothing.
func stillOurs(payload []byte, job db.Job) bool {
	var v View
	if json.Unmarshal(payload, &v) != nil || v.Job.Version < job.Version {
		return true
	}
	return v.Job.Status == "running" && v.Job.LeaseToken == job.LeaseToken
}
