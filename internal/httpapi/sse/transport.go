package sse

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// transport carries one event stream to its client.
type transport interface {
	// write sends bytes by the deadline, or fails for good.
	write(b []byte, deadline time.Time) error
	// shortenDeadline gives a write that is under way an earlier deadline. It may be called beside write.
	shortenDeadline(deadline time.Time)
	// watch has gone called when the client disconnects, unless the request's context tells.
	watch(gone func())
}

// responseTransport writes by an http.ResponseWriter: for HTTP/2, HTTP/1.0, and all other connections that net/http does
// not give away.
type responseTransport struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// newResponseTransport takes a w that has sent its headers.
func newResponseTransport(w http.ResponseWriter) responseTransport {
	return responseTransport{w: w, rc: http.NewResponseController(w)}
}

// write replaces the server's deadline, which is for answers that end.
func (r responseTransport) write(b []byte, deadline time.Time) error {
	if err := r.rc.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := r.w.Write(b); err != nil {
		return err
	}
	return r.rc.Flush()
}

func (responseTransport) shortenDeadline(time.Time) {} // the server closes what does not end

func (responseTransport) watch(func()) {}

// connTransport is a connection of HTTP/1.1 that was taken over from net/http. Its answer goes out in chunks, so that a
// client can tell the end from a break, and is the last on the connection.
type connTransport struct {
	conn        net.Conn
	connections *disconnectWatcher
	watchKey    uint64 // of connections; 0: a goroutine watches, or the watch has not begun
}

// errNotTaken says that net/http kept the connection.
var errNotTaken = errors.New("connection can't be taken over")

// takeOver sends the headers of an answer and takes its connection. Unless it fails with errNotTaken, nothing more can
// be written to w.
func takeOver(w http.ResponseWriter, r *http.Request, connections *disconnectWatcher) (*connTransport, error) {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 { // HTTP/1.0 knows no chunks
		return nil, errNotTaken
	}
	h := w.Header().Clone()
	conn, _, err := http.NewResponseController(w).Hijack()
	switch {
	case errors.Is(err, http.ErrNotSupported):
		return nil, errNotTaken
	case err != nil:
		return nil, fmt.Errorf("take connection over: %w", err)
	}
	h.Set("Connection", "close")
	h.Set("Transfer-Encoding", "chunked")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	head := bytes.NewBufferString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(head) // a buffer takes everything
	head.WriteString("\r\n")
	if err := errors.Join(conn.SetWriteDeadline(time.Now().Add(headTimeout)), writeAll(conn, head.Bytes())); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &connTransport{conn: conn, connections: connections}, nil
}

// headTimeout bounds the write of the headers; a fresh connection has room for them.
const headTimeout = 5 * time.Second

const lastChunk = "0\r\n\r\n"

func (c *connTransport) write(b []byte, deadline time.Time) error {
	if err := c.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	chunk := eventBuffers.Get().(*bytes.Buffer)
	defer eventBuffers.Put(chunk)
	chunk.Reset()
	chunk.Write(strconv.AppendInt(chunk.AvailableBuffer(), int64(len(b)), 16))
	chunk.WriteString("\r\n")
	chunk.Write(b)
	chunk.WriteString("\r\n")
	return writeAll(c.conn, chunk.Bytes())
}

func writeAll(conn net.Conn, b []byte) error {
	_, err := conn.Write(b)
	return err
}

func (c *connTransport) shortenDeadline(deadline time.Time) { _ = c.conn.SetWriteDeadline(deadline) }

// watch ignores what the client sends, which is nothing by the protocol. Where the watcher can't watch the connection, a
// goroutine does that ends with it.
func (c *connTransport) watch(gone func()) {
	if key, ok := c.connections.watch(c.conn, gone); ok {
		c.watchKey = key
		return
	}
	go func() {
		defer gone()
		ignored := make([]byte, 16)
		for {
			if _, err := c.conn.Read(ignored); err != nil {
				return
			}
		}
	}()
}

// close ends the answer properly, unless the client is gone or the stream panicked.
func (c *connTransport) close(err error) {
	if c.watchKey != 0 {
		c.connections.forget(c.watchKey)
	}
	if !errors.Is(err, ErrClientGone) && !isPanic(err) {
		_ = errors.Join(c.conn.SetWriteDeadline(time.Now().Add(drainWriteTimeout)), writeAll(c.conn, []byte(lastChunk)))
	}
	_ = c.conn.Close() // the client has everything, or is gone
}
