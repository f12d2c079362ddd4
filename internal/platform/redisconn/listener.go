package redisconn

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

// defaultPingEvery is how often Redis is made to talk. A connection cut without a farewell, as firewalls and lost machines
// do it, is noticed after two silent pings.
const defaultPingEvery = 5 * time.Second

// Listener keeps one subscription to one channel for as long as Run runs, over every loss of the connection.
type Listener struct {
	Endpoint   *Endpoint
	Channel    string
	Subscribed func()               // after each (re)subscription, before its first message: what was sent before is lost
	Message    func(payload []byte) // must not block; payload may be kept, and must not be changed
	PingEvery  time.Duration        // 5 s if 0
	Log        *slog.Logger

	live atomic.Bool
}

// Live reports whether the subscription stands.
func (l *Listener) Live() bool { return l.live.Load() }

// Run listens until ctx ends. Subscribed and Message are called on its goroutine.
func (l *Listener) Run(ctx context.Context) {
	var outage Outage
	for {
		err := l.session(ctx, func() {
			outage.End(ctx, l.Log, "redis subscription restored", "channel", l.Channel)
		})
		if ctx.Err() != nil {
			return
		}
		outage.Wait(ctx, l.Log, err, "redis subscription lost", "channel", l.Channel)
	}
}

// session is the life of one connection; it always ends in an error.
func (l *Listener) session(ctx context.Context, subscribed func()) error {
	conn, err := l.Endpoint.Dial(ctx)
	if err != nil {
		return err
	}
	subscription := redis.PubSubConn{Conn: conn}
	var pinging sync.WaitGroup
	over, end := context.WithCancel(ctx)
	hangUp := context.AfterFunc(over, func() { _ = conn.Close() }) // the only way to interrupt a read
	defer func() {
		l.live.Store(false)
		hangUp()
		end()
		_ = conn.Close() // it is broken already, or wanted no more
		pinging.Wait()
	}()

	if err := subscription.Subscribe(l.Channel); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	pingEvery := cmp.Or(l.PingEvery, defaultPingEvery)
	pinging.Go(func() { ping(over, subscription, pingEvery) })
	for {
		switch received := subscription.ReceiveWithTimeout(2 * pingEvery).(type) {
		case redis.Subscription:
			l.live.Store(true)
			subscribed()
			l.Subscribed()
		case redis.Message:
			l.Message(received.Data)
		case error:
			return fmt.Errorf("receive: %w", received)
		}
	}
}

// ping makes Redis talk now and then, so that silence means a broken connection. Redigo allows one writer beside the
// reader.
func ping(ctx context.Context, subscription redis.PubSubConn, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if subscription.Ping("") != nil {
				return // the reader meets the same failure
			}
		}
	}
}
