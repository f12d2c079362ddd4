package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// drainWrite bounds a write to a reader of a server that drains.
const drainWrite = 2 * time.Second

// streams is what all event streams of an Edge share.
type streams struct {
	heartbeat time.Duration
	write     time.Duration
	draining  atomic.Bool
	hangups   hangups

	mu      sync.Mutex // orders open before Wait
	open    sync.WaitGroup
	writers map[*eventWriter]struct{} // who is to take leave
}

func newStreams(heartbeat, write time.Duration) *streams {
	return &streams{heartbeat: heartbeat, write: write, writers: map[*eventWriter]struct{}{}}
}

func (s *streams) stopped() bool { return s.draining.Load() }

func (s *streams) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	for out := range s.writers {
		go out.takeLeave() // each at its reader's pace
	}
	clear(s.writers)
}

// join has a writer take leave when the server drains. The caller owes a leave.
func (s *streams) join(out *eventWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped() {
		go out.takeLeave()
	} else {
		s.writers[out] = struct{}{}
	}
}

func (s *streams) leave(out *eventWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writers, out)
}

// enter counts a stream, unless the server drains. Who entered owes open a Done.
func (s *streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped() {
		return false
	}
	s.open.Add(1)
	return true
}

// Wait waits until the event streams of a draining Edge have ended, which no server's Shutdown does: it does not know
// of connections that were taken over. It fails when ctx ends first.
func (e *Edge) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		e.streams.open.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("event streams did not end in time: %w", context.Cause(ctx))
	}
}

// stream answers a call with the events of call.stream. An ordinary handler keeps its goroutine, whose stack is as deep as
// all layers, two buffers of 4 kB and the request: 28 kB for a stream that is silent most of the time. So the connection
// is taken over from net/http where that can be done. Then the stream goes on after the handler has returned (detached),
// and done is told how it went; else the result is.
func (e *Edge) stream(c echo.Context, call *call, done func(ctx context.Context, err error, sent int64)) (detached bool, err error) {
	s := call.stream
	call.stream = nil
	if !e.streams.enter() {
		return false, apperr.ErrUnavailable.With(errDraining)
	}
	conn, err := takeOver(c.Response().Writer, c.Request(), &e.streams.hangups)
	switch {
	case errors.Is(err, errNotTaken):
		defer e.streams.open.Done()
		return false, e.streamAttached(c, call, s)
	case err != nil:
		e.streams.open.Done()
		return false, errClientGone
	}
	ctx := streamContext{call}
	out := &eventWriter{call: call, wire: conn, over: func(err error, sent int64) {
		defer e.streams.open.Done()
		conn.close(err)
		done(ctx, err, sent)
	}}
	out.start(ctx, s)
	return true, nil
}

// streamContext is the context of a stream that has left its handler. It is not net/http's, which ends with the handler
// and keeps the connection's; and it makes what it says when asked, since thousands wait that nobody asks.
type streamContext struct{ call *call }

// Deadline implements context.Context.
func (streamContext) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done implements context.Context.
func (streamContext) Done() <-chan struct{} { return nil }

// Err implements context.Context.
func (streamContext) Err() error { return nil }

// Value implements context.Context.
func (c streamContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c.call
	}
	return tracecontext.With(context.Background(), tracecontext.RequestID, c.call.id).Value(key)
}

// streamAttached streams for as long as the handler runs.
func (e *Edge) streamAttached(c echo.Context, call *call, s *eventStream) (err error) {
	c.Response().WriteHeader(http.StatusOK)
	ctx, over := c.Request().Context(), make(chan struct{})
	out := &eventWriter{call: call, wire: newResponseWire(c.Response().Writer)} // not Echo's own, which it uses again
	out.over = func(streamErr error, sent int64) {
		err, c.Response().Size = streamErr, sent
		close(over)
	}
	out.start(ctx, s)
	select {
	case <-over:
	case <-ctx.Done():
		out.hangUp()
		<-over
	}
	return err
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}
