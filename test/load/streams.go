// Package load measures a running program from outside with many event streams; see BenchmarkStreams.
package load

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// portsPerSource keeps below the ephemeral ports that one address has (28,232 on Linux as shipped).
const portsPerSource = 20_000

// Request says what a stream is opened with.
type Request struct {
	Path  string // with its query
	Token string // a session's
}

// Streams holds event streams open, each with one goroutine and one small buffer.
type Streams struct {
	conns   []net.Conn
	readers sync.WaitGroup
}

// Open opens a stream for each request, 32 at a time, and returns when all have received their first event. From then on it calls
// got with each event's id, from many goroutines. The caller must call [Streams.Close].
func Open(ctx context.Context, addr string, requests []Request, got func(stream int, id string, at time.Time)) (*Streams, error) {
	s := &Streams{conns: make([]net.Conn, len(requests))}
	failed := make(chan error, len(requests))
	var opening sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i, request := range requests {
		slots <- struct{}{}
		opening.Go(func() {
			defer func() { <-slots }()
			if err := s.open(ctx, i, addr, request, got); err != nil {
				failed <- err
			}
		})
	}
	opening.Wait()
	select {
	case err := <-failed:
		s.Close()
		return nil, err
	default:
		return s, nil
	}
}

// Close closes all streams.
func (s *Streams) Close() {
	for _, conn := range s.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
	s.readers.Wait()
}

func (s *Streams) open(ctx context.Context, i int, addr string, request Request, got func(int, string, time.Time)) error {
	source := net.IPv4(127, 0, 0, byte(1+i/portsPerSource))
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: source}}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	s.conns[i] = conn
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
		request.Path, addr, request.Token); err != nil {
		return fmt.Errorf("ask for stream: %w", err)
	}
	lines := bufio.NewReaderSize(conn, 512)
	status, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("open stream: %q, %w", status, err)
	}
	if _, err := nextID(lines); err != nil {
		return fmt.Errorf("first event: %w", err)
	}
	s.readers.Go(func() {
		for {
			id, err := nextID(lines)
			if err != nil {
				return
			}
			got(i, id, time.Now())
		}
	})
	return nil
}

// nextID skips to the next line with an event's id. The chunked encoding needs no decoding: only an id's line begins like one.
func nextID(lines *bufio.Reader) (string, error) {
	for begins := true; ; {
		line, more, err := lines.ReadLine()
		if err != nil {
			return "", err
		}
		if id, ok := bytes.CutPrefix(line, []byte("id: ")); begins && ok {
			return string(id), nil
		}
		begins = !more
	}
}
