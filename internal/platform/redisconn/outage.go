package redisconn

import (
	"context"
	"log/slog"
	"time"
)

// How long to wait between two attempts to reach a Redis that is away.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// Outage paces the attempts to reach Redis again and logs an outage as two lines, its beginning and its end. The zero
// value is ready; it belongs to one goroutine at a time.
type Outage struct{ pause time.Duration }

// Wait logs err if the outage begins with it, and pauses before the next attempt, twice as long each time, or until ctx
// ends.
func (o *Outage) Wait(ctx context.Context, log *slog.Logger, err error, message string, args ...any) {
	if o.pause == 0 {
		log.WarnContext(ctx, message, append(args, "error", err)...)
		o.pause = firstPause
	} else {
		o.pause = min(2*o.pause, lastPause)
	}
	timer := time.NewTimer(o.pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// End ends the outage, if there is one, and logs its end.
func (o *Outage) End(ctx context.Context, log *slog.Logger, message string, args ...any) {
	if o.pause != 0 {
		log.InfoContext(ctx, message, args...)
		o.pause = 0
	}
}
