package transport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Permit asks for permission to send one request now. wait is 0 if it is given, else how long until it is worth asking again.
type Permit func(ctx context.Context) (wait time.Duration, err error)

// MaxWait is how long a request waits for permission before it fails. A job that was drawn in part would be drawn anew, so
// that a few seconds are cheaper than another attempt.
const MaxWait = 20 * time.Second

// Limit makes each request of client with a body, which is one that has something made, wait for leave. One that would
// wait beyond MaxWait fails with a Throttled [*providers.Error]; so it does while permit fails, since the vendor's limits hold
// all the same.
func Limit(client *http.Client, provider string, permit Permit) *http.Client {
	limited := *client
	limited.Transport = limitedTransport{RoundTripper: client.Transport, provider: provider, permit: permit}
	return &limited
}

type limitedTransport struct {
	http.RoundTripper

	provider string
	permit   Permit
}

// RoundTrip implements http.RoundTripper.
func (l limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		if err := l.wait(r.Context()); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // as the contract of a RoundTripper asks
			}
			return nil, err
		}
	}
	return l.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (l limitedTransport) CloseIdleConnections() {
	if t, ok := l.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

func (l limitedTransport) wait(ctx context.Context) error {
	throttled := func(after time.Duration, cause error) error {
		return &providers.Error{
			Provider: l.provider, Class: providers.Transient, Reason: "held_by_rate_limit", RetryAfter: after, Cause: cause, Throttled: true,
		}
	}
	for waited := time.Duration(0); ; {
		wait, err := l.permit(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return throttled(unknownWait, errors.New("the counters are away"))
		case wait <= 0:
			return nil
		case waited+wait > MaxWait:
			return throttled(wait, errors.New("too many requests of ours"))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		waited += wait
	}
}

// unknownWait is when to ask again while the counters are away: about the time that a fail-over takes.
const unknownWait = 5 * time.Second
