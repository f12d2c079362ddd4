package sse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

const preamble = ": connected\n\nretry: 2000\n\n"

// eventWriter writes to one client: the events of a stream, its heartbeat, and the hint when the server drains. Between
// two of them it has neither a goroutine nor a buffer.
type eventWriter struct {
	server    *Server
	transport transport
	done      func(err error, sent int64) // called once, by finish
	owner     string
	alive     func(context.Context) bool // nil: it is

	mu        sync.Mutex        // held while a write waits for the client
	following *events.Following // to be ended when the client disconnects; nil before it has begun
	timer     *time.Timer       // of the heartbeat
	until     time.Time         // when the lifetime is over; zero: never
	sent      int64             // bytes of events and comments
	ended     bool              // nothing may be written any more
}

// start greets the client, begins the stream and what goes on beside it: the heartbeat, which keeps the connection from
// looking dead to proxies, and the watch for the client's end. It returns at once.
func (out *eventWriter) start(ctx context.Context, s *stream) {
	if err := out.writeText(preamble); err != nil {
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
	out.timer = time.AfterFunc(out.untilHeartbeat(), out.heartbeat)
	out.server.register(out)
	out.transport.watch(out.disconnected)
}

// run begins the stream, and makes an error of a panic.
func (out *eventWriter) run(ctx context.Context, s *stream) (following *events.Following, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &events.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return s.run(ctx, out.send, out.finish), nil
}

// untilHeartbeat is how long it is to the next heartbeat, or to the end of the stream.
func (out *eventWriter) untilHeartbeat() time.Duration {
	interval := out.server.cfg.Heartbeat
	if !out.until.IsZero() {
		interval = min(interval, time.Until(out.until))
	}
	return interval
}

func (out *eventWriter) heartbeat() {
	if !out.until.IsZero() && !time.Now().Before(out.until) {
		out.end(errLifetime)
		return
	}
	if !out.recheck() {
		return
	}
	if err := out.writeText(": ping\n\n"); err != nil {
		return
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if !out.ended {
		out.timer.Reset(out.untilHeartbeat())
	}
}

// recheckTimeout bounds the question whether a session is alive.
const recheckTimeout = 10 * time.Second

// recheck ends the stream if its session has ended, and reports whether it goes on.
func (out *eventWriter) recheck() bool {
	if out.alive == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), recheckTimeout) // of no request: the stream outlives its own
	defer cancel()
	if out.alive(ctx) {
		return true
	}
	out.end(errSession)
	return false
}

// end ends what is followed, which leads to finish.
func (out *eventWriter) end(cause error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.following != nil {
		out.following.End(cause)
	}
}

func (out *eventWriter) disconnected() { out.end(ErrClientGone) }

// finish waits for a write that is under way, keeps others from beginning, and reports how the stream ended (see
// [Slot.Open]).
func (out *eventWriter) finish(err error) {
	out.mu.Lock()
	out.ended = true
	if out.timer != nil {
		out.timer.Stop()
	}
	out.mu.Unlock()
	out.server.unregister(out)
	switch {
	case isPanic(err):
	case errors.Is(err, ErrClientGone):
		err = ErrClientGone
	case errors.Is(err, errDraining), errors.Is(err, errLifetime), errors.Is(err, errSession):
		err = nil
	}
	out.done(err, out.sent)
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*events.PanicError](err)
	return ok
}

// endForDrain tells the client when to come back and ends the stream. A client that is slow now is not waited for as long
// as usual.
func (out *eventWriter) endForDrain() {
	out.transport.shortenDeadline(time.Now().Add(drainWriteTimeout))
	// The clients of a draining server come back over four seconds, so that they don't fall on the others at once.
	if err := out.writeText(fmt.Sprintf("retry: %d\n\n", 1000+rand.IntN(4000))); err == nil {
		out.end(errDraining)
	}
}

// send writes one event. It fails with [ErrClientGone] where the client is gone, or with a marshalling error.
func (out *eventWriter) send(e Event) error {
	b := eventBuffers.Get().(*bytes.Buffer)
	defer eventBuffers.Put(b)
	b.Reset()
	if err := e.write(b); err != nil {
		return err
	}
	return out.write(b.Bytes())
}

func (out *eventWriter) writeText(s string) error { return out.write([]byte(s)) }

// write gives bytes to the transport. A transport that failed once is the end of the stream, whatever was written.
func (out *eventWriter) write(b []byte) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.ended {
		return errOver
	}
	timeout := out.server.cfg.WriteTimeout
	if out.server.Draining() {
		timeout = min(timeout, drainWriteTimeout)
	}
	if err := out.transport.write(b, time.Now().Add(timeout)); err != nil {
		if out.following != nil {
			out.following.End(ErrClientGone)
		}
		return ErrClientGone
	}
	out.sent += int64(len(b))
	return nil
}

// eventBuffers are shared by all streams, most of which are silent most of the time.
var eventBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }} //nolint:gochecknoglobals // a pool of one stream would be none
