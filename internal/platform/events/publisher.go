package events

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/coalesce"
	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// publisher sends messages in their order over one connection, those that come side by side in one round trip.
type publisher struct {
	redisNames map[Channel]string
	pool       *redis.Pool // of one connection
	rounds     coalesce.Batcher[message, struct{}]
}

type message struct {
	channel Channel
	content []byte
}

func newPublisher(pool *redis.Pool, timeout time.Duration) *publisher {
	p := &publisher{redisNames: map[Channel]string{}, pool: pool}
	p.rounds.Send, p.rounds.Timeout = p.send, timeout
	return p
}

// publish returns when content was sent, or ctx has ended.
func (p *publisher) publish(ctx context.Context, channel Channel, content []byte) error {
	_, err := p.rounds.Call(ctx, message{channel: channel, content: content})
	return err
}

func (p *publisher) send(ctx context.Context, messages []message) ([]struct{}, error) {
	err := redisconn.Do(ctx, p.pool, func(conn redis.Conn) error {
		last := len(messages) - 1
		for _, m := range messages[:last] {
			if err := conn.Send("PUBLISH", p.redisNames[m.channel], m.content); err != nil {
				return err
			}
		}
		_, err := redisconn.Await(ctx, conn, "PUBLISH", p.redisNames[messages[last].channel], messages[last].content)
		return err
	})
	return make([]struct{}, len(messages)), err
}
