// Command testenv starts one PostgreSQL and one Redis server, runs a command such as `go test ./...` with them, and stops them
// afterwards:
//
//	go run ./test/devstack/testenv -- go test ./...
//
// The command finds their addresses in TEST_DATABASE_URL and TEST_REDIS_URL. A variable that is set already is kept, and no server
// is started for it. The exit code is that of the command.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/mugshot-studio/backend/test/devstack"
)

// maxConnections is enough for a dozen test binaries whose tests each open a pool or two.
const maxConnections = 300

// exitFailure is the exit code for a failure of testenv itself, as of env(1) and nice(1).
const exitFailure = 125

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: testenv -- command [argument…]")
		os.Exit(exitFailure)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	// A signal during the start of the servers aborts it; later ones are sent to the command.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	starting, stopWaiting := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	stop, err := provide(starting)
	defer func() { err = errors.Join(err, stop()) }()
	stopWaiting()
	if err != nil {
		return exitFailure, err
	}
	return runCommand(args, signals)
}

// provide starts the servers that the environment does not name yet, and sets their variables. stop is never nil.
func provide(ctx context.Context) (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s())
		}
		return errors.Join(errs...)
	}
	if os.Getenv("TEST_DATABASE_URL") == "" {
		binaries, err := devstack.FindPostgres(ctx, devstack.FindConfig{Progress: os.Stderr})
		if err != nil {
			return stop, err
		}
		pg, err := devstack.StartScratchPostgres(ctx, devstack.PostgresConfig{Binaries: binaries, MaxConnections: maxConnections})
		if err != nil {
			return stop, err
		}
		stops = append(stops, pg.Stop)
		if err := os.Setenv("TEST_DATABASE_URL", pg.DSN("postgres")); err != nil {
			return stop, fmt.Errorf("name the database to the tests: %w", err)
		}
	}
	if os.Getenv("TEST_REDIS_URL") == "" {
		redis, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
		if err != nil {
			return stop, err
		}
		stops = append(stops, redis.Stop)
		if err := os.Setenv("TEST_REDIS_URL", redis.URL()); err != nil {
			return stop, fmt.Errorf("name Redis to the tests: %w", err)
		}
	}
	return stop, nil
}

// runCommand runs the command in a process group of its own, so that a signal reaches all its processes, once.
func runCommand(args []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(args[0], args[1:]...) // #nosec G204 -- that is what it is for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return exitFailure, fmt.Errorf("start %s: %w", args[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = syscall.Kill(-cmd.Process.Pid, s.(syscall.Signal)) // fails if it has ended: done follows
		case err := <-done:
			status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if status.Signaled() {
				return 128 + int(status.Signal()), nil // as shells do
			}
			if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
				return exitFailure, fmt.Errorf("run %s: %w", args[0], err)
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}
