// Package redisconn opens connections to Redis, with four properties that every user of Redis in this system relies on:
// every step has a time-out, a connection counts as open only once Redis answers on it, a broken connection is replaced
// ([Do], [Listener]), and no error contains the password.
package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Time-outs of a connection. The callers' contexts can shorten them, but not lengthen them.
const (
	connectTimeout = 2 * time.Second // TCP and TLS together
	ioTimeout      = 3 * time.Second // one write, or one reply
	keepAlive      = 30 * time.Second
	idleTimeout    = 4 * time.Minute // below the 350 s after which common cloud load balancers drop a connection
)

// Endpoint is the address of a Redis server. It is safe for concurrent use.
type Endpoint struct {
	url  string // its scheme is always redis: dial adds TLS
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Parse reads a URL as the IANA registry describes it, redis://[user][:password@]host[:port][/database], or rediss:// for
// TLS; a nil tlsConfig means the system's roots. It does not dial. Its errors don't quote the URL, which may contain a
// password.
func Parse(rawURL string, tlsConfig *tls.Config) (*Endpoint, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Opaque != "" {
		return nil, errors.New("redis: not a URL")
	}
	if database := strings.TrimPrefix(u.Path, "/"); database != "" {
		if n, numErr := strconv.Atoi(database); numErr != nil || n < 0 {
			return nil, errors.New("redis: the URL's path must be the number of a database")
		}
	}
	tcp := &net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive}
	switch u.Scheme {
	case "redis":
		return &Endpoint{url: u.String(), dial: tcp.DialContext}, nil
	case "rediss":
		// redigo's own TLS handshake ignores the context, and would delay an API request beyond its deadline.
		u.Scheme = "redis"
		return &Endpoint{url: u.String(), dial: (&tls.Dialer{NetDialer: tcp, Config: tlsConfig}).DialContext}, nil
	default:
		return nil, errors.New("redis: the URL's scheme must be redis or rediss")
	}
}

// Dial opens a connection and waits for an answer to PING on it, so that a server that is still loading its data, or one
// that is away behind a proxy that accepts connections, counts as away. The caller closes the connection.
func (e *Endpoint) Dial(ctx context.Context) (redis.Conn, error) {
	conn, err := redis.DialURLContext(ctx, e.url, redis.DialContextFunc(e.dial),
		redis.DialReadTimeout(ioTimeout), redis.DialWriteTimeout(ioTimeout))
	if err != nil {
		return nil, fmt.Errorf("dial redis: %w", err)
	}
	if _, err := redis.DoContext(conn, ctx, "PING"); err != nil {
		return nil, errors.Join(fmt.Errorf("ping redis: %w", err), conn.Close())
	}
	return conn, nil
}

// Pool returns a pool of at most size connections, which it dials when they are asked for and closes when they have been
// idle for 4 minutes. When all are in use, callers wait for one.
func (e *Endpoint) Pool(size int) *redis.Pool { return NewPool(size, e.Dial) }

// NewPool returns a pool like [Endpoint.Pool] that dials with the given function.
func NewPool(size int, dial func(context.Context) (redis.Conn, error)) *redis.Pool {
	return &redis.Pool{
		DialContext: dial,
		MaxActive:   size,
		MaxIdle:     size, // fewer, and a busy pool would dial and close connections all the time
		Wait:        true,
		IdleTimeout: idleTimeout,
	}
}

// Do calls fn with a connection of pool, and again with another connection if the first turned out to be broken, as all
// idle connections are after a restart of Redis. fn may therefore run more than once, even after Redis has executed a
// command whose reply was lost, so its commands must be harmless when repeated. Do fails at once where Redis can't be
// dialled.
func Do(ctx context.Context, pool *redis.Pool, fn func(redis.Conn) error) error {
	for spare := pool.MaxIdle; ; spare-- {
		conn, err := pool.GetContext(ctx)
		if err != nil {
			return fmt.Errorf("redis connection: %w", err)
		}
		err = fn(conn)
		broken := conn.Err() != nil
		if closeErr := conn.Close(); err == nil {
			err = closeErr
		}
		if err == nil || !broken || spare == 0 || ctx.Err() != nil {
			return err
		}
	}
}

// Await sends a command and waits for its reply until the deadline of ctx, which must have one. Unlike [redis.DoContext] it
// starts no goroutine for each reply, and therefore ignores a cancellation of ctx.
func Await(ctx context.Context, conn redis.Conn, command string, args ...any) (any, error) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	if left <= 0 {
		return nil, context.DeadlineExceeded
	}
	return redis.DoWithTimeout(conn, left, command, args...) //nolint:wrapcheck // the caller knows what was asked
}
