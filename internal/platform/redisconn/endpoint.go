// Package redisconn opens connections to Redis in the one way this system wants them: every step has a time-out, a
// connection counts as open only once Redis answers on it, one that broke is replaced, and no error holds the password.
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

// Callers' contexts shorten these; nothing lengthens them.
const (
	connectTimeout = 2 * time.Second // TCP and TLS together
	ioTimeout      = 3 * time.Second // one write, or one reply
	keepAlive      = 30 * time.Second
	idleTimeout    = 4 * time.Minute // below the 350 s after which the common cloud balancers forget a connection
)

// Endpoint is a Redis server that can be dialled. It is safe for use by many goroutines.
type Endpoint struct {
	url  string // of scheme redis always: TLS is laid by dial
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Parse reads a URL as the IANA registry describes it, redis://[user][:password@]host[:port][/database], or rediss:// for
// TLS; tlsConfig may be nil for the system's roots. It dials nothing. Its errors don't quote the URL, which may hold a
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
		// redigo's own TLS handshake doesn't heed the context, and would hold an API request beyond its deadline.
		u.Scheme = "redis"
		return &Endpoint{url: u.String(), dial: (&tls.Dialer{NetDialer: tcp, Config: tlsConfig}).DialContext}, nil
	default:
		return nil, errors.New("redis: the URL's scheme must be redis or rediss")
	}
}

// Dial opens a connection and waits for an answer on it, so that a server still loading its data, or one behind a proxy
// that accepts for it, counts as away.
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

// Pool returns a pool of at most size connections, kept open while they are used now and then. It dials when asked for a
// connection, not before. When all are taken, callers wait.
func (e *Endpoint) Pool(size int) *redis.Pool { return NewPool(size, e.Dial) }

// NewPool is Pool with another way to dial.
func NewPool(size int, dial func(context.Context) (redis.Conn, error)) *redis.Pool {
	return &redis.Pool{
		DialContext: dial,
		MaxActive:   size,
		MaxIdle:     size, // fewer, and a busy pool would dial and hang up all the time
		Wait:        true,
		IdleTimeout: idleTimeout,
	}
}

// Do calls fn with a connection of pool, and again with the next one if that turned out to be broken, as all idle ones
// are after a restart of Redis. fn may therefore run more than once, also after Redis took a command whose answer was
// lost: it must be harmless when repeated. A Redis that can't be dialled is an error at once.
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

// Await sends a command and waits for its reply until ctx's deadline, which ctx must have. Unlike redis.DoContext it has no
// goroutine wait for each reply, and so it does not heed a cancellation.
func Await(ctx context.Context, conn redis.Conn, command string, args ...any) (any, error) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	if left <= 0 {
		return nil, context.DeadlineExceeded
	}
	return redis.DoWithTimeout(conn, left, command, args...) //nolint:wrapcheck // the caller knows what was asked
}
