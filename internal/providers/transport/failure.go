package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Failure tells what err, from sending a request or reading its answer, is: the end of ctx as it is; everything else a
// Transient failure of the provider, whose text names the kind of fault and nothing that was sent or received. What a
// status of the vendor means is the adapter's to say.
func Failure(ctx context.Context, provider string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", provider, ctx.Err())
	}
	if ours, ok := errors.AsType[*providers.Error](err); ok { // of a transport of ours, such as Limit's
		return ours
	}
	reason, cause := describe(err)
	return &providers.Error{Provider: provider, Class: providers.Transient, Reason: reason, Cause: cause}
}

func describe(err error) (reason string, cause error) {
	var timeout net.Error
	switch {
	case errors.Is(err, ErrTooLarge):
		return "answer_too_large", ErrTooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout", errors.New("no answer in time")
	case errors.Is(err, syscall.ECONNREFUSED):
		return "unreachable", syscall.ECONNREFUSED
	case isDNS(err):
		return "unreachable", errors.New("its name can't be resolved")
	case isOperation(err), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "connection_broken", errors.New("the connection broke")
	}
	return "bad_answer", errors.New("the answer can't be read")
}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func isOperation(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

// ClassOf is what a status means where the vendor's own code says nothing else: 408, 425, 429 and 5xx pass, all others
// come again.
func ClassOf(status int) providers.Class {
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests,
		status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return providers.Transient
	default:
		return providers.Permanent
	}
}

// Ours tells whether a status is about our key, our bill or the address that was asked, rather than about what was sent.
func Ours(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusGone:
		return true
	default:
		return false
	}
}

// RetryAfter reads the header of that name, in seconds or as a date (RFC 9110, 10.2.3); 0: there is none. It is never
// negative.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
