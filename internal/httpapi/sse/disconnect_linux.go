package sse

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
)

// disconnectWatcher tells when clients disconnect. It watches all connections with one goroutine, and has none while there
// are none: a goroutine for each would take more memory than everything else that a silent stream needs. It has an epoll
// of its own, since Go's poller tells the end of a connection only to a goroutine that reads it. The zero value is ready.
type disconnectWatcher struct {
	mu      sync.Mutex // never held while anything waits
	poller  *os.File   // of epoll; nil while no connection is watched
	epoll   int        // its descriptor
	lastKey uint64
	watched map[uint64]watched
}

// watched is a connection and what to call when its client disconnects.
type watched struct {
	conn *net.TCPConn
	gone func()
}

// watchFor is reported once (EPOLLONESHOT), so that a connection that has ended but is not closed yet is not reported again
// and again.
const watchFor = syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT

// watch has gone called, in a goroutine of its own, when conn's client disconnects. It returns the key for forget, and false
// where conn can't be watched. What the client sends is read and ignored.
func (d *disconnectWatcher) watch(conn net.Conn, gone func()) (key uint64, ok bool) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return 0, false // a layer above the descriptor, such as TLS, may be the only one to know of its end
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.poller == nil && d.open() != nil {
		return 0, false
	}
	d.lastKey++
	key = d.lastKey
	d.watched[key] = watched{conn: tcp, gone: gone}
	if d.control(syscall.EPOLL_CTL_ADD, tcp, key) != nil {
		d.drop(key)
		return 0, false
	}
	return key, true
}

// forget ends a watch. A connection has to be forgotten before it is closed.
func (d *disconnectWatcher) forget(key uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(key)
}

func (d *disconnectWatcher) drop(key uint64) {
	delete(d.watched, key)
	if len(d.watched) == 0 && d.poller != nil {
		_ = d.poller.Close() // which ends the goroutine
		d.poller, d.watched = nil, nil
	}
}

// open makes the poller. The lock is held.
func (d *disconnectWatcher) open() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // so that Go's own poller waits for it instead of a thread
		return errors.Join(err, syscall.Close(fd))
	}
	poller := os.NewFile(uintptr(fd), "epoll")
	raw, err := poller.SyscallConn()
	if err != nil {
		return errors.Join(err, poller.Close())
	}
	d.poller, d.epoll, d.watched = poller, fd, map[uint64]watched{}
	go d.run(raw)
	return nil
}

// control tells the poller about a connection. The lock is held, so that the connection is not closed meanwhile and its
// descriptor given to another.
func (d *disconnectWatcher) control(operation int, conn *net.TCPConn, key uint64) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	// The key is not the descriptor, which may be a later connection's when an event of an earlier one is read.
	event := syscall.EpollEvent{Events: watchFor, Fd: int32(uint32(key)), Pad: int32(uint32(key >> 32))}
	return errors.Join(raw.Control(func(fd uintptr) { err = syscall.EpollCtl(d.epoll, operation, int(fd), &event) }), err)
}

// run waits for events until the poller is closed.
func (d *disconnectWatcher) run(poller syscall.RawConn) {
	var events [64]syscall.EpollEvent
	for {
		n := 0
		err := poller.Read(func(fd uintptr) (done bool) {
			var err error
			n, err = syscall.EpollWait(int(fd), events[:], 0)
			return n > 0 || err != nil && !errors.Is(err, syscall.EINTR)
		})
		if err != nil {
			return
		}
		for _, event := range events[:max(n, 0)] {
			d.report(uint64(uint32(event.Fd))|uint64(uint32(event.Pad))<<32, event.Events)
		}
	}
}

// report deals with one event of the poller.
func (d *disconnectWatcher) report(key uint64, events uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w, ok := d.watched[key]
	if !ok {
		return // forgotten since
	}
	const over = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	if events&over != 0 || !discardInput(w.conn) || d.control(syscall.EPOLL_CTL_MOD, w.conn, key) != nil {
		go w.gone() // it may wait for a write that is under way
	}
}

// discardInput reads what a client sent and reports whether the client is still there.
func discardInput(conn *net.TCPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var ignored [1024]byte
	n := 0
	controlErr := raw.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), ignored[:]) })
	return controlErr == nil && (n > 0 || errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR))
}
