// Package events tells the processes of the system about changes as they happen: a worker that has changed a job
// publishes the job, and each API process that holds a stream open for that job sends it to the client.
//
// A [Hub] publishes, and hands the events of all processes to the [Subscription]s of its own. Delivery is best effort, with
// two guarantees that let a subscriber tell when it must read the state from Postgres instead:
//
//   - The events of a topic arrive in the order in which one publisher sent them.
//   - Where events may be missing, because the subscriber was too slow or Redis was away, a lag mark ([Event.Lagged])
//     stands in their place.
//
// So a subscriber subscribes first, then reads and sends the state as it is in Postgres, then forwards events, and reads
// the state again at each lag mark. [Follow] does that for a [Handler]. A publisher publishes only what is committed:
// otherwise the state that a subscriber reads could be older than an event that it has already dropped.
//
// An event that could not be published is lost, and is not repeated: the next event, or the idle timeout of a [Handler],
// makes up for it.
//
// All topics share two Redis channels ([Channel]), so that workers don't hear what streams show. Each process has one
// subscription in Redis for each channel that it needs, however many subscribers it has.
package events

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// DefaultNamespace is put before the names of the channels in Redis.
const DefaultNamespace = "{mugshot}"

// defaultPublishTimeout is short: an event that comes late is no better than a missing one.
const defaultPublishTimeout = 500 * time.Millisecond

// Config says where Redis is. RedisURL alone is required.
type Config struct {
	RedisURL       string        // redis:// or rediss://
	TLS            *tls.Config   // for rediss://; nil for the system's roots
	Namespace      string        // DefaultNamespace if empty
	PublishTimeout time.Duration // of one Publish; 500 ms if 0
}

// Hub publishes events and, in a process that calls [Hub.Run], hands the events of all processes to the subscriptions of
// this one. It is safe for concurrent use.
type Hub struct {
	listeners map[Channel]*redisconn.Listener
	publisher *publisher
	log       *slog.Logger

	mu       sync.Mutex // never held across anything that blocks
	topics   map[string][]*Subscription
	channels []Channel // that Run listens to; empty: it does not run
	closed   bool
}

// Open returns a hub, without dialling Redis. It fails for a malformed URL, never because Redis is away. The caller closes
// the hub.
func Open(cfg Config, log *slog.Logger) (*Hub, error) {
	endpoint, err := redisconn.Parse(cfg.RedisURL, cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("open events: %w", err)
	}
	h := &Hub{
		listeners: map[Channel]*redisconn.Listener{},
		topics:    map[string][]*Subscription{},
		log:       log,
		publisher: newPublisher(endpoint.Pool(1), cmp.Or(cfg.PublishTimeout, defaultPublishTimeout)),
	}
	for _, channel := range []Channel{StateChannel, ControlChannel} {
		name := cmp.Or(cfg.Namespace, DefaultNamespace) + ":" + string(channel)
		h.publisher.redisNames[channel] = name
		h.listeners[channel] = &redisconn.Listener{
			Endpoint: endpoint, Channel: name, Log: log,
			Subscribed: func() { h.lagAll(channel) }, // events published before it are lost
			Message:    h.dispatch,
		}
	}
	return h, nil
}

// Run hands out the events of the given channels, or of all if none is given, until ctx ends. Then it closes every
// subscription and returns. A process that has subscribers calls it once.
func (h *Hub) Run(ctx context.Context, channels ...Channel) {
	if len(channels) == 0 {
		channels = []Channel{StateChannel, ControlChannel}
	}
	h.mu.Lock()
	h.channels = channels
	h.mu.Unlock()
	var listening sync.WaitGroup
	for _, channel := range channels {
		listening.Go(func() { h.listeners[channel].Run(ctx) })
	}
	listening.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, subscriptions := range h.topics {
		for _, s := range subscriptions {
			s.end()
		}
	}
	clear(h.topics)
}

// Close sends what was posted, within Config.PublishTimeout, and closes the connection on which the hub publishes; [Hub.Publish]
// fails from then on.
func (h *Hub) Close() error {
	if err := h.publisher.close(); err != nil {
		return fmt.Errorf("close events: %w", err)
	}
	return nil
}

// Healthy returns an error while events of other processes don't arrive: before Run, and while Redis is away.
func (h *Hub) Healthy() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, channel := range h.channels {
		if !h.listeners[channel].Live() {
			return fmt.Errorf("events: not subscribed to %s", channel)
		}
	}
	if len(h.channels) == 0 {
		return errors.New("events: not running")
	}
	return nil
}

// Publish sends payload, which may be any bytes, to the topic's subscribers in all processes. It returns when Redis has
// taken it, after Config.PublishTimeout at the latest. A topic must not contain a line feed.
//
// An error means that the event may be missing. The caller only logs it: what was to be told is committed, and
// subscribers that lost the connection to Redis get a lag mark. If the connection breaks after Redis has taken the event,
// it is sent again and arrives twice.
func (h *Hub) Publish(ctx context.Context, topic string, payload []byte) error {
	message, err := encode(topic, payload)
	if err != nil {
		return err
	}
	if err := h.publisher.publish(ctx, channelOf(topic), message); err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	return nil
}

// Post is [Hub.Publish] for a caller that does not wait until Redis has taken the event. Events keep their order, whether they
// are published or posted. A failure is only logged.
func (h *Hub) Post(ctx context.Context, topic string, payload []byte) {
	message, err := encode(topic, payload)
	if err != nil {
		h.log.ErrorContext(ctx, "event not published", "topic", topic, "error", err)
		return
	}
	h.publisher.post(ctx, channelOf(topic), message, func(err error) {
		h.log.WarnContext(ctx, "events not published", "topic", topic, "error", err)
	})
}

// dispatch hands a message to the subscribers of its topic.
func (h *Hub) dispatch(message []byte) {
	topic, payload, ok := decode(message)
	if !ok {
		return // not published by a hub
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	subscriptions := h.topics[string(topic)]
	if len(subscriptions) == 0 {
		return
	}
	event := &Event{Payload: payload}
	for _, s := range subscriptions {
		s.offer(event)
	}
}

// lagAll sends the lag mark to every subscriber of a channel.
func (h *Hub) lagAll(channel Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for topic, subscriptions := range h.topics {
		if channelOf(topic) != channel {
			continue
		}
		for _, s := range subscriptions {
			s.lag()
		}
	}
}

// separator stands between topic and payload in a message.
const separator = '\n'

// encode returns the message for Redis: the topic, a line feed, and the payload.
func encode(topic string, payload []byte) ([]byte, error) {
	if strings.IndexByte(topic, separator) >= 0 {
		return nil, errors.New("events: a topic must not contain a line feed")
	}
	message := make([]byte, 0, len(topic)+1+len(payload))
	message = append(message, topic...)
	message = append(message, separator)
	return append(message, payload...), nil
}

// decode splits a message. ok is false where it has no topic.
func decode(message []byte) (topic, payload []byte, ok bool) {
	return bytes.Cut(message, []byte{separator})
}
