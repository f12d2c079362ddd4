package events

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/coalesce"
	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// publisher sends messages in order over one connection. Messages published at the same time share a round trip.
type publisher struct {
	redisNames map[Channel]string
	pool       *redis.Pool // of one connection, which keeps the order
	batches    coalesce.Batcher[message, struct{}]
}

// message is a payload with its topic, as [encode] puts them together, and the channel to publish it on.
type message struct {
	channel Channel
	content []byte
}

func newPublisher(pool *redis.Pool, timeout time.Duration) *publisher {
	p := &publisher{redisNames: map[Channel]string{}, pool: pool}
	p.batches.Send, p.batches.Timeout = p.send, timeout
	return p
}

// publish returns when Redis has taken content, when that has failed, or when ctx has ended.
func (p *publisher) publish(ctx context.Context, channel Channel, content []byte) error {
	_, err := p.batches.Call(ctx, message{channel: channel, content: content})
	return err
}

// post is publish without the wait. failed is called where content opened a batch that could not be sent.
func (p *publisher) post(ctx context.Context, channel Channel, content []byte, failed func(error)) {
	p.batches.Post(ctx, message{channel: channel, content: content}, failed)
}

// close sends what was posted, and closes the connection.
func (p *publisher) close() error {
	p.batches.Wait()
	return p.pool.Close()
}

// send publishes a batch in one round trip: only the last reply is waited for, which reports a failed earlier command too.
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
