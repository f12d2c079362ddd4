package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// showEvery bounds how often progress is written.
const showEvery = 500 * time.Millisecond

// announcement is a stage that will be shown if it lasts.
type announcement struct {
	timer *time.Timer
	shown chan struct{} // closed when it was
}

// retract keeps it from being shown, or waits until it was. It may be nil.
func (a *announcement) retract() {
	if a != nil && !a.timer.Stop() {
		<-a.shown
	}
}

// later has something told after a time.
func later(after time.Duration, tell func()) *announcement {
	soon := &announcement{shown: make(chan struct{})}
	soon.timer = time.AfterFunc(after, func() {
		defer close(soon.shown)
		tell()
	})
	return soon
}

// begin tells that the attempt has begun, as stage does of its stages. The claim has written it.
func (p *pictures) begin(ctx context.Context) {
	tell := func() { publish(ctx, p.runner.Events, p.runner.Log, View{Job: p.job}) }
	if p.runner.ShowAfter == 0 {
		tell()
		return
	}
	p.soon = later(p.runner.ShowAfter, tell)
}

// stage tells what the attempt is about to do: at once, or once it has lasted for ShowAfter. Nobody can see a stage that
// is over at once, and two writes and two events for each would be most of what a quick job costs.
func (p *pictures) stage(ctx context.Context, stage string, percent int32) error {
	p.quiet()
	p.mu.Lock()
	p.shown = time.Now()
	p.mu.Unlock()
	if p.runner.ShowAfter == 0 {
		return p.advance(ctx, stage, percent)
	}
	p.soon = later(p.runner.ShowAfter, func() {
		if err := p.advance(ctx, stage, percent); err != nil && ctx.Err() == nil {
			p.runner.Log.WarnContext(ctx, "stage not shown", "job_id", p.job.ID, "stage", stage, "error", err)
		}
	})
	return nil
}

// quiet makes sure that no stage is shown any more.
func (p *pictures) quiet() {
	p.soon.retract()
	p.soon = nil
}

// Progress implements providers.Sink. Drawing goes from 10 to 90 percent of an attempt.
func (p *pictures) Progress(done float64) {
	p.mu.Lock()
	due := time.Since(p.shown) >= showEvery
	if due {
		p.shown = time.Now()
	}
	p.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), showEvery)
	defer cancel()
	percent := int32(10 + 80*min(max(done, 0), 1))
	if err := p.advance(ctx, "generating", percent); err != nil {
		p.runner.Log.WarnContext(ctx, "progress not shown", "job_id", p.job.ID, "error", err)
	}
}

func (p *pictures) advance(ctx context.Context, stage string, progress int32) error {
	job, err := p.runner.Store.Queries().JobAdvance(ctx, db.JobAdvanceParams{
		ID: p.job.ID, LeaseToken: p.job.LeaseToken, Stage: stage, Progress: progress,
	})
	if postgres.IsNotFound(err) {
		return nil // no longer ours; the lease will tell
	}
	if err != nil {
		return fmt.Errorf("show stage: %w", err)
	}
	publish(ctx, p.runner.Events, p.runner.Log, View{Job: job})
	return nil
}
