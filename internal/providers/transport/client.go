// Package transport is what the vendors' adapters share about HTTP: a client that bounds answers and follows no redirect, a rate
// limit, and the failures of a connection as [*providers.Error] values that contain nothing that was sent or received.
package transport

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// ErrTooLarge says that an answer was larger than the client takes.
var ErrTooLarge = errors.New("the answer is too large")

// MaxAnswer is a good bound for answers that carry a picture in base64, in bytes: a 4K PNG of 24 MB.
const MaxAnswer = 32 << 20

// connections a host are kept open; a worker has a handful of slots.
const connections = 32

// NewClient returns a client that refuses answers of more than maxAnswer bytes with ErrTooLarge while it reads, and
// follows no redirect: no vendor's API redirects, and a key must not travel to another host. It has no time-out of its
// own, since drawing takes as long as its context allows; only reaching the vendor has one. Close its idle connections
// with CloseIdleConnections.
func NewClient(maxAnswer int64) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: bounded{max: maxAnswer, next: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: connections, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded is a transport whose answers have a largest size.
type bounded struct {
	max  int64
	next *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.ContentLength > b.max {
		_ = res.Body.Close()
		return nil, ErrTooLarge
	}
	res.Body = &boundedBody{ReadCloser: res.Body, left: b.max}
	return res, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (b bounded) CloseIdleConnections() { b.next.CloseIdleConnections() }

// boundedBody fails where io.LimitReader would quietly end.
type boundedBody struct {
	io.ReadCloser

	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, ErrTooLarge
	}
	return n, err
}
