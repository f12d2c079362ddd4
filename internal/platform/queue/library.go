package queue

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// libraryConnections is enough for the goroutines of the library's pools, one pool for each kind: each goroutine holds a
// connection for one command, the reaper two connections. Most of the time two or three are in use.
const libraryConnections = 16

// signOffTimeout bounds the last attempt to reach Redis, in which the library's pools unregister.
const signOffTimeout = 500 * time.Millisecond

// newLibraryPool returns the connections that gocraft/work uses, on which it never sees a failure. The library has no logger
// and no context: it prints each failure on standard output (thousands of lines a second while Redis is away), and each
// fetcher tries again after 10 ms. So dialling blocks until Redis is there, which keeps the library quiet meanwhile, and a
// failed command is logged here and answered with nil, which the library's callers take for "no task" or "done".
//
// When quit ends, fetching is answered with nil too, and goroutines that wait for Redis get an [unavailableConn].
func newLibraryPool(quit context.Context, dial func(context.Context) (redis.Conn, error), log *slog.Logger) *redis.Pool {
	l := &libraryDialer{dial: dial, log: log}
	return redisconn.NewPool(libraryConnections, func(context.Context) (redis.Conn, error) {
		return l.connect(quit), nil
	})
}

// libraryDialer dials the library's connections.
type libraryDialer struct {
	dial func(context.Context) (redis.Conn, error)
	log  *slog.Logger

	mu     sync.Mutex // held while dialling: one goroutine tries, the others wait for its result
	outage redisconn.Outage
	gaveUp bool // quit has ended while Redis was away
}

// connect returns a connection once Redis is there or, after quit has ended, an [unavailableConn] if it still is not.
func (l *libraryDialer) connect(quit context.Context) redis.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.gaveUp {
		stopping := quit.Err() != nil
		conn, err := l.attempt(quit, stopping)
		switch {
		case err == nil:
			l.outage.End(quit, l.log, "queue reaches redis again")
			return &errorSwallowingConn{Conn: conn, log: l.log, quit: quit.Done()}
		case stopping:
			l.gaveUp = true
		case quit.Err() == nil:
			l.outage.Wait(quit, l.log, err, "queue can't reach redis; no task is fetched meanwhile")
		}
	}
	return unavailableConn{}
}

// attempt dials once. stopping tells that quit has ended, so that the attempt needs a time-out of its own.
func (l *libraryDialer) attempt(quit context.Context, stopping bool) (redis.Conn, error) {
	if !stopping {
		return l.dial(quit)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(quit), signOffTimeout)
	defer cancel()
	return l.dial(ctx)
}

// errorSwallowingConn is a connection whose commands don't fail: it logs their errors and answers nil.
type errorSwallowingConn struct {
	redis.Conn
	log      *slog.Logger
	quit     <-chan struct{}
	reported bool
}

// Do implements redis.Conn.
func (c *errorSwallowingConn) Do(command string, args ...any) (reply any, err error) {
	if command == "EVALSHA" || command == "EVAL" { // the only commands that fetch tasks
		select {
		case <-c.quit:
			return reply, nil
		default:
		}
	}
	reply, err = c.Conn.Do(command, args...)
	switch {
	case err == nil, strings.HasPrefix(err.Error(), "NOSCRIPT "): // the library then sends EVAL
		return reply, err
	case command == "SMEMBERS": // the reaper asks for the pools: let it find none
		reply = []any{}
	case command == "HGET": // the reaper asks whether a pool is alive: nil would mean that it is dead
		return nil, err
	default:
		reply = nil
	}
	c.report(command, err)
	return reply, nil
}

// Flush implements redis.Conn.
func (c *errorSwallowingConn) Flush() error {
	if err := c.Conn.Flush(); err != nil {
		c.report("flush", err)
	}
	return nil
}

// report logs the first failure of a connection; a broken connection has many.
func (c *errorSwallowingConn) report(command string, err error) {
	if c.reported {
		return
	}
	c.reported = true
	c.log.Warn("queue command failed", "command", command, "error", err)
}

var errUnavailable = errors.New("queue: redis is away")

// unavailableConn answers nil to every command. It stands for Redis after quit has ended while Redis was away. Its Err keeps
// it out of the pool.
type unavailableConn struct{}

func (unavailableConn) Close() error                             { return nil }
func (unavailableConn) Err() error                               { return errUnavailable }
func (unavailableConn) Do(string, ...any) (reply any, err error) { return reply, err }
func (unavailableConn) Send(string, ...any) error                { return nil }
func (unavailableConn) Flush() error                             { return nil }
func (unavailableConn) Receive() (reply any, err error)          { return reply, err }
