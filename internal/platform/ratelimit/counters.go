// Package ratelimit bounds how often something may be done, with counters in Redis that all processes share: how many
// requests in a time (Allow), and how many failures in a row before a rest is forced (Lockout).
//
// Every decision is one script, which runs alone on the server, so that it is exact however many
// processes ask at once; and it goes by the server's clock, so that theirs need not agree. When Redis is away the
// answer is apperr.ErrUnavailable within Config.Timeout: whoever limits guesses must not let them through then.
package ratelimit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/coalesce"
	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

const (
	// DefaultTimeout bounds one decision where the configuration says nothing; it includes a dial and a repeat.
	DefaultTimeout = 500 * time.Millisecond

	// connections is how many decisions are under way at once; each takes some 100 µs.
	connections = 32

	// overlapAfter is how long decisions wait for those that are under way, to go together in one round trip.
	overlapAfter = 20 * time.Millisecond

	// unavailableRetryAfter is what a client is told while Redis is away: about the time that a fail-over takes.
	unavailableRetryAfter = 5 * time.Second
)

// Config says where the counters are.
type Config struct {
	URL string // redis:// or rediss://

	// Namespace is put before all keys. A hash tag in it, as in "{mugshot}:limit", keeps the keys of one decision in one
	// slot of a Redis Cluster.
	Namespace string

	// Key makes the names of subjects in Redis, so that nobody who reads it finds e-mail addresses or learns which of
	// them are there. A new key starts all counters anew.
	Key []byte

	Timeout time.Duration // of one decision; 0 stands for DefaultTimeout
}

// Counters are the counters of one Redis server. They are safe for concurrent use.
type Counters struct {
	pool    *redis.Pool
	cfg     Config
	scripts scripts
	allows  coalesce.Batcher[decision, []int64] // of Allow, which is asked for much more often than the rest
	macs    sync.Pool                           // of hash.Hash, keyed by cfg.Key: the key is half of what a short name costs
}

type scripts struct{ allow, begin, fail, settle *redis.Script }

//go:embed scripts/allow.lua
var allowScript string

//go:embed scripts/begin.lua
var beginScript string

//go:embed scripts/fail.lua
var failScript string

//go:embed scripts/settle.lua
var settleScript string

// Open returns the counters of a server. It dials nothing; its errors hold no part of the URL.
func Open(cfg Config) (*Counters, error) {
	if cfg.Namespace == "" || len(cfg.Key) == 0 {
		return nil, errors.New("rate limits need a namespace and a key")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	endpoint, err := redisconn.Parse(cfg.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	script := func(src string) *redis.Script { return redis.NewScript(-1, src) } // the number of keys comes with a call
	c := &Counters{
		pool: endpoint.Pool(connections), cfg: cfg,
		scripts: scripts{script(allowScript), script(beginScript), script(failScript), script(settleScript)},
	}
	c.macs.New = func() any { return hmac.New(sha256.New, cfg.Key) }
	c.allows.Send, c.allows.Timeout, c.allows.OverlapAfter = c.decide, cfg.Timeout, overlapAfter
	return c, nil
}

// Close closes the connections. Decisions under way fail.
func (c *Counters) Close() error { return c.pool.Close() }

// run runs a script, twice if a connection broke under the first. It is not cut short with ctx: whoever hangs up must
// not thereby undo what is counted against him, nor wear out connections.
func (c *Counters) run(ctx context.Context, script *redis.Script, keys []string, args ...any) ([]int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	defer cancel()
	keysAndArgs := make([]any, 0, 1+len(keys)+len(args))
	keysAndArgs = append(keysAndArgs, len(keys))
	for _, key := range keys {
		keysAndArgs = append(keysAndArgs, key)
	}
	keysAndArgs = append(keysAndArgs, args...)
	var reply []int64
	err := redisconn.Do(ctx, c.pool, func(conn redis.Conn) error {
		var err error
		reply, err = redis.Int64s(script.DoContext(ctx, conn, keysAndArgs...))
		return err
	})
	return reply, unavailable(err)
}

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return apperr.ErrUnavailable.With(fmt.Errorf("count in redis: %w", err)).WithRetryAfter(unavailableRetryAfter)
}

// Subject is whom something is counted against.
type Subject struct {
	kind, name string
	forgiven   bool // by a success
}

// Account is the account of a user id or an e-mail address. What is counted against it is forgiven by a success, which
// only its owner has.
func Account(name string) Subject {
	return Subject{kind: "account", name: strings.ToLower(strings.TrimSpace(name)), forgiven: true}
}

// Address is a client's network address. Those of IPv6 count by their /64, the least that a network is given (RFC 6177),
// or each client would have 2^64 to spend. What is no address counts as it is written.
func Address(ip string) Subject {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return Subject{kind: "address", name: ip}
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		prefix, _ := address.Prefix(64) // fails for lengths over 128 alone
		return Subject{kind: "address", name: prefix.String()}
	}
	return Subject{kind: "address", name: address.String()}
}

// Vendor is a provider that we ask, in all our processes together.
func Vendor(name string) Subject { return Subject{kind: "vendor", name: name} }

// maxKey is as long as keys and names are, mostly.
const maxKey = 128

// key names a subject's counter in Redis.
func (c *Counters) key(purpose string, s Subject) string {
	h := c.macs.Get().(hash.Hash)
	defer c.macs.Put(h)
	h.Reset()
	name := append(make([]byte, 0, maxKey), s.name...)
	h.Write(name)
	var sum [sha256.Size]byte
	key := append(append(name[:0], c.cfg.Namespace...), ':')
	key = append(append(key, purpose...), ':')
	key = append(append(key, s.kind...), ':')
	return string(base64.RawURLEncoding.AppendEncode(key, h.Sum(sum[:0])[:16]))
}
