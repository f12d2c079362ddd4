// Command bench measures our server side by side with the floor and the old stack's design, on this machine only: it starts them
// with a Postgres and a Redis of their own, runs the same workloads against each in turn, and writes a table. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/mugshot-studio/backend/test/bench/report"
	"github.com/mugshot-studio/backend/test/bench/servers"
)

// arguments are those of the command line.
type arguments struct {
	bin, out, peer string
	only           []string
	rounds         int
	seconds        float64
	growth         bool
	profiles       string
}

func main() {
	debug.SetGCPercent(800) // the load shares the cores with what it measures
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, parse(), os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse() arguments {
	var a arguments
	flag.StringVar(&a.bin, "bin", "bin/bench", "where mugshot, instant and floor lie")
	flag.StringVar(&a.out, "out", "docs/bench", "where the report goes; empty: nowhere")
	flag.StringVar(&a.peer, "peer", "test/bench/peer", "where the peer's source lies; empty: without the peer")
	flag.IntVar(&a.rounds, "rounds", 3, "rounds")
	flag.Float64Var(&a.seconds, "seconds", 4, "length of a run, after a second of warm-up")
	flag.BoolVar(&a.growth, "growth", false, "measure how our server grows, instead")
	flag.StringVar(&a.profiles, "profiles", "", "take profiles of our server, instead, and keep them in this folder")
	only := flag.String("only", "", "workloads to run, separated by commas; W4 stands for all that begin so. With -growth: connections, streams, jobs, workers")
	flag.Parse()
	if *only != "" {
		a.only = strings.Split(*only, ",")
	}
	return a
}

// run starts the servers, measures and stops them.
func run(ctx context.Context, a arguments, to io.Writer) (err error) {
	if runtime.GOOS != "linux" {
		return errors.New("costs are read from /proc, which Linux alone has: run it there, or in a container")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	dir, err := os.MkdirTemp("", "mugshot-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // run by root, Postgres is another user's
		return err
	}
	stack, err := servers.StartStack(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	if a.bin, err = filepath.Abs(a.bin); err != nil {
		return err
	}
	into := &report.Report{
		Measured: time.Now(), Cores: runtime.NumCPU(), Versions: map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")},
		Seconds: a.seconds, Rounds: a.rounds,
	}
	if into.Versions["Postgres"], into.Versions["Redis"], err = stack.Versions(ctx); err != nil {
		return err
	}
	b := &bench{seconds: time.Duration(a.seconds * float64(time.Second)), rounds: a.rounds, log: log}
	defer func() { err = errors.Join(err, b.stop()) }()
	switch {
	case a.growth:
		return b.measureGrowth(ctx, stack, a, into.Versions)
	case a.profiles != "":
		return b.takeProfiles(ctx, stack, a, to)
	}
	if err := b.prepareSides(ctx, stack, a, into); err != nil {
		return err
	}
	works := choose(plan(), a.only)
	err = errors.Join(b.run(ctx, works, into), into.Text(to)) // what was measured before a failure or Ctrl-C is shown
	if err != nil {
		return err
	}
	if a.out == "" {
		return nil
	}
	return into.Write(a.out, "latest")
}

// measureGrowth measures our server alone.
func (b *bench) measureGrowth(ctx context.Context, stack *servers.Stack, a arguments, versions map[string]string) error {
	ours, err := servers.NewOurs(ctx, stack, a.bin)
	if err != nil {
		return err
	}
	b.sides = []*servers.Side{ours}
	into := &report.Growth{Measured: time.Now(), Cores: runtime.NumCPU(), Versions: versions}
	if err := b.grow(ctx, ours, a.only, into); err != nil {
		return err
	}
	if a.out == "" {
		return nil
	}
	return into.Write(a.out)
}

// prepareSides prepares the sides with their databases. If the peer can't run here, the report says why it is left out.
func (b *bench) prepareSides(ctx context.Context, stack *servers.Stack, a arguments, into *report.Report) error {
	ours, err := servers.NewOurs(ctx, stack, a.bin)
	if err != nil {
		return err
	}
	floor, err := servers.NewFloor(ctx, stack, a.bin)
	if err != nil {
		return err
	}
	b.sides = []*servers.Side{ours, floor}
	if a.peer == "" {
		into.LeftOut = "The peer was left out: it was not asked for."
		return nil
	}
	python, versions := servers.FindPython(ctx)
	if python == "" {
		into.LeftOut = "The peer was left out: no python3 here can import all of " + servers.PeerModules + "."
		return nil
	}
	into.Versions["peer:"] = versions
	source, err := filepath.Abs(a.peer)
	if err != nil {
		return err
	}
	peer, err := servers.NewPeer(ctx, stack, python, source)
	if err != nil {
		return err
	}
	b.sides = append(b.sides, peer)
	return nil
}

func (b *bench) stop() error {
	var errs []error
	for _, side := range b.sides {
		errs = append(errs, side.Stop())
	}
	return errors.Join(errs...)
}
