package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/apperr"
	"github.com/mugshot-studio/backend/internal/trail"
)

// drainWrite bounds a write to a reader of a server that drains.
const drainWrite = 2 * time.Second

// streams is what all event streams of an Edge share.
type streams struct {
	heartbeat time.Duration
	write     time.Duration
	draining  atomic.Bool

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
	ctx, run := c.Request().Context(), call.stream
	if !e.streams.enter() {
		return false, apperr.ErrUnavailable.With(errDraining)
	}
	out := &eventWriter{call: call}
	conn, err := takeOver(c.Response().Writer, c.Request())
	switch {
	case errors.Is(err, errNotTaken):
		defer e.streams.open.Done()
		c.Response().WriteHeader(http.StatusOK)
		out.wire = newResponseWire(c.Response().Writer) // not Echo's own, which it uses again
		if ctx, err = out.begin(ctx); err == nil {
			err = out.serve(ctx, run)
		}
		c.Response().Size = out.sent
		return false, err
	case err != nil:
		e.streams.open.Done()
		return false, errClientGone
	}
	out.wire = conn
	// Not net/http's, which ends with its handler and keeps the connection's.
	outlasting := withCall(trail.With(context.Background(), trail.RequestID, call.id), call)
	begun, failed := out.begin(outlasting)
	go func() {
		defer e.streams.open.Done()
		err := failed
		if err == nil {
			err = out.serve(begun, run)
		}
		conn.close(err)
		done(outlasting, err, out.sent)
	}()
	return true, nil
}

// begin greets the reader and starts what goes on beside the stream: the heartbeat, which keeps the connection from looking
// dead to proxies, and the watch for the reader's end. Unless it fails, the caller owes a serve, with the context that it
// returns. It stands apart from serve because writing needs more stack than a goroutine begins with, and what has grown
// once stays so while the stream waits.
func (out *eventWriter) begin(ctx context.Context) (context.Context, error) {
	ctx, out.cancel = context.WithCancelCause(ctx)
	if err := out.raw(preamble); err != nil {
		return ctx, err
	}
	out.mu.Lock()
	out.pulse = time.AfterFunc(out.call.streams.heartbeat, out.beat)
	out.mu.Unlock()
	out.call.streams.join(out)
	out.wire.watch(func() { out.cancel(errClientGone) })
	return ctx, nil
}

// serve sends events until run returns, the client goes away or the server drains. It returns what run failed with or
// panicked with, errClientGone where the client went, or nil.
func (out *eventWriter) serve(ctx context.Context, run runStream) error {
	err := out.protected(ctx, run)
	cause := context.Cause(ctx)
	out.call.streams.leave(out)
	out.end()
	switch {
	case isPanic(err):
		return err
	case errors.Is(err, errClientGone), errors.Is(cause, errClientGone):
		return errClientGone
	case errors.Is(cause, errDraining):
		return nil
	}
	return err
}

// protected is protect without its two frames, which would lie on every waiting stack.
func (out *eventWriter) protected(ctx context.Context, run runStream) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return run(ctx, out.send)
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}
