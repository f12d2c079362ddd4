package supabasefake

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Fault replaces or breaks the answer to one request, which next would have answered.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Inject queues faults for the next requests, one for each. A nil fault lets its request through.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Status answers with a bare status, as a gateway does. retryAfter above 0 goes into the header, in seconds.
func Status(code int, retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		}
		w.WriteHeader(code)
	}
}

// Answer answers with a status and a body of JSON.
func Answer(code int, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body)) // the client may be gone
	}
}

// Hang never answers.
func Hang() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http sees the client leave only once the body is read
		<-r.Context().Done()
	}
}

// Reset cuts the connection in place of an answer.
func Reset() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(w) }
}

// LoseAnswer handles the request, and cuts the connection in place of the answer.
func LoseAnswer() Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		reset(w)
	}
}

// Truncate cuts the connection half-way through the answer's body.
func Truncate() Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		full := httptest.NewRecorder()
		next.ServeHTTP(full, r)
		maps.Copy(w.Header(), full.Header())
		w.Header().Set("Content-Length", strconv.Itoa(full.Body.Len()))
		w.WriteHeader(full.Code)
		_, _ = w.Write(full.Body.Bytes()[:full.Body.Len()/2])
		_ = http.NewResponseController(w).Flush() // the half that is to arrive, arrives
		panic(http.ErrAbortHandler)               // net/http cuts the connection, and logs nothing
	}
}

// reset closes the connection with a TCP reset, where there is one.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closing then resets; a close without is as good a fault
	}
	_ = conn.Close()
}
