// Package events tells the processes of the system of changes as they happen: a worker that moved a job on publishes the
// job, and each API process that holds a stream open for it hands it over.
//
// Delivery is best effort, and made so that a reader can always tell when it must look for itself: events of a topic
// arrive in the order in which one publisher sent them; where some may be missing, because the reader was too slow or
// Redis was away, a Lagged mark stands in their place. So a reader subscribes, then reads and sends the state as it is
// in Postgres, then forwards events, and reads the state again at each mark. What is published must have been committed
// before.
//
// Topics share two Redis channels (Line), so that workers don't hear what streams show, and each process has one
// subscription to each that it needs, however many readers it has.
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

// DefaultNamespace precedes the name of the channel.
const DefaultNamespace = "{mugshot}"

// defaultPublishTimeout is short since an event that comes late is no better than one that is missing.
const defaultPublishTimeout = 500 * time.Millisecond

// Config says where Redis is. RedisURL alone is required.
type Config struct {
	RedisURL       string        // redis:// or rediss://
	TLS            *tls.Config   // for rediss://; nil for the system's roots
	Namespace      string        // DefaultNamespace if empty
	PublishTimeout time.Duration // of one Publish; 500 ms if 0
}

// Hub publishes events, and in a process that calls Run hands out those of all processes. It is safe for use by many
// goroutines.
type Hub struct {
	listeners map[Channel]*redisconn.Listener
	publisher *publisher

	mu       sync.Mutex // never held while anything waits
	topics   map[string][]*Subscription
	channels []Channel // that Run listens to
	closed   bool
}

// Open returns a hub. It fails for a URL that can't be right, never because Redis is away.
func Open(cfg Config, log *slog.Logger) (*Hub, error) {
	endpoint, err := redisconn.Parse(cfg.RedisURL, cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("open events: %w", err)
	}
	h := &Hub{
		listeners: map[Channel]*redisconn.Listener{},
		topics:    map[string][]*Subscription{},
		publisher: newPublisher(endpoint.Pool(1), cmp.Or(cfg.PublishTimeout, defaultPublishTimeout)),
	}
	for _, channel := range []Channel{StateChannel, ControlChannel} {
		name := cmp.Or(cfg.Namespace, DefaultNamespace) + ":" + string(channel)
		h.publisher.redisNames[channel] = name
		h.listeners[channel] = &redisconn.Listener{
			Endpoint: endpoint, Channel: name, Log: log,
			Subscribed: func() { h.lagAll(channel) }, // whatever was published before is lost
			Message:    h.dispatch,
		}
	}
	return h, nil
}

// Run hands out the events of some lines, or of all if none is named, until ctx ends, and then closes every subscription.
// It is called once, by processes that have readers.
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

// Close hangs up. Publishing fails from then on.
func (h *Hub) Close() error {
	if err := h.publisher.pool.Close(); err != nil {
		return fmt.Errorf("close events: %w", err)
	}
	return nil
}

// Healthy returns an error while events of other processes don't arrive.
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

// Publish sends payload, which may be any bytes, to the topic's readers in all processes. It returns when Redis has
// taken it, after Config.PublishTimeout at the latest. An error means that the event may be missing, which readers
// learn of if Redis was away; it is for the log. If the connection breaks at the wrong moment the event may arrive twice.
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

// dispatch hands a message to the readers of its topic.
func (h *Hub) dispatch(message []byte) {
	topic, payload, ok := decode(message)
	if !ok {
		return // from no hub
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	readers := h.topics[string(topic)]
	if len(readers) == 0 {
		return
	}
	event := &Event{Payload: payload}
	for _, s := range readers {
		s.offer(event)
	}
}

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

// A message is the topic, a line feed, and the payload.
const separator = '\n'

func encode(topic string, payload []byte) ([]byte, error) {
	if strings.IndexByte(topic, separator) >= 0 {
		return nil, errors.New("events: a topic is one line")
	}
	message := make([]byte, 0, len(topic)+1+len(payload))
	message = append(message, topic...)
	message = append(message, separator)
	return append(message, payload...), nil
}

func decode(message []byte) (topic, payload []byte, ok bool) {
	return bytes.Cut(message, []byte{separator})
}
