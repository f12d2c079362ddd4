package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Jobs queues jobs and waits until all have succeeded in the database. Its times are from queued to finished, by the clock of the
// database.
type Jobs struct {
	Addr    string
	Request Request
	Users   []Vars
	Conns   int
	Count   int
	Rate    float64       // jobs a second; 0: as fast as the connections allow
	Timeout time.Duration // for the last job
	DSN     string
	// Done counts the jobs queued since $1 that have succeeded. Times lists, for each of them, the milliseconds from queued to
	// finished and when it finished.
	Done, Times string
}

// poll is the interval of the queries; their cost is the same for every server.
const poll = 50 * time.Millisecond

// Run queues the jobs and returns what was measured.
func (l Jobs) Run(ctx context.Context, bracket Bracket) (Tally, error) {
	if err := checkLoopback(l.Addr); err != nil {
		return Tally{}, err
	}
	db, err := pgx.Connect(ctx, l.DSN)
	if err != nil {
		return Tally{}, err
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	var since time.Time
	if err := db.QueryRow(ctx, "select clock_timestamp()").Scan(&since); err != nil {
		return Tally{}, err
	}
	var all recorder
	bracket.Begin()
	begun := time.Now()
	l.post(ctx, begun, &all)
	posted := time.Since(begun)
	for done := 0; done < l.Count-all.tally.Failed && time.Since(begun) < l.Timeout && ctx.Err() == nil; sleep(ctx, poll) {
		if err := db.QueryRow(ctx, l.Done, since).Scan(&done); err != nil {
			return Tally{}, err
		}
	}
	bracket.End()
	if err := l.read(ctx, db, since, &all); err != nil {
		return Tally{}, err
	}
	all.tally.Work = l.Count
	all.tally.More = map[string]float64{"posts_per_s": float64(l.Count) / posted.Seconds()}
	return all.tally, ctx.Err()
}

func (l Jobs) post(ctx context.Context, begun time.Time, all *recorder) {
	var next atomic.Int64
	var connections sync.WaitGroup
	for range l.Conns {
		connections.Go(func() {
			c := &client{addr: l.Addr}
			defer c.close()
			for i := next.Add(1) - 1; i < int64(l.Count) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if l.Rate > 0 {
					sleep(ctx, time.Until(begun.Add(time.Duration(float64(i)/l.Rate*float64(time.Second)))))
				}
				if _, err := c.do(ctx, l.Request, l.Users[i%int64(len(l.Users))]); err != nil {
					all.fail(err)
				}
			}
		})
	}
	connections.Wait()
}

// read reads the times of all jobs from the database. The run lasted from the first post to the last finish.
func (l Jobs) read(ctx context.Context, db *pgx.Conn, since time.Time, all *recorder) error {
	rows, err := db.Query(ctx, l.Times, since)
	if err != nil {
		return err
	}
	var milliseconds float64
	var finished, last time.Time
	_, err = pgx.ForEachRow(rows, []any{&milliseconds, &finished}, func() error {
		all.add(time.Duration(milliseconds * float64(time.Millisecond)))
		if finished.After(last) {
			last = finished
		}
		return nil
	})
	if missing := l.Count - len(all.tally.Took) - all.tally.Failed; missing > 0 {
		all.tally.Failed += missing - 1
		all.fail(fmt.Errorf("only %d of %d jobs succeeded", len(all.tally.Took), l.Count))
	}
	all.tally.Wall = last.Sub(since)
	return err
}
