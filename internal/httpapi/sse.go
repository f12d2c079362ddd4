package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/apperr"
)

// Event is one server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html). ID and Name must be
// one line.
type Event struct {
	ID   string // comes back as Last-Event-ID; "": none
	Name string // "": message
	Data any    // marshalled to JSON; a json.RawMessage is sent as it is
}

// eventStream is the answer of every operation that streams. Before run is called the headers are out, so that failures
// which deserve a status must be found before it is returned. run sends until its context ends or there is nothing more
// to say.
type eventStream struct {
	ctx context.Context //nolint:containedctx // the generated interface has no other way
	run func(ctx context.Context, send func(Event) error) error
}

// VisitStreamJobEventsResponse implements api.StreamJobEventsResponseObject.
func (s eventStream) VisitStreamJobEventsResponse(w http.ResponseWriter) error {
	return stream(s.ctx, w, s.run)
}

// streams is what all event streams of an Edge share.
type streams struct {
	heartbeat time.Duration
	write     time.Duration
	draining  chan struct{}
	stop      func()
}

func newStreams(heartbeat, write time.Duration) *streams {
	s := &streams{heartbeat: heartbeat, write: write, draining: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.draining) })
	return s
}

func (s *streams) stopped() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

var errDraining = errors.New("server is draining")

// stream answers with events until run returns, the client goes away or the server drains. It returns what run failed
// with, errClientGone where the client did, or nil.
func stream(ctx context.Context, w http.ResponseWriter, run func(ctx context.Context, send func(Event) error) error) error {
	call := callFrom(ctx)
	if call.streams.stopped() {
		return apperr.ErrUnavailable.With(errDraining)
	}
	out := newEventWriter(w, call.streams.write)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would keep the events to itself otherwise
	w.WriteHeader(http.StatusOK)
	if err := out.raw(": connected\n\nretry: 2000\n\n"); err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { cancel(out.beat(ctx, call)) })
	defer beating.Wait()
	defer cancel(nil)

	err := run(ctx, out.send)
	switch cause := context.Cause(ctx); {
	case errors.Is(err, errClientGone), errors.Is(cause, errClientGone):
		return errClientGone
	case errors.Is(cause, errDraining):
		return nil
	default:
		return err
	}
}

// eventWriter writes events for one reader. The heartbeat and the events come from two goroutines.
type eventWriter struct {
	rc      *http.ResponseController
	timeout time.Duration

	mu      sync.Mutex
	w       http.ResponseWriter
	buf     bytes.Buffer
	encoder *json.Encoder // into buf
}

func newEventWriter(w http.ResponseWriter, timeout time.Duration) *eventWriter {
	out := &eventWriter{w: w, rc: http.NewResponseController(w), timeout: timeout}
	out.encoder = json.NewEncoder(&out.buf)
	return out
}

// beat keeps the connection from looking dead to proxies, until ctx ends or the server drains.
func (out *eventWriter) beat(ctx context.Context, call *call) error {
	ticker := time.NewTicker(call.streams.heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-call.streams.draining:
			if err := out.raw(comeBack(call.id)); err != nil {
				return err
			}
			return errDraining
		case <-ticker.C:
			if err := out.raw(": ping\n\n"); err != nil {
				return err
			}
		}
	}
}

// comeBack spreads the clients of a draining server over four seconds, so that they don't fall on the others at once.
func comeBack(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return fmt.Sprintf("retry: %d\n\n", 1000+h.Sum32()%4000)
}

// send writes one event. It fails with errClientGone where there is nobody to read it, or with a marshalling error.
func (out *eventWriter) send(e Event) error {
	if strings.ContainsAny(e.ID, "\r\n\x00") || strings.ContainsAny(e.Name, "\r\n") {
		return fmt.Errorf("event %q: id and name must be one line", e.Name)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	b := &out.buf
	b.Reset()
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
	} else if err := out.encoder.Encode(e.Data); err != nil { // ends in a newline and has no other
		return fmt.Errorf("event %q: %w", e.Name, err)
	}
	b.WriteByte('\n')
	return out.flush(b.Bytes())
}

func (out *eventWriter) raw(s string) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.flush([]byte(s))
}

// flush puts bytes on the wire, within the time that one reader may take of ours. This replaces the server's deadline,
// which is for answers that end.
func (out *eventWriter) flush(b []byte) error {
	if err := out.rc.SetWriteDeadline(time.Now().Add(out.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errClientGone
	}
	if _, err := out.w.Write(b); err != nil {
		return errClientGone
	}
	if err := out.rc.Flush(); err != nil {
		return errClientGone
	}
	return nil
}
