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

// defaultPingEvery is how often a listener pings Redis. After two pings without a reply, 10 s, the connection counts as lost:
// firewalls and crashed machines cut connections without telling either end.
const defaultPingEvery = 5 * time.Second

// Listener keeps one subscription to one channel while [Listener.Run] runs, and subscribes again after each loss of the
// connection. Its fields are set before Run and not changed.
type Listener struct {
	Endpoint   *Endpoint
	Channel    string
	Subscribed func()               // called after each (re)subscription, before its first message; what was published before is lost
	Message    func(payload []byte) // called for each message; must not block, may keep payload, must not change it
	PingEvery  time.Duration        // 5 s if 0
	Log        *slog.Logger

	live atomic.Bool
}

// Live reports whether the listener is subscribed at present.
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

// session opens a connection, subscribes and passes messages on until the connection breaks or ctx ends. It always returns
// an error.
func (l *Listener) session(ctx context.Context, subscribed func()) error {
	conn, err := l.Endpoint.Dial(ctx)
	if err != nil {
		return err
	}
	subscription := redis.PubSubConn{Conn: conn}
	var pinging sync.WaitGroup
	done, end := context.WithCancel(ctx)
	stopClosing := context.AfterFunc(done, func() { _ = conn.Close() }) // the only way to interrupt a read
	defer func() {
		l.live.Store(false)
		stopClosing()
		end()
		_ = conn.Close() // it is broken, or no longer needed
		pinging.Wait()
	}()

	if err := subscription.Subscribe(l.Channel); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	pingEvery := cmp.Or(l.PingEvery, defaultPingEvery)
	pinging.Go(func() { ping(done, subscription, pingEvery) })
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

// ping pings Redis at an interval, so that silence means a broken connection. redigo allows one goroutine that writes
// besides the one that reads.
func ping(ctx context.Context, subscription redis.PubSubConn, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if subscription.Ping("") != nil {
				return // the reading goroutine gets the same error
			}
		}
	}
}
