// Package sse answers requests with server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), thousands at a time.
//
// A handler returns [Respond]; that leaves the stream in the request's [Slot]. The edge opens it with [Slot.Open] once all
// layers around the handler have returned, so that an open stream keeps none of them. [Server.Drain] ends all streams,
// [Server.Wait] waits for their end.
//
// A stream is greeted at once, gets a comment as heartbeat while it is idle, ends when its client disconnects or takes an
// event for too long, at a heartbeat when the session that opened it has ended ([Server.Recheck] makes that at once), and may
// be given a lifetime. A silent stream has neither a goroutine nor a buffer: its connection is
// taken over from net/http where that can be done ([http.Hijacker]), and one goroutine watches all connections for their
// end. What carries the bytes (transport) and what watches connections (disconnectWatcher) are private.
package sse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

var (
	// ErrClientGone is how a stream ends whose client disconnected. It is no failure of the server.
	ErrClientGone = errors.New("client gone")

	errDraining = errors.New("server is draining")
	errOver     = errors.New("stream is over")
	errLifetime = errors.New("stream reached the end of its lifetime")
	errSession  = errors.New("session of the stream has ended")
)

// Event is one server-sent event. ID and Name must be one line.
type Event struct {
	ID   string // comes back as Last-Event-ID; "": none
	Name string // "": message
	Data any    // marshalled to JSON; a json.RawMessage is sent as it is
}

// Run begins to send events, until there are no more or the following is ended, and then has ended called. It returns at
// once.
type Run = func(ctx context.Context, send func(Event) error, ended func(error)) *events.Following

// Response is the answer of every operation that streams: a response object of the generated interfaces.
type Response struct {
	ctx      context.Context //nolint:containedctx // the generated interface has no other way
	run      Run
	lifetime time.Duration
}

// Respond answers the request of ctx with the events of run. The headers are out before run is called, so failures that
// deserve a status must be found before. After lifetime the stream ends and its client comes back; 0 is no limit.
func Respond(ctx context.Context, lifetime time.Duration, run Run) Response {
	return Response{ctx: ctx, run: run, lifetime: lifetime}
}

// VisitStreamJobEventsResponse implements api.StreamJobEventsResponseObject.
func (r Response) VisitStreamJobEventsResponse(w http.ResponseWriter) error { return r.prepare(w) }

// VisitStreamChatEventsResponse implements api.StreamChatEventsResponseObject.
func (r Response) VisitStreamChatEventsResponse(w http.ResponseWriter) error { return r.prepare(w) }

// prepare leaves the stream in the request's slot.
func (r Response) prepare(w http.ResponseWriter) error {
	slot := r.ctx.Value(SlotKey{}).(*Slot)
	if slot.server.Draining() {
		return apperr.ErrUnavailable.With(errDraining)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would keep the events to itself otherwise
	slot.stream = &stream{run: r.run, lifetime: r.lifetime}
	return nil
}

// stream is what a handler wants to be sent.
type stream struct {
	run      Run
	lifetime time.Duration
}

// SlotKey is the key under which the context of a request has its *Slot.
type SlotKey struct{}

// Slot is where the handler of one request leaves the stream that answers it. See [Server.NewSlot].
type Slot struct {
	Owner string // whose streams are counted and rechecked together; "": each for itself
	// Alive reports whether the stream may go on. It is asked at every heartbeat and by [Server.Recheck]; nil: it may.
	Alive func(context.Context) bool

	server *Server
	stream *stream
}

// IsFilled reports whether a handler has answered with a stream that waits to be opened.
func (s *Slot) IsFilled() bool { return s.stream != nil }

func (e Event) write(b *bytes.Buffer) error {
	if strings.ContainsAny(e.ID, "\r\n\x00") || strings.ContainsAny(e.Name, "\r\n") {
		return fmt.Errorf("event %q: id and name must be one line", e.Name)
	}
	if e.ID != "" {
		b.WriteString("id: ")
		b.WriteString(e.ID)
		b.WriteByte('\n')
	}
	if e.Name != "" {
		b.WriteString("event: ")
		b.WriteString(e.Name)
		b.WriteByte('\n')
	}
	b.WriteString("data: ")
	if raw, ok := e.Data.(json.RawMessage); ok && !bytes.ContainsAny(raw, "\r\n") {
		b.Write(raw)
		b.WriteByte('\n')
	} else if err := json.NewEncoder(b).Encode(e.Data); err != nil { // ends in a newline and has no other
		return fmt.Errorf("event %q: %w", e.Name, err)
	}
	b.WriteByte('\n')
	return nil
}
