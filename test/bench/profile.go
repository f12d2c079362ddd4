package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/test/bench/profiles"
	"github.com/mugshot-studio/backend/test/bench/report"
	"github.com/mugshot-studio/backend/test/bench/servers"
)

// profiled lists the workloads of which profiles are taken. The others are these with more connections or fewer jobs.
func profiled() []string {
	return []string{"W2", "W4", "W3", "W1", "W5", "W6 burst", "W7 spread", "W7 one"}
}

// takeProfiles takes profiles of our server alone, under each workload in turn.
func (b *bench) takeProfiles(ctx context.Context, stack *servers.Stack, a arguments, to io.Writer) error {
	ours, err := servers.NewOurs(ctx, stack, a.bin)
	if err != nil {
		return err
	}
	b.sides = []*servers.Side{ours}
	page := profiles.Page{Measured: time.Now(), Cores: runtime.NumCPU()}
	for _, w := range choose(plan(), a.only) {
		if !slices.Contains(profiled(), w.ID) {
			continue
		}
		if err := b.profile(ctx, ours, w, a.profiles, &page); err != nil {
			return fmt.Errorf("%s: %w", w.ID, err)
		}
	}
	if a.out == "" {
		_, err := io.WriteString(to, page.Markdown())
		return err
	}
	return page.Write(a.out)
}

// profile adds the columns of one workload: that of the API and, for jobs, that of the worker.
func (b *bench) profile(ctx context.Context, side *servers.Side, w workload, dir string, page *profiles.Page) error {
	if err := b.prepare(ctx, side, w, true); err != nil {
		return err
	}
	columns := []profiles.Column{{Title: w.ID, Asks: profiles.Requests}}
	groups := []string{servers.ServerGroup}
	if strings.HasPrefix(w.ID, "W6") {
		columns = append(columns, profiles.Column{Title: w.ID + ", worker", Asks: profiles.Jobs})
		groups = append(groups, servers.WorkerGroup)
	}
	var taking errgroup.Group
	for i, group := range groups {
		name := strings.ReplaceAll(w.ID, " ", "-") + "." + group
		taking.Go(func() (err error) {
			columns[i].Set, err = profiles.Take(ctx, side.Admin(group), int(b.seconds.Seconds()), dir, name)
			return err
		})
	}
	run, tally, err := once(ctx, side, w, b.seconds)
	if waited := taking.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		return err
	}
	b.log.Info("profiled", "work", w.ID, "per_s", int(run[report.Rate]), "failed", tally.Failed)
	for i := range columns {
		columns[i].Work = run[report.Rate] * b.seconds.Seconds()
		if _, streams := run[report.PerStream]; streams {
			columns[i].Work = float64(tally.Work) // the profiles cover all events and the opening of the streams
		}
	}
	page.Columns = append(page.Columns, columns...)
	return nil
}
