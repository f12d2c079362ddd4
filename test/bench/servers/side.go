package servers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"syscall"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/test/bench/load"
	"github.com/mugshot-studio/backend/test/bench/measure"
)

// Names of the sides.
const (
	Ours  = "ours"
	Floor = "floor"
	Peer  = "peer"
)

// Groups of processes whose costs are measured separately.
const (
	ServerGroup   = "server"
	WorkerGroup   = "worker"
	PostgresGroup = "postgres"
	RedisGroup    = "redis"
)

// Options say how a side is started.
type Options struct {
	Events  bool // publish new messages to the event streams of their chat; ours always does
	Workers int  // worker processes; 0: one
	Calls   int  // concurrent calls that the provider allows; 0: as many as the workers have slots. Ours only
}

// Side is a server with its workers, which does the same work as the other sides on a database of its own.
type Side struct {
	Name  string
	Users []load.Vars
	Jobs  JobQueries

	stack   *Stack
	number  int // of its database in Redis
	schema  schema
	launch  launcher
	current *launched // nil: not started
}

// JobQueries ask a side's database for its jobs; see load.Jobs.
type JobQueries struct{ Done, Times string }

// launched are the processes of a running side.
type launched struct {
	addr    string
	admin   map[string]string // address of the admin server of a group's first process; only ours has one
	server  []*process
	workers []*process
}

func (l *launched) all() []*process { return slices.Concat(l.server, l.workers) }

// launcher starts a side's processes. When it fails, it returns what it has started with the error.
type launcher func(ctx context.Context, s *Side, o Options) (*launched, error)

// Fresh stops the side if it runs, gives it a new database and an empty Redis, and starts it.
func (s *Side) Fresh(ctx context.Context, o Options) error {
	if err := s.Stop(); err != nil {
		return err
	}
	if err := s.stack.reset(ctx, s.Name); err != nil {
		return fmt.Errorf("reset the database of %s: %w", s.Name, err)
	}
	if err := s.flush(); err != nil {
		return fmt.Errorf("empty the Redis of %s: %w", s.Name, err)
	}
	return s.Start(ctx, o)
}

// startTries is how often a side is started, each time at other ports, since another program may take one before it listens.
const startTries = 3

// Start starts the side on its present database and Redis.
func (s *Side) Start(ctx context.Context, o Options) error {
	o.Workers = max(1, o.Workers)
	var failed error
	for range startTries {
		current, err := s.launch(ctx, s, o)
		s.current = current
		if err == nil {
			return nil
		}
		failed = errors.Join(fmt.Errorf("start %s: %w", s.Name, err), s.Stop())
		if ctx.Err() != nil {
			break
		}
	}
	return failed
}

// Stop stops its processes. Stopping twice is harmless.
func (s *Side) Stop() error {
	if s.current == nil {
		return nil
	}
	var errs []error
	for _, p := range s.current.all() {
		errs = append(errs, p.stop())
	}
	s.current = nil
	return errors.Join(errs...)
}

// Pause keeps its processes from computing while another side is measured; Resume lets them go on.
func (s *Side) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Side) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Side) signal(which syscall.Signal) error {
	if s.current == nil {
		return nil
	}
	var errs []error
	for _, p := range s.current.all() {
		errs = append(errs, p.signal(which))
	}
	return errors.Join(errs...)
}

// Running tells whether it was started, paused or not.
func (s *Side) Running() bool { return s.current != nil }

// Addr is where its server listens.
func (s *Side) Addr() string { return s.current.addr }

// Admin is the address of the admin server of a group's first process. Only ours has one.
func (s *Side) Admin(group string) string { return s.current.admin[group] }

// DSN is the address of its database.
func (s *Side) DSN() string { return s.stack.postgres.DSN(s.Name) }

// RedisURL is the address of its part of Redis.
func (s *Side) RedisURL() string {
	u, err := url.Parse(s.stack.redis.URL())
	if err != nil {
		panic(err) // it is devstack's own
	}
	u.Path = "/" + strconv.Itoa(s.number)
	return u.String()
}

func (s *Side) flush() error {
	conn, err := redis.DialURL(s.RedisURL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Do("FLUSHDB")
	return err
}

// Groups are the side's processes, and the servers that it shares.
func (s *Side) Groups() (measure.Groups, error) {
	postgres, redisPID, err := s.stack.pids()
	if err != nil {
		return nil, err
	}
	return measure.Groups{
		ServerGroup: pids(s.current.server), WorkerGroup: pids(s.current.workers), PostgresGroup: {postgres}, RedisGroup: {redisPID},
	}, nil
}

func pids(of []*process) []int {
	found := make([]int, len(of))
	for i, p := range of {
		found[i] = p.pid()
	}
	return found
}
