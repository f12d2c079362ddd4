package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/test/bench/load"
	"github.com/mugshot-studio/backend/test/bench/report"
	"github.com/mugshot-studio/backend/test/bench/servers"
)

// growth measures how our server behaves as one quantity grows, one quantity after the other.
type growth struct {
	*bench
	side *servers.Side
	into *report.Growth
}

// grow draws all curves, or those that are named.
func (b *bench) grow(ctx context.Context, side *servers.Side, only []string, into *report.Growth) error {
	g := growth{bench: b, side: side, into: into}
	for _, curve := range []struct {
		name    string
		measure func(context.Context) error
	}{{"connections", g.connections}, {"streams", g.streams}, {"jobs", g.backlog}, {"workers", g.workers}} {
		if len(only) > 0 && !slices.Contains(only, curve.name) {
			continue
		}
		if err := curve.measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run measures once, in the present state of the side.
func (g growth) run(ctx context.Context, what string, n int, drive func(target, time.Duration) driver) (report.Run, error) {
	run, tally, err := once(ctx, g.side, workload{drive: drive}, g.seconds)
	if err != nil {
		return nil, fmt.Errorf("%s, %d: %w", what, n, err)
	}
	g.log.Info("measured", "what", what, "n", n, "per_s", int(run[report.Rate]), "p50_ms", run[report.P50], "p99_ms", run[report.P99],
		"kb_per_stream", run[report.PerStream], "other", run[report.Other], "failed", tally.Failed)
	if tally.Failed > 0 {
		g.into.Notes = append(g.into.Notes, fmt.Sprintf("%s, %d: %d failed, such as: %v", what, n, tally.Failed, tally.Failures[0]))
	}
	return run, nil
}

// connections sends more and more requests at once.
func (g growth) connections(ctx context.Context) error {
	if err := g.side.Fresh(ctx, servers.Options{}); err != nil {
		return err
	}
	rate := g.into.Curve("connections", "Connections, and answers a second", "connections", "per s", true)
	slow := g.into.Curve("latency", "Connections, and the time to an answer, p99", "connections", "ms", true)
	cost := g.into.Curve("cost", "Connections, and the server's CPU of a request", "connections", "ms", true)
	for _, work := range []struct {
		name    string
		request load.Request
	}{{"W2, read a chat", getChat()}, {"W3, send a message", sendMessage()}} {
		for _, n := range []int{1, 4, 16, 64, 256} {
			run, err := g.run(ctx, work.name, n, closed(work.request, n))
			if err != nil {
				return err
			}
			rate.Add(work.name, float64(n), run[report.Rate])
			slow.Add(work.name, float64(n), run[report.P99])
			cost.Add(work.name, float64(n), run[report.ServerCPU])
		}
	}
	return nil
}

// streams opens more and more event streams, shared out among 256 chats, and sends each chat one message.
func (g growth) streams(ctx context.Context) error {
	memory := g.into.Curve("streams-memory", "Event streams, and the memory of each", "streams", "kB", true)
	delay := g.into.Curve("streams-delay", "Event streams, and the time to a reader", "streams", "ms", true)
	for _, n := range []int{100, 1000, 5000, 20_000} {
		if most := filesAllowed(n+spareFiles) - spareFiles; n > most {
			g.into.Notes = append(g.into.Notes, fmt.Sprintf("%d streams stand for %d: a process may have no more files open here.", most, n))
			n = most
		}
		if err := g.side.Fresh(ctx, servers.Options{Events: true}); err != nil {
			return err
		}
		run, err := g.run(ctx, "streams", n, streams(n, 256, 256))
		if err != nil {
			return err
		}
		memory.Add("memory of the server", float64(n), run[report.PerStream])
		delay.Add("p50", float64(n), run[report.P50])
		delay.Add("p99", float64(n), run[report.P99])
	}
	return nil
}

// backlog lets one worker begin with more and more jobs waiting.
func (g growth) backlog(ctx context.Context) error {
	rate := g.into.Curve("backlog", "Waiting jobs, and how many one worker ends a second", "waiting jobs", "per s", true)
	cost := g.into.Curve("claim", "Waiting jobs, and the CPU of one", "waiting jobs", "ms", true)
	for _, n := range []int{1000, 10_000, 100_000} {
		run, err := g.drain(ctx, n, servers.Options{Workers: 1})
		if err != nil {
			return err
		}
		rate.Add("one worker", float64(n), run[report.Rate])
		cost.Add("worker", float64(n), run[report.WorkerCPU])
		cost.Add("Postgres", float64(n), run[report.Postgres])
		cost.Add("Redis", float64(n), run[report.Redis])
	}
	return nil
}

// workers has more and more processes, of 16 slots each, drain the same number of jobs: with calls of the provider for all, and
// with those of one process.
func (g growth) workers(ctx context.Context) error {
	rate := g.into.Curve("workers", "Worker processes of 16 slots, and how many of 10,000 waiting jobs they end a second", "processes", "per s", false)
	for _, n := range []int{1, 2, 3, 4} {
		for _, calls := range []struct {
			name string
			n    int
		}{{"a call for each slot", 0}, {"16 calls for all", 16}} {
			run, err := g.drain(ctx, 10_000, servers.Options{Workers: n, Calls: calls.n})
			if err != nil {
				return err
			}
			rate.Add(calls.name, float64(n), run[report.Rate])
		}
	}
	return nil
}

// drain lets workers begin with waiting jobs, and measures until all have ended or the time of a run is over.
func (g growth) drain(ctx context.Context, jobs int, options servers.Options) (report.Run, error) {
	if err := g.side.Fresh(ctx, options); err != nil {
		return nil, err
	}
	if err := g.side.PauseWorkers(ctx); err != nil {
		return nil, err
	}
	if err := g.side.Enqueue(ctx, jobs); err != nil {
		return nil, fmt.Errorf("queue %d jobs: %w", jobs, err)
	}
	return g.run(ctx, fmt.Sprintf("%d workers, %d calls, jobs", options.Workers, options.Calls), jobs, func(t target, seconds time.Duration) driver {
		return load.Drain{
			DSN: t.dsn, Count: jobs, For: drainFor * seconds, Release: g.side.Resume,
			Done: "select count(*) from renders", // one for each job; counting the waiting jobs again and again would be most of Postgres' work
		}
	})
}

// drainFor is how many times as long as other runs one with waiting jobs may take.
const drainFor = 4
