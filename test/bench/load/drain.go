package load

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Drain measures how fast workers finish jobs that wait already.
type Drain struct {
	DSN     string
	Count   int           // jobs that wait
	For     time.Duration // how long to watch at most
	Release func() error  // starts the workers
	Done    string        // counts the jobs that have succeeded
}

// Run releases the workers and watches until all jobs have succeeded or the time is over.
func (d Drain) Run(ctx context.Context, bracket Bracket) (Tally, error) {
	db, err := pgx.Connect(ctx, d.DSN)
	if err != nil {
		return Tally{}, err
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	bracket.Begin()
	begun := time.Now()
	if err := d.Release(); err != nil {
		return Tally{}, err
	}
	done := 0
	for done < d.Count && time.Since(begun) < d.For && ctx.Err() == nil {
		sleep(ctx, poll)
		if err := db.QueryRow(ctx, d.Done).Scan(&done); err != nil {
			return Tally{}, err
		}
	}
	wall := time.Since(begun)
	bracket.End()
	return Tally{Wall: wall, Work: done, More: map[string]float64{"per_s": float64(done) / wall.Seconds()}}, ctx.Err()
}
