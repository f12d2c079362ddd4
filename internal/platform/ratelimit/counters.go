// Package ratelimit bounds how often something may be done, with counters in Redis that all processes share: how many
// requests in a period ([Counters.Allow]), and how many failures before further attempts are locked out ([Lockout]). It also
// shares which breakers are open ([Counters.OpenBreaker]).
//
// Every decision is one Lua script, which Redis runs without interruption: it is exact however many processes ask at the same
// time. It uses Redis' clock, so the clocks of the processes need not agree; times are stored in microseconds. When Redis is
// away, decisions fail with [apperr.ErrUnavailable] within Config.Timeout, and the caller must refuse what it wanted to
// limit: an attacker who guesses passwords must not get through then.
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
	// DefaultTimeout is the time-out of one decision, a dial and a repeat included, where the configuration has none.
	DefaultTimeout = 500 * time.Millisecond

	// connections is how many decisions are under way at the same time; each takes some 100 µs.
	connections = 32

	// overlapAfter is how long decisions wait for the round trip under way, to share the next one.
	overlapAfter = 20 * time.Millisecond

	// unavailableRetryAfter is the Retry-After of answers while Redis is away: about the time that a fail-over takes.
	unavailableRetryAfter = 5 * time.Second
)

// Config says where the counters are and how they are named. URL, Namespace and Key are required.
type Config struct {
	URL string // redis:// or rediss://

	// Namespace is put before all keys. A hash tag in it, as in "{mugshot}:limit", keeps the keys of one decision in the
	// same slot of a Redis Cluster.
	Namespace string

	// Key is the HMAC key from which the names of subjects in Redis are made, so that a reader of Redis finds no e-mail
	// addresses and can't test for them. A new key resets all counters.
	Key []byte

	Timeout time.Duration // of one decision; DefaultTimeout if 0
}

// Counters are the counters on one Redis server. They are safe for concurrent use.
type Counters struct {
	pool    *redis.Pool
	cfg     Config
	scripts scripts
	allows  coalesce.Batcher[decision, []int64] // of Allow, which is called much more often than all else
	macs    sync.Pool                           // of hash.Hash, keyed by cfg.Key: keying takes half the time of hashing a short name
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

// Open returns the counters of a server, without dialling it. It fails for a malformed URL, without quoting it, and where
// Namespace or Key is missing. The caller closes the counters.
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
	script := func(src string) *redis.Script { return redis.NewScript(-1, src) } // -1: each call states its number of keys
	c := &Counters{
		pool: endpoint.Pool(connections), cfg: cfg,
		scripts: scripts{script(allowScript), script(beginScript), script(failScript), script(settleScript)},
	}
	c.macs.New = func() any { return hmac.New(sha256.New, cfg.Key) }
	c.allows.Send, c.allows.Timeout, c.allows.OverlapAfter = c.decide, cfg.Timeout, overlapAfter
	return c, nil
}

// Close closes the connections. Decisions that are under way fail.
func (c *Counters) Close() error { return c.pool.Close() }

// run runs a script, and once more if the connection broke. It is not cut short with ctx: a client must not be able to undo
// what is counted against it by closing the connection, nor make this process close connections to Redis.
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

// unavailable returns the error of a decision that Redis did not make.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return apperr.ErrUnavailable.With(fmt.Errorf("count in redis: %w", err)).WithRetryAfter(unavailableRetryAfter)
}

// Subject is what requests or failures are counted against. Make one with [Account], [Address],
// [AccountFrom] or [Vendor].
type Subject struct {
	kind, name string
	forgiven   bool // a success resets its failures
}

// Account is an account, by user id or e-mail address; case and surrounding spaces don't matter. A success resets its
// failures, since only its owner can succeed.
func Account(name string) Subject {
	return Subject{kind: "account", name: strings.ToLower(strings.TrimSpace(name)), forgiven: true}
}

// Address is a client's network address. IPv6 addresses count by their /64, the smallest block that a network gets (RFC
// 6177): otherwise each client would have 2^64 addresses to use up. A string that is no address counts as it is.
func Address(ip string) Subject {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return Subject{kind: "address", name: ip}
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		prefix, _ := address.Prefix(64) // fails only for lengths over 128
		return Subject{kind: "address", name: prefix.String()}
	}
	return Subject{kind: "address", name: address.String()}
}

// AccountFrom is what a network address asks for an account, each as in [Address] and [Account].
func AccountFrom(name, ip string) Subject {
	return Subject{kind: "account-from", name: Address(ip).name + " " + Account(name).name}
}

// Vendor is a provider, or a model of one, that all processes together ask.
func Vendor(name string) Subject { return Subject{kind: "vendor", name: name} }

// maxKey is a length that few keys and names exceed.
const maxKey = 128

// key returns the name of a subject's counter in Redis.
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
