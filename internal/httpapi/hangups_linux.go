package httpapi

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
)

// hangups tells when readers hang up. It watches all of them with one goroutine, and none while there are none: a
// goroutine for each would take more memory than everything else that a silent stream needs. The zero value is ready.
type hangups struct {
	mu      sync.Mutex // never held while anything waits
	poller  *os.File   // of epoll; nil while nobody is watched
	epoll   int        // its descriptor
	last    uint64
	watched map[uint64]watched
}

// watched is a connection and whom its end concerns.
type watched struct {
	conn *net.TCPConn
	gone func()
}

// watchFor is told of once, so that a connection that is over but not closed yet is no reason to look again and again.
const watchFor = syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT

// watch has gone called, in a goroutine of its own, when conn's reader hangs up. It returns the key to forget it by, and
// false where conn can't be watched. What the reader sends is passed over.
func (h *hangups) watch(conn net.Conn, gone func()) (key uint64, ok bool) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return 0, false // its end may be known to a layer above the descriptor alone, such as TLS
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.poller == nil && h.begin() != nil {
		return 0, false
	}
	h.last++
	key = h.last
	h.watched[key] = watched{conn: tcp, gone: gone}
	if h.control(syscall.EPOLL_CTL_ADD, tcp, key) != nil {
		h.drop(key)
		return 0, false
	}
	return key, true
}

// forget ends a watch. A connection has to be forgotten before it is closed.
func (h *hangups) forget(key uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(key)
}

func (h *hangups) drop(key uint64) {
	delete(h.watched, key)
	if len(h.watched) == 0 && h.poller != nil {
		_ = h.poller.Close() // which ends the goroutine
		h.poller, h.watched = nil, nil
	}
}

// begin opens the poller. The lock is held.
func (h *hangups) begin() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // so that Go's own poller waits for it, and no thread does
		return errors.Join(err, syscall.Close(fd))
	}
	poller := os.NewFile(uintptr(fd), "epoll")
	raw, err := poller.SyscallConn()
	if err != nil {
		return errors.Join(err, poller.Close())
	}
	h.poller, h.epoll, h.watched = poller, fd, map[uint64]watched{}
	go h.run(raw)
	return nil
}

// control tells the poller about a connection. The lock is held, so that its descriptor is not somebody else's by now.
func (h *hangups) control(operation int, conn *net.TCPConn, key uint64) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	// The key is not the descriptor, which may be a later connection's when an event of an earlier one is read.
	event := syscall.EpollEvent{Events: watchFor, Fd: int32(uint32(key)), Pad: int32(uint32(key >> 32))}
	return errors.Join(raw.Control(func(fd uintptr) { err = syscall.EpollCtl(h.epoll, operation, int(fd), &event) }), err)
}

// run waits for events until the poller is closed.
func (h *hangups) run(poller syscall.RawConn) {
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
			h.happened(uint64(uint32(event.Fd))|uint64(uint32(event.Pad))<<32, event.Events)
		}
	}
}

func (h *hangups) happened(key uint64, events uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, ok := h.watched[key]
	if !ok {
		return // forgotten since
	}
	const over = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	if events&over != 0 || !passOver(w.conn) || h.control(syscall.EPOLL_CTL_MOD, w.conn, key) != nil {
		go w.gone() // it may wait for a write that is under way
	}
}

// passOver reads what a reader sent and tells whether it is still there.
func passOver(conn *net.TCPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var ignored [1024]byte
	n := 0
	controlErr := raw.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), ignored[:]) })
	return controlErr == nil && (n > 0 || errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR))
}
