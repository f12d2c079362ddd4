package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/test/bench/load"
	"github.com/mugshot-studio/backend/test/bench/measure"
	"github.com/mugshot-studio/backend/test/bench/report"
	"github.com/mugshot-studio/backend/test/bench/servers"
)

// bench measures the sides in rounds.
type bench struct {
	sides   []*servers.Side
	seconds time.Duration
	rounds  int
	log     *slog.Logger
}

// settle is the time that a side gets to catch up after a pause.
const settle = 300 * time.Millisecond

// run runs the workloads one after the other, each in some rounds.
func (b *bench) run(ctx context.Context, works []workload, into *report.Report) error {
	ran := map[string]bool{}
	for _, w := range works {
		if w.needs != "" && !ran[w.needs] {
			needed := plan()[slices.IndexFunc(plan(), func(x workload) bool { return x.ID == w.needs })]
			if err := b.round(ctx, needed, true, &report.Report{}); err != nil {
				return err
			}
		}
		for i := range b.rounds {
			if err := b.round(ctx, w, i == 0, into); err != nil {
				return fmt.Errorf("%s, round %d: %w", w.ID, i+1, err)
			}
			slices.Reverse(b.sides) // A B C, C B A, …: a drift of the machine affects all sides alike
		}
		ran[w.ID] = true
	}
	return nil
}

// round measures each side once, while the others are paused.
func (b *bench) round(ctx context.Context, w workload, first bool, into *report.Report) error {
	for _, side := range b.sides {
		if err := b.prepare(ctx, side, w, first); err != nil {
			return err
		}
		run, tally, err := once(ctx, side, w, b.seconds)
		if err := errors.Join(err, side.Pause()); err != nil {
			return fmt.Errorf("measure %s: %w", side.Name, err)
		}
		var failures []string
		for _, failure := range tally.Failures {
			failures = append(failures, failure.Error())
		}
		into.Add(w.Workload, side.Name, run, tally.Failed, failures)
		b.log.Info("measured", "work", w.ID, "side", side.Name, "per_s", int(run[report.Rate]), "p50_ms", run[report.P50],
			"cpu_server", run[report.ServerCPU], "other", run[report.Other], "failed", tally.Failed, "failures", failures)
	}
	return nil
}

// prepare brings a side into the state that a workload needs, and resumes it.
func (b *bench) prepare(ctx context.Context, side *servers.Side, w workload, first bool) error {
	options := servers.Options{Events: w.events}
	switch {
	case !side.Running(), w.state == freshAlways, w.state == freshOnce && first:
		return side.Fresh(ctx, options)
	default:
		if err := side.Resume(); err != nil {
			return err
		}
		time.Sleep(settle)
		return nil
	}
}

// once runs a workload once on one side, and measures its costs.
func once(ctx context.Context, side *servers.Side, w workload, seconds time.Duration) (report.Run, load.Tally, error) {
	groups, err := side.Groups()
	if err != nil {
		return nil, load.Tally{}, err
	}
	var cost measure.Cost
	var stop func() (measure.Cost, error)
	var bracketErr error
	bracket := load.Bracket{
		Begin: func() { stop, bracketErr = groups.Start() },
		End:   func() { cost, bracketErr = stop() },
	}
	resident := func() float64 {
		bytes, _ := measure.Resident(groups[servers.ServerGroup]) // 0 would be conspicuous
		return bytes
	}
	for _, group := range []string{servers.ServerGroup, servers.WorkerGroup} {
		if err := measure.ResetPeak(groups[group]); err != nil {
			return nil, load.Tally{}, err
		}
	}
	t := target{addr: side.Addr(), dsn: side.DSN(), users: side.Users, jobs: side.Jobs, resident: resident}
	tally, err := w.drive(t, seconds).Run(ctx, bracket)
	if err := errors.Join(err, bracketErr); err != nil {
		return nil, tally, err
	}
	run, err := figures(tally, cost, groups)
	return run, tally, err
}

// figures turns what was measured into metrics.
func figures(tally load.Tally, cost measure.Cost, groups measure.Groups) (report.Run, error) {
	run := report.Run{
		report.Rate: float64(len(tally.Took)) / tally.Wall.Seconds(), report.Other: cost.Other,
		report.P50: measure.Quantile(tally.Took, 0.5), report.P99: measure.Quantile(tally.Took, 0.99),
	}
	for group, cpu := range cost.CPU {
		run["cpu_"+group] = cpu.Seconds() * 1e3 / float64(max(1, tally.Work))
	}
	maps.Copy(run, tally.More)
	for metric, group := range map[string]string{report.ServerPeak: servers.ServerGroup, report.WorkerPeak: servers.WorkerGroup} {
		bytes, err := measure.Peak(groups[group])
		if err != nil {
			return nil, err
		}
		run[metric] = bytes / 1e6
	}
	return run, nil
}
