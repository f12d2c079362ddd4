package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// wire carries one event stream to its reader.
type wire interface {
	// write puts bytes on their way by the deadline, or fails for good.
	write(b []byte, deadline time.Time) error
	// hurry gives a write that is under way an earlier deadline. It may be called beside write.
	hurry(deadline time.Time)
	// watch has gone called when the reader hangs up, unless the call's context says so.
	watch(gone func())
}

// responseWire is the ordinary way: HTTP/2, HTTP/1.0, and whatever else net/http does not give away.
type responseWire struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// newResponseWire takes a w that has sent its headers.
func newResponseWire(w http.ResponseWriter) responseWire {
	return responseWire{w: w, rc: http.NewResponseController(w)}
}

// write replaces the server's deadline, which is for answers that end.
func (r responseWire) write(b []byte, deadline time.Time) error {
	if err := r.rc.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := r.w.Write(b); err != nil {
		return err
	}
	return r.rc.Flush()
}

func (responseWire) hurry(time.Time) {} // the server closes what does not end

func (responseWire) watch(func()) {}

// connWire is a connection of HTTP/1.1 that was taken over from net/http. Its answer goes out in chunks, so that a
// reader can tell the end from a break, and is the last on the connection.
type connWire struct {
	conn    net.Conn
	hangups *hangups
	watched uint64 // the key of hangups; 0: a goroutine watches, or nobody yet
}

// errNotTaken says that net/http kept the connection.
var errNotTaken = errors.New("connection can't be taken over")

// takeOver sends the headers of an answer and takes its connection. Unless it fails with errNotTaken, nothing more can
// be written to w.
func takeOver(w http.ResponseWriter, r *http.Request, hangups *hangups) (*connWire, error) {
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
	return &connWire{conn: conn, hangups: hangups}, nil
}

// headTimeout bounds the headers' way; a fresh connection has room for them.
const headTimeout = 5 * time.Second

const lastChunk = "0\r\n\r\n"

func (c *connWire) write(b []byte, deadline time.Time) error {
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

func (c *connWire) hurry(deadline time.Time) { _ = c.conn.SetWriteDeadline(deadline) }

// watch passes over what nobody should send. Where hangups can't watch the connection, a goroutine does that ends with it.
func (c *connWire) watch(gone func()) {
	if key, ok := c.hangups.watch(c.conn, gone); ok {
		c.watched = key
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

// close ends the answer properly, unless the stream came to a bad end.
func (c *connWire) close(err error) {
	if c.watched != 0 {
		c.hangups.forget(c.watched)
	}
	if !errors.Is(err, errClientGone) && !isPanic(err) {
		_ = errors.Join(c.conn.SetWriteDeadline(time.Now().Add(drainWrite)), writeAll(c.conn, []byte(lastChunk)))
	}
	_ = c.conn.Close() // the reader has everything, or is gone
}
