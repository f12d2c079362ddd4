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
// to say. It is called once the layers around the handler have returned, so that an open stream keeps none of them.
type eventStream struct {
	ctx context.Context //nolint:containedctx // the generated interface has no other way
	run runStream
}

type runStream = func(ctx context.Context, send func(Event) error) error

// VisitStreamJobEventsResponse implements api.StreamJobEventsResponseObject.
func (s eventStream) VisitStreamJobEventsResponse(w http.ResponseWriter) error {
	return stream(s.ctx, w, s.run)
}

// stream has the call answered with events, which begin when the handler has returned.
func stream(ctx context.Context, w http.ResponseWriter, run runStream) error {
	call := callFrom(ctx)
	if call.streams.stopped() {
		return apperr.ErrUnavailable.With(errDraining)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would keep the events to itself otherwise
	call.stream = run
	return nil
}

const preamble = ": connected\n\nretry: 2000\n\n"

var (
	errDraining = errors.New("server is draining")
	errOver     = errors.New("stream is over")
)

// eventWriter writes to one reader what the stream itself, its heartbeat and the end of the server have to say. At rest
// it has neither a goroutine nor a buffer.
type eventWriter struct {
	call   *call
	cancel context.CancelCauseFunc // of the stream

	mu    sync.Mutex // held while a write waits for the reader
	wire  wire
	pulse *time.Timer
	sent  int64 // bytes of events and comments
	over  bool  // nothing may be written any more
}

func (out *eventWriter) beat() {
	if err := out.raw(": ping\n\n"); err != nil {
		return
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if !out.over {
		out.pulse.Reset(out.call.streams.heartbeat)
	}
}

// end waits for a write that is under way, keeps others from beginning, and ends the stream's context.
func (out *eventWriter) end() {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.over = true
	out.pulse.Stop()
	out.cancel(errOver)
}

// takeLeave tells the reader when to come back and ends the stream. A reader that is slow now is not waited for as long
// as usual.
func (out *eventWriter) takeLeave() {
	out.wire.hurry(time.Now().Add(drainWrite))
	if err := out.raw(comeBack(out.call.id)); err == nil {
		out.cancel(errDraining)
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
	b := eventBuffers.Get().(*bytes.Buffer)
	defer eventBuffers.Put(b)
	b.Reset()
	if err := e.write(b); err != nil {
		return err
	}
	return out.put(b.Bytes())
}

func (out *eventWriter) raw(s string) error { return out.put([]byte(s)) }

// put gives bytes to the wire. A wire that failed once is the end of the stream, whoever wrote.
func (out *eventWriter) put(b []byte) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.over {
		return errOver
	}
	timeout := out.call.streams.write
	if out.call.streams.stopped() {
		timeout = min(timeout, drainWrite)
	}
	if err := out.wire.write(b, time.Now().Add(timeout)); err != nil {
		out.cancel(errClientGone)
		return errClientGone
	}
	out.sent += int64(len(b))
	return nil
}

// eventBuffers are shared by all streams, most of which are silent most of the time.
var eventBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }} //nolint:gochecknoglobals // a pool of one stream would be none

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
