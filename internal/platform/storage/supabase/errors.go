package supabase

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

var (
	errTooLong    = errors.New("the answer is too long")
	errUnexpected = errors.New("the answer is not of the form expected")
)

// failure is the error of a call, in a fixed vocabulary. It contains neither the server's text nor the transport's, which may
// quote a URL with its token or a header. It does not wrap them either, since error reporters print each error of a chain.
type failure struct {
	doing      string
	kind       error // one of package storage's; nil: a defect
	reason     string
	retryAfter time.Duration // as the server asked for; 0: it did not
}

// Error implements error.
func (f *failure) Error() string {
	if f.kind == nil {
		return fmt.Sprintf("supabase storage: %s: %s", f.doing, f.reason)
	}
	return fmt.Sprintf("supabase storage: %s: %v (%s)", f.doing, f.kind, f.reason)
}

// Unwrap returns the kind, and tells backoff.Retry how long to wait.
func (f *failure) Unwrap() []error {
	var chain []error
	if f.kind != nil {
		chain = append(chain, f.kind)
	}
	if f.retryAfter > 0 {
		chain = append(chain, &backoff.RetryAfterError{Duration: f.retryAfter})
	}
	return chain
}

// kinds maps the server's error codes (src/internal/errors/codes.ts of supabase/storage) to ours.
var kinds = map[string]error{
	"NoSuchKey":             storage.ErrMissing,
	"NoSuchBucket":          storage.ErrNoBucket,
	"KeyAlreadyExists":      storage.ErrExists,
	"BucketAlreadyExists":   storage.ErrExists,
	"ResourceAlreadyExists": storage.ErrExists,
	"AccessDenied":          storage.ErrForbidden,
	"InvalidJWT":            storage.ErrForbidden,
	"InvalidSignature":      storage.ErrForbidden,
	"SignatureDoesNotMatch": storage.ErrForbidden,
	"ExpiredToken":          storage.ErrForbidden,
	"EntityTooLarge":        storage.ErrTooLarge,
	"InvalidMimeType":       storage.ErrUnsupportedType,
	"InvalidKey":            storage.ErrInvalidName,
	"InvalidBucketName":     storage.ErrInvalidName,
	"SlowDown":              storage.ErrUnavailable,
	"ResourceLocked":        storage.ErrUnavailable,
	"LockTimeout":           storage.ErrUnavailable,
	"DatabaseTimeout":       storage.ErrUnavailable,
	"DatabaseReadOnly":      storage.ErrUnavailable,
	"InternalError":         storage.ErrUnavailable,
}

// codePattern matches what can be an error code of the server and can't be a secret.
var codePattern = regexp.MustCompile(`^[A-Za-z]{1,40}$`)

// answerError reads an error answer and closes it. It decides by the body's code; else by the body's status, since old servers
// send no code; else by the HTTP status, which is the gateway's where the body has neither.
func answerError(doing string, res *http.Response) error {
	var body struct {
		StatusCode json.Number `json:"statusCode"` // quoted or not
		Error      string      `json:"error"`
		Code       string      `json:"code"`
	}
	text, err := readAll(res)
	if err != nil || json.Unmarshal(text, &body) != nil {
		body.StatusCode, body.Error, body.Code = "", "", ""
	}
	f := &failure{doing: doing, reason: fmt.Sprintf("status %d", res.StatusCode), retryAfter: retryAfter(res.Header)}
	if codePattern.MatchString(body.Code) {
		f.reason = fmt.Sprintf("status %d, code %s", res.StatusCode, body.Code)
	}
	if f.kind = kinds[body.Code]; f.kind != nil {
		return f
	}
	status, err := strconv.Atoi(body.StatusCode.String())
	if err != nil {
		status = res.StatusCode
		if status == http.StatusNotFound {
			return f // of a wrong host or route: it does not mean that an object is gone
		}
	}
	f.kind = kindOf(status)
	if body.Error == "Bucket not found" {
		f.kind = storage.ErrNoBucket
	}
	return f
}

func kindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return storage.ErrForbidden
	case status == http.StatusNotFound:
		return storage.ErrMissing
	case status == http.StatusConflict:
		return storage.ErrExists
	case status == http.StatusRequestEntityTooLarge:
		return storage.ErrTooLarge
	case status == http.StatusUnsupportedMediaType:
		return storage.ErrUnsupportedType
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return storage.ErrUnavailable
	default:
		return nil
	}
}

// retryAfter reads Retry-After in seconds, the only form that gateways send.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// transportError returns the error of a call without an answer, or with one that could not be read.
func transportError(doing string, err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	if errors.Is(err, storage.ErrBody) {
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err // without the URL
		}
		return fmt.Errorf("supabase storage: %s: %w", doing, err)
	}
	return &failure{doing: doing, kind: storage.ErrUnavailable, reason: reason(err)}
}

// reason describes an error in a fixed vocabulary.
func reason(err error) string {
	network, isNetwork := errors.AsType[net.Error](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	_, isType := errors.AsType[*json.UnmarshalTypeError](err)
	_, isSyntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), isNetwork && network.Timeout():
		return "timed out"
	case isDNS:
		return "host not found"
	case isTLS:
		return "certificate not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost"
	case errors.Is(err, errTooLong):
		return errTooLong.Error()
	case isType, isSyntax, errors.Is(err, errUnexpected):
		return errUnexpected.Error()
	default:
		return fmt.Sprintf("transport failure of type %T", innermost(err))
	}
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
