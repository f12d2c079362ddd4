package supabasefake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"
)

// sendTimeout bounds what Send waits for.
const sendTimeout = time.Minute

// Serve listens on a port of its own until stop is called.
func (s *Server) Serve() (url string, stop func()) {
	server := httptest.NewServer(s)
	return server.URL, server.Close
}

// Send sends a file to the address of an upload, as a client does, and returns the status.
func Send(ctx context.Context, method, url string, headers map[string]string, file []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(file))
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	client := http.Client{Timeout: sendTimeout}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send a file: %w", err)
	}
	return res.StatusCode, res.Body.Close()
}

// HoldBody lets a request begin and reads none of its body until open is called. reached is closed when the body is to be
// read: then the server has looked whether there is an object of the name.
func HoldBody() (fault Fault, reached <-chan struct{}, open func()) {
	held := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		held.ReadCloser, r.Body = r.Body, held
		next.ServeHTTP(w, r)
	}, held.reached, func() { close(held.open) }
}

// gate is a body of which nothing is read until it opens.
type gate struct {
	io.ReadCloser
	reached, open chan struct{}
	waited        bool
}

// Read implements io.Reader.
func (g *gate) Read(p []byte) (int, error) {
	if !g.waited {
		g.waited = true
		close(g.reached)
		<-g.open
	}
	return g.ReadCloser.Read(p)
}
