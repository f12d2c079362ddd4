//go:build redis_server

package chaos_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// link is a TCP proxy between one process and one server, which can cut, refuse and hold back connections.
type link struct {
	listener net.Listener
	target   string
	refusing atomic.Bool
	silent   atomic.Bool // accepts connections and bytes, and passes nothing on
	closed   atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{listener: listener, target: target, conns: map[net.Conn]struct{}{}}
	l.wg.Go(l.accept)
	t.Cleanup(func() {
		l.closed.Store(true)
		_ = listener.Close()
		l.cut()
		l.wg.Wait()
	})
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

func (l *link) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		if l.refusing.Load() {
			reset(conn)
			continue
		}
		l.wg.Go(func() { l.serve(conn) })
	}
}

func (l *link) serve(near net.Conn) {
	if !l.keep(near) {
		return
	}
	defer l.drop(near)
	l.awaitSound()
	far, err := net.DialTimeout("tcp", l.target, time.Second)
	if err != nil {
		return
	}
	if !l.keep(far) {
		return
	}
	defer l.drop(far)
	var back sync.WaitGroup
	back.Go(func() { l.pass(near, far) })
	l.pass(far, near)
	back.Wait()
}

// pass copies one direction until either end closes, and then closes both.
func (l *link) pass(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.awaitSound()
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				reset(to)
			}
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

func (l *link) awaitSound() {
	for l.silent.Load() && !l.closed.Load() {
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *link) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		_ = conn.Close()
		return false
	}
	l.conns[conn] = struct{}{}
	return true
}

func (l *link) drop(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = conn.Close()
	delete(l.conns, conn)
}

// cut resets all open connections.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		reset(conn)
	}
}

// reset closes a connection with a TCP reset, as a broken network does.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
