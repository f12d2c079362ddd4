package sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// drainWriteTimeout bounds a write to a client of a server that drains.
const drainWriteTimeout = 2 * time.Second

// Config of a [Server].
type Config struct {
	Heartbeat    time.Duration // between the comments in an idle stream
	WriteTimeout time.Duration // for a client to take one event before the stream ends
	MaxOpen      int           // streams at a time; 0: no limit
	MaxOfOwner   int           // of them, of one owner; 0: no limit
}

// Server keeps what all event streams of a process share. It is safe for concurrent use.
type Server struct {
	cfg         Config
	draining    atomic.Bool
	connections disconnectWatcher

	mu      sync.Mutex // orders open before Wait
	open    sync.WaitGroup
	total   int                       // of the streams in open
	owned   map[string]int            // of them, by owner
	writers map[*eventWriter]struct{} // of the streams that Drain ends
}

// NewServer returns a server without streams.
func NewServer(cfg Config) *Server {
	return &Server{cfg: cfg, owned: map[string]int{}, writers: map[*eventWriter]struct{}{}}
}

// NewSlot returns the slot of one request, which its context must have under [SlotKey].
func (s *Server) NewSlot() Slot { return Slot{server: s} }

// Draining reports whether Drain was called.
func (s *Server) Draining() bool { return s.draining.Load() }

// Drain ends every stream with a hint when to come back, and refuses new ones. It returns at once and may be called again.
func (s *Server) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	for out := range s.writers {
		go out.endForDrain() // each as fast as its client reads
	}
	clear(s.writers)
}

// Recheck has the streams of an owner end whose sessions have ended; "" is every owner. It returns at once.
func (s *Server) Recheck(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner != "" && s.owned[owner] == 0 {
		return
	}
	for out := range s.writers {
		if owner == "" || out.owner == owner {
			go out.recheck()
		}
	}
}

// Wait waits until the streams of a draining server have ended, which [http.Server.Shutdown] does not: it does not know of
// connections that were taken over. It fails when ctx ends first.
func (s *Server) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		s.open.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("event streams did not end in time: %w", context.Cause(ctx))
	}
}

// register has Drain end a stream. The caller owes an unregister.
func (s *Server) register(out *eventWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Draining() {
		go out.endForDrain()
	} else {
		s.writers[out] = struct{}{}
	}
}

func (s *Server) unregister(out *eventWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writers, out)
}

// What Open fails with beyond the limits.
var (
	errFull = apperr.ErrUnavailable.WithRetryAfter(retryFull).With(errors.New("as many event streams as there may be"))
	errMany = apperr.New(apperr.RateLimited, apperr.CodeRateLimited,
		"Too many event streams of this account are open. Close one of them.").WithRetryAfter(retryMany)
)

// Waiting times of clients that are refused: until other processes may have room, and until a page may have been closed.
const (
	retryFull = 5 * time.Second
	retryMany = 30 * time.Second
)

// count counts a stream of an owner, unless the server drains or there are enough. If it is counted, the caller owes a
// release.
func (s *Server) count(owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.Draining():
		return apperr.ErrUnavailable.With(errDraining)
	case s.cfg.MaxOfOwner > 0 && owner != "" && s.owned[owner] >= s.cfg.MaxOfOwner:
		return errMany
	case s.cfg.MaxOpen > 0 && s.total >= s.cfg.MaxOpen:
		return errFull
	}
	s.open.Add(1)
	s.total++
	s.owned[owner]++
	return nil
}

func (s *Server) release(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.owned[owner]--; s.owned[owner] == 0 {
		delete(s.owned, owner)
	}
	s.open.Done()
}

// Open answers a request with the stream in its slot. w is net/http's own writer, with all headers set.
//
// An ordinary handler keeps its goroutine, whose stack is as deep as all layers, two buffers of 4 kB and the request: 28 kB
// for a stream that is silent most of the time. So the connection is taken over from net/http where that can be done. Then
// the stream goes on after the handler has returned (detached), with ctx as its context, and done is called once with how
// it ended and the bytes that it sent. Otherwise Open returns when the stream has ended, with the same results.
//
// A stream ends with nil, with [ErrClientGone], with what it failed with, or with an *events.PanicError.
func (s *Slot) Open(
	ctx context.Context, w http.ResponseWriter, r *http.Request, done func(err error, sent int64),
) (detached bool, sent int64, err error) {
	server, opened, owner, alive := s.server, s.stream, s.Owner, s.Alive
	s.stream = nil
	if err := server.count(owner); err != nil {
		return false, 0, err
	}
	conn, err := takeOver(w, r, &server.connections)
	switch {
	case errors.Is(err, errNotTaken):
		defer server.release(owner)
		sent, err = server.serveAttached(w, r, opened, owner, alive)
		return false, sent, err
	case err != nil:
		server.release(owner)
		return false, 0, ErrClientGone
	}
	out := &eventWriter{server: server, transport: conn, owner: owner, alive: alive, done: func(err error, sent int64) {
		defer server.release(owner)
		conn.close(err)
		done(err, sent)
	}}
	out.start(ctx, opened)
	return true, 0, nil
}

// serveAttached streams for as long as the handler runs.
func (s *Server) serveAttached(
	w http.ResponseWriter, r *http.Request, opened *stream, owner string, alive func(context.Context) bool,
) (sent int64, err error) {
	w.WriteHeader(http.StatusOK)
	ended := make(chan struct{})
	out := &eventWriter{server: s, transport: newResponseTransport(w), owner: owner, alive: alive}
	out.done = func(streamErr error, streamSent int64) {
		err, sent = streamErr, streamSent
		close(ended)
	}
	out.start(context.WithoutCancel(r.Context()), opened)
	select {
	case <-ended:
	case <-r.Context().Done():
		out.disconnected()
		<-ended
	}
	return sent, err
}
