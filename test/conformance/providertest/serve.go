package providertest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// oversized is the number of bytes that Oversized sends.
const oversized = 40 << 20

// slowness is how long Slow takes: more than the resolution of a clock in milliseconds, less than every timeout.
const slowness = 200 * time.Millisecond

// Serve answers r with a fault that looks the same for every vendor. For other faults handled is false, and the fake answers in
// its vendor's format; after Slow it answers with success.
func (f Fault) Serve(w http.ResponseWriter, r *http.Request) (handled bool) {
	_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that the caller hangs up
	switch f {
	case Slow:
		select {
		case <-r.Context().Done():
		case <-time.After(slowness):
		}
		return false
	case Hang:
		<-r.Context().Done()
	case Reset:
		reset(w)
	case Malformed:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"`+BodySecret)
	case Oversized:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(oversized))
		pour(w, r, oversized)
	case Endless:
		w.Header().Set("Content-Type", "application/json")
		pour(w, r, 1<<40)
	default:
		return false
	}
	return true
}

// reset resets the connection after a part of the announced body, as a crashing proxy does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has no connection of its own to break; this resets the stream
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"data\":[\""+BodySecret)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// pour writes an unterminated JSON string of n bytes.
func pour(w io.Writer, r *http.Request, n int64) {
	chunk := bytes.Repeat([]byte("A"), 64<<10)
	copy(chunk, `{"data":"`)
	for n > 0 && r.Context().Err() == nil {
		if _, err := w.Write(chunk[:min(n, int64(len(chunk)))]); err != nil {
			return
		}
		n -= int64(len(chunk))
		copy(chunk, "AAAAAAAAA")
	}
}
