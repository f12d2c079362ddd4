package events

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/batch"
	"github.com/mugshot-studio/backend/internal/queue/redisconn"
)

// publisher sends messages in their order over one connection, those that come side by side in one round trip.
type publisher struct {
	channel string
	pool    *redis.Pool // of one connection
	rounds  batch.Batcher[[]byte, struct{}]
}

func newPublisher(channel string, pool *redis.Pool, timeout time.Duration) *publisher {
	p := &publisher{channel: channel, pool: pool}
	p.rounds.Send, p.rounds.Timeout = p.send, timeout
	return p
}

// publish returns when message was sent, or ctx has ended.
func (p *publisher) publish(ctx context.Context, message []byte) error {
	_, err := p.rounds.Call(ctx, message)
	return err
}

func (p *publisher) send(ctx context.Context, messages [][]byte) ([]struct{}, error) {
	err := redisconn.Do(ctx, p.pool, func(conn redis.Conn) error {
		last := len(messages) - 1
		for _, message := range messages[:last] {
			if err := conn.Send("PUBLISH", p.channel, message); err != nil {
				return err
			}
		}
		_, err := redis.DoContext(conn, ctx, "PUBLISH", p.channel, messages[last])
		return err
	})
	return make([]struct{}, len(messages)), err
}
