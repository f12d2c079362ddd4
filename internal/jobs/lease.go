package jobs

import (
	"context"
	"encoding/json"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/lease"
)

// hold keeps a claimed job until release is called. An event that tells that the job has moved on without us, such as a
// cancel, ends the attempt at once.
func (r *Runner) hold(ctx context.Context, job db.Job) (held context.Context, release func()) {
	return lease.Hold(ctx, lease.Claim{
		Length: r.Lease,
		Renew:  func(ctx context.Context) (bool, error) { return r.renew(ctx, job) },
		Events: r.Events.Subscribe(orders(job.ID)),
		Heed: func(payload []byte) error {
			if stillOurs(payload, job) {
				return nil
			}
			return lease.ErrLost
		},
	})
}

func (r *Runner) renew(ctx context.Context, job db.Job) (ours bool, err error) {
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
