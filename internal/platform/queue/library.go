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

// libraryConnections is enough for the goroutines of the library's pools, one a kind, which hold a connection for one
// command each and its reaper two. Most of the time all is done by two or three.
const libraryConnections = 16

// signOffTimeout bounds the attempt to reach Redis once more in order to sign off.
const signOffTimeout = 500 * time.Millisecond

// newLibraryPool returns the only connections that gocraft/work gets to see. The library has no logger and no context: each
// failure is a line on standard output (thousands a second while Redis is away), and each fetcher tries again after
// 10 ms. So it meets no failure. Dialling waits until Redis is there, which makes the library rest meanwhile; a command
// that fails is told to our log and answered with nothing, which each of its callers takes for "no task" or "done".
//
// When quit ends, fetching answers nothing either, and whoever waits for Redis is let go.
func newLibraryPool(quit context.Context, dial func(context.Context) (redis.Conn, error), log *slog.Logger) *redis.Pool {
	l := &libraryDialer{dial: dial, log: log}
	return redisconn.NewPool(libraryConnections, func(context.Context) (redis.Conn, error) {
		return l.connect(quit), nil
	})
}

type libraryDialer struct {
	dial func(context.Context) (redis.Conn, error)
	log  *slog.Logger

	mu     sync.Mutex // held while dialling: one goroutine tries, the others wait for what comes of it
	outage redisconn.Outage
	gaveUp bool // quit has ended with Redis away
}

func (l *libraryDialer) connect(quit context.Context) redis.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.gaveUp {
		leaving := quit.Err() != nil
		conn, err := l.attempt(quit, leaving)
		switch {
		case err == nil:
			l.outage.End(quit, l.log, "queue reaches redis again")
			return &errorSwallowingConn{Conn: conn, log: l.log, quit: quit.Done()}
		case leaving:
			l.gaveUp = true
		case quit.Err() == nil:
			l.outage.Wait(quit, l.log, err, "queue can't reach redis; no task is fetched meanwhile")
		}
	}
	return unavailableConn{}
}

func (l *libraryDialer) attempt(quit context.Context, leaving bool) (redis.Conn, error) {
	if !leaving {
		return l.dial(quit)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(quit), signOffTimeout)
	defer cancel()
	return l.dial(ctx)
}

// errorSwallowingConn is a connection that doesn't fail.
type errorSwallowingConn struct {
	redis.Conn
	log      *slog.Logger
	quit     <-chan struct{}
	reported bool
}

// Do implements redis.Conn.
func (c *errorSwallowingConn) Do(command string, args ...any) (reply any, err error) {
	if command == "EVALSHA" || command == "EVAL" { // all that takes tasks from a list
		select {
		case <-c.quit:
			return reply, nil
		default:
		}
	}
	reply, err = c.Conn.Do(command, args...)
	switch {
	case err == nil, strings.HasPrefix(err.Error(), "NOSCRIPT "): // which the caller answers with EVAL
		return reply, err
	case command == "SMEMBERS": // its reaper asks for the pools: then there are none to reap
		reply = []any{}
	case command == "HGET": // its reaper asks whether a pool is alive: nothing would mean that it is not
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

// report logs the first failure of a connection; when it is broken, there are many.
func (c *errorSwallowingConn) report(command string, err error) {
	if c.reported {
		return
	}
	c.reported = true
	c.log.Warn("queue command failed", "command", command, "error", err)
}

var errUnavailable = errors.New("queue: redis is away")

// unavailableConn stands for Redis when it is away and nobody waits for it any more. Its Err keeps it out of the pool.
type unavailableConn struct{}

func (unavailableConn) Close() error                             { return nil }
func (unavailableConn) Err() error                               { return errUnavailable }
func (unavailableConn) Do(string, ...any) (reply any, err error) { return reply, err }
func (unavailableConn) Send(string, ...any) error                { return nil }
func (unavailableConn) Flush() error                             { return nil }
func (unavailableConn) Receive() (reply any, err error)          { return reply, err }
