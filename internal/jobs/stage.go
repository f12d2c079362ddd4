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

// announcement is a stage that is shown if it lasts.
type announcement struct {
	timer *time.Timer
	shown chan struct{} // closed when it was shown
}

// retract keeps the stage from being shown, or waits until it was. The announcement may be nil.
func (a *announcement) retract() {
	if a != nil && !a.timer.Stop() {
		<-a.shown
	}
}

// announce shows a stage after a time.
func announce(after time.Duration, show func()) *announcement {
	next := &announcement{shown: make(chan struct{})}
	next.timer = time.AfterFunc(after, func() {
		defer close(next.shown)
		show()
	})
	return next
}

// begin shows that the attempt has begun, as stage does with its stages. The claim has written it.
func (p *pictures) begin(ctx context.Context) {
	show := func() { publish(ctx, p.renderer.Events, p.renderer.Log, View{Job: p.job}) }
	if p.renderer.ShowAfter == 0 {
		show()
		return
	}
	p.announced = announce(p.renderer.ShowAfter, show)
}

// stage shows what the attempt is about to do: at once, or when it has lasted for ShowAfter. A reader can't see a stage
// that is over at once, and two writes and two events for each would be most of what a quick job costs.
func (p *pictures) stage(ctx context.Context, stage string, percent int32) error {
	p.retract()
	p.mu.Lock()
	p.shown = time.Now()
	p.mu.Unlock()
	if p.renderer.ShowAfter == 0 {
		return p.advance(ctx, stage, percent)
	}
	p.announced = announce(p.renderer.ShowAfter, func() {
		if err := p.advance(ctx, stage, percent); err != nil && ctx.Err() == nil {
			p.renderer.Log.WarnContext(ctx, "stage not shown", "job_id", p.job.ID, "stage", stage, "error", err)
		}
	})
	return nil
}

// retract makes sure that no stage is shown any more.
func (p *pictures) retract() {
	p.announced.retract()
	p.announced = nil
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
		p.renderer.Log.WarnContext(ctx, "progress not shown", "job_id", p.job.ID, "error", err)
	}
}

func (p *pictures) advance(ctx context.Context, stage string, progress int32) error {
	job, err := p.renderer.Store.Queries().JobAdvance(ctx, db.JobAdvanceParams{
		ID: p.job.ID, LeaseToken: p.job.LeaseToken, Stage: stage, Progress: progress,
	})
	if postgres.IsNotFound(err) {
		return nil // the lease was lost; the next renewal ends the attempt
	}
	if err != nil {
		return fmt.Errorf("show stage: %w", err)
	}
	publish(ctx, p.renderer.Events, p.renderer.Log, View{Job: job})
	return nil
}
