package redisconn

import (
	"context"
	"log/slog"
	"time"
)

// How long to wait between two attempts to reach Redis while it is away.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// Outage paces the attempts to reach Redis again, and logs two lines for an outage: one at its beginning, one at its end. The
// zero value is ready for use. It is not safe for concurrent use.
type Outage struct{ pause time.Duration } // 0: no outage

// Wait pauses before the next attempt, or until ctx ends: 50 ms at first, then twice as long each time, up to 1 s. It logs
// err if the outage begins with it.
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

// End ends the outage and logs that, if there is one.
func (o *Outage) End(ctx context.Context, log *slog.Logger, message string, args ...any) {
	if o.pause != 0 {
		log.InfoContext(ctx, message, args...)
		o.pause = 0
	}
}
