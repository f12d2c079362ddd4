package events

import (
	"context"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/queue/redisconn"
)

// publisher sends messages over one connection, all that came while one round trip was under way together in the next.
// It has no goroutine: whoever begins a batch sends it.
type publisher struct {
	channel string
	timeout time.Duration
	pool    *redis.Pool // of one connection, for which batches queue up

	mu       sync.Mutex
	gathered *batch // the batch that is still open, or nil
}

type batch struct {
	messages [][]byte
	sent     chan struct{} // closed when err is final
	err      error
}

// publish returns when message was sent, or ctx has ended.
func (p *publisher) publish(ctx context.Context, message []byte) error {
	b, began := p.join(message)
	if began {
		p.send(context.WithoutCancel(ctx), b) // for others too, so not bound to this caller
	}
	select {
	case <-b.sent:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join adds message to the open batch, and reports whether it began one.
func (p *publisher) join(message []byte) (b *batch, began bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathered == nil {
		p.gathered, began = &batch{sent: make(chan struct{})}, true
	}
	p.gathered.messages = append(p.gathered.messages, message)
	return p.gathered, began
}

// seal keeps others from joining b, and returns its messages.
func (p *publisher) seal(b *batch) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathered == b {
		p.gathered = nil
	}
	return b.messages
}

// send sends b when the connection is free.
func (p *publisher) send(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	defer close(b.sent)
	b.err = redisconn.Do(ctx, p.pool, func(conn redis.Conn) error {
		messages := p.seal(b)
		last := len(messages) - 1
		for _, message := range messages[:last] {
			if err := conn.Send("PUBLISH", p.channel, message); err != nil {
				return err
			}
		}
		_, err := redis.DoContext(conn, ctx, "PUBLISH", p.channel, messages[last])
		return err
	})
	p.seal(b) // where no connection was to be had
}
