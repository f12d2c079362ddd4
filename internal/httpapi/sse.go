package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

// Event is one server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html). ID and Name must be
// one line.
type Event struct {
	ID   string // comes back as Last-Event-ID; "": none
	Name string // "": message
	Data any    // marshalled to JSON; a json.RawMessage is sent as it is
}

// eventStream is the answer of every operation that streams. Before run is called the headers are out, so that failures
// which deserve a status must be found before it is returned. It is called once the layers around the handler have
// returned, so that an open stream keeps none of them.
type eventStream struct {
	ctx      context.Context //nolint:containedctx // the generated interface has no other way
	run      runStream
	lifetime time.Duration // after which the stream ends and its reader comes back; 0: none
}

// runStream begins to send, until there is nothing more to say or the following is ended, and then has ended called. It
// returns at once.
type runStream = func(ctx context.Context, send func(Event) error, ended func(error)) *events.Following

// VisitStreamJobEventsResponse implements api.StreamJobEventsResponseObject.
func (s eventStream) VisitStreamJobEventsResponse(w http.ResponseWriter) error { return s.answer(w) }

// VisitStreamChatEventsResponse implements api.StreamChatEventsResponseObject.
func (s eventStream) VisitStreamChatEventsResponse(w http.ResponseWriter) error { return s.answer(w) }

// answer has the call answered with events, which begin when the handler has returned.
func (s eventStream) answer(w http.ResponseWriter) error {
	call := callFrom(s.ctx)
	if call.streams.stopped() {
		return apperr.ErrUnavailable.With(errDraining)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would keep the events to itself otherwise
	s.ctx = nil                      // the request's, which a stream outlasts
	call.stream = &s
	return nil
}

const preamble = ": connected\n\nretry: 2000\n\n"

var (
	errDraining   = errors.New("server is draining")
	errOver       = errors.New("stream is over")
	errStreamOver = errors.New("the stream has lived long enough")
)

// eventWriter writes to one reader what the stream itself, its heartbeat and the end of the server have to say. At rest
// it has neither a goroutine nor a buffer.
type eventWriter struct {
	call *call
	wire wire
	over func(err error, sent int64) // told once of the end: as of finish

	mu        sync.Mutex        // held while a write waits for the reader
	following *events.Following // what is to end when the reader goes; nil before it has begun
	pulse     *time.Timer
	until     time.Time // when the stream has lived long enough; zero: never
	sent      int64     // bytes of events and comments
	ended     bool      // nothing may be written any more
}

// start greets the reader, begins the stream and what goes on beside it: the heartbeat, which keeps the connection from
// looking dead to proxies, and the watch for the reader's end. It returns at once.
func (out *eventWriter) start(ctx context.Context, s *eventStream) {
	if err := out.raw(preamble); err != nil {
		out.finish(err)
		return
	}
	following, err := out.run(ctx, s)
	if err != nil {
		out.finish(err)
		return
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.ended {
		return
	}
	out.following = following
	if s.lifetime > 0 {
		out.until = time.Now().Add(s.lifetime)
	}
	out.pulse = time.AfterFunc(out.pause(), out.beat)
	out.call.streams.join(out)
	out.wire.watch(out.hangUp)
}

// run begins the stream, and makes an error of a panic.
func (out *eventWriter) run(ctx context.Context, s *eventStream) (following *events.Following, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return s.run(ctx, out.send, out.finish), nil
}

// pause is how long it is to the next heartbeat, or to the end of the stream.
func (out *eventWriter) pause() time.Duration {
	pause := out.call.streams.heartbeat
	if !out.until.IsZero() {
		pause = min(pause, time.Until(out.until))
	}
	return pause
}

func (out *eventWriter) beat() {
	if !out.until.IsZero() && !time.Now().Before(out.until) {
		out.end(errStreamOver)
		return
	}
	if err := out.raw(": ping\n\n"); err != nil {
		return
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if !out.ended {
		out.pulse.Reset(out.pause())
	}
}

// end ends what is followed, which leads to finish.
func (out *eventWriter) end(cause error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.following != nil {
		out.following.End(cause)
	}
}

func (out *eventWriter) hangUp() { out.end(errClientGone) }

// finish waits for a write that is under way, keeps others from beginning, and tells what came of the stream: nil, what
// it failed or panicked with, or errClientGone where the client went.
func (out *eventWriter) finish(err error) {
	out.mu.Lock()
	out.ended = true
	if out.pulse != nil {
		out.pulse.Stop()
	}
	out.mu.Unlock()
	out.call.streams.leave(out)
	if p, ok := errors.AsType[*events.PanicError](err); ok {
		err = &panicError{value: p.Value, stack: p.Stack}
	}
	switch {
	case isPanic(err):
	case errors.Is(err, errClientGone):
		err = errClientGone
	case errors.Is(err, errDraining), errors.Is(err, errStreamOver):
		err = nil
	}
	out.over(err, out.sent)
}

// takeLeave tells the reader when to come back and ends the stream. A reader that is slow now is not waited for as long
// as usual.
func (out *eventWriter) takeLeave() {
	out.wire.hurry(time.Now().Add(drainWrite))
	if err := out.raw(comeBack(out.call.id)); err == nil {
		out.end(errDraining)
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
	if out.ended {
		return errOver
	}
	timeout := out.call.streams.write
	if out.call.streams.stopped() {
		timeout = min(timeout, drainWrite)
	}
	if err := out.wire.write(b, time.Now().Add(timeout)); err != nil {
		if out.following != nil {
			out.following.End(errClientGone)
		}
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
