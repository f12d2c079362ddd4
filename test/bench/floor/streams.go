package main

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	channel = "floor:chat:"
	beat    = 15 * time.Second
	backlog = 16 // events that a slow reader may be behind; further ones are dropped
)

// hub passes the events of one subscription to the streams of their chats.
type hub struct {
	mu      sync.Mutex
	streams map[string]map[chan string]bool // by channel
}

func (h *hub) listen(dial func() (redis.Conn, error)) {
	conn, err := dial()
	if err != nil {
		panic(err) // nothing would be measured
	}
	subscription := redis.PubSubConn{Conn: conn}
	if err := subscription.PSubscribe(channel + "*"); err != nil {
		panic(err)
	}
	for {
		switch event := subscription.Receive().(type) {
		case error:
			panic(event)
		case redis.Message:
			h.hand(event.Channel, "event: message\ndata: "+string(event.Data)+"\n\n")
		}
	}
}

func (h *hub) hand(to, event string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for stream := range h.streams[to] {
		select {
		case stream <- event:
		default:
		}
	}
}

func (h *hub) follow(key string) (stream chan string, leave func()) {
	stream = make(chan string, backlog)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams[key] == nil {
		h.streams[key] = map[chan string]bool{}
	}
	h.streams[key][stream] = true
	return stream, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.streams[key], stream)
	}
}

func (f *floor) streamEvents(w http.ResponseWriter, r *http.Request, user string) {
	chat := r.PathValue("id")
	if found, err := f.one(r.Context(), chatByID, []any{chat, user}, nil, nil, nil, nil); !found {
		lacking(w, err)
		return
	}
	stream, leave := f.hub.follow(channel + strings.ToLower(chat))
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := http.NewResponseController(w)
	if flusher.Flush() != nil {
		return
	}
	heart := time.NewTicker(beat)
	defer heart.Stop()
	for {
		next := ": \n\n"
		select {
		case next = <-stream:
		case <-heart.C:
		case <-r.Context().Done():
			return
		}
		if _, err := io.WriteString(w, next); err != nil || flusher.Flush() != nil {
			return
		}
	}
}
