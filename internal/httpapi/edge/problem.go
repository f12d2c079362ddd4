package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/httpapi/sse"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// errClientGone says that the client of an answer is gone. It is no failure of the server.
var errClientGone = sse.ErrClientGone

// statusClientGone is nginx's convention for logs; no client receives it. The connection of such a call is cut.
const statusClientGone = 499

var (
	errNoRoute = apperr.ErrNotFound
	errMethod  = apperr.New(apperr.MethodNotAllowed, apperr.CodeMethodNotAllowed, "This path does not answer that method; see Allow.")
	errRequest = apperr.New(apperr.Invalid, apperr.CodeValidationFailed, "The request is not one that this operation takes.")
)

// statuses is the one place where a kind of failure becomes a status.
var statuses = map[apperr.Kind]int{
	apperr.Invalid:              http.StatusBadRequest,
	apperr.Unauthenticated:      http.StatusUnauthorized,
	apperr.Forbidden:            http.StatusForbidden,
	apperr.NotFound:             http.StatusNotFound,
	apperr.MethodNotAllowed:     http.StatusMethodNotAllowed,
	apperr.Timeout:              http.StatusRequestTimeout,
	apperr.Conflict:             http.StatusConflict,
	apperr.TooLarge:             http.StatusRequestEntityTooLarge,
	apperr.UnsupportedMediaType: http.StatusUnsupportedMediaType,
	apperr.RateLimited:          http.StatusTooManyRequests,
	apperr.Internal:             http.StatusInternalServerError,
	apperr.Unavailable:          http.StatusServiceUnavailable,
}

// failure is how a call went wrong, for the access log. The zero value means that it did not.
type failure struct {
	status int
	code   apperr.Code
	err    error         // as it came up, with its cause
	answer *apperr.Error // what the client is sent; nil: it is gone, and its connection is cut
}

// panicError is what a handler's panic becomes.
type panicError struct {
	value any
	stack []byte
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// aborts reports whether the panic is net/http's own way of cutting a connection.
func (p *panicError) aborts() bool {
	err, ok := p.value.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// fail answers with the error envelope. Its caller logs the failure that it leaves in the call.
func (e *Edge) fail(c echo.Context, err error) {
	r, w, call := c.Request(), c.Response(), callOf(c)
	if lost(r, err) {
		err = errClientGone
	}
	e.recordFailure(r.Context(), call, err)
	status, problem := call.failure.status, call.failure.answer
	if problem == nil || w.Committed { // too late: the answer that was begun ends here
		return
	}
	h := w.Header()
	setProblemHeaders(h, status, problem, call.token)
	h.Set("Content-Type", jsonMediaType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(envelope(problem)) // a client that is gone is not logged
	}
}

// lost reports whether err is that nothing can be sent to the client of r any more: a connection that is known by the
// address of its other end.
func lost(r *http.Request, err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "write" && failed.Addr != nil && failed.Addr.String() == r.RemoteAddr
}

// recordFailure leaves in the call what an error means, and reports it where it is the server's.
func (e *Edge) recordFailure(ctx context.Context, call *call, err error) {
	p, panicked := errors.AsType[*panicError](err)
	if panicked && p.aborts() || !panicked && errors.Is(err, errClientGone) {
		call.failure = failure{status: statusClientGone, err: err}
		return
	}
	problem := classify(err)
	status, ok := statuses[problem.Kind]
	if !ok || problem.Kind == apperr.Internal {
		// An internal error explains nothing, whatever its author put into it.
		status, problem = http.StatusInternalServerError, apperr.ErrInternal
	}
	call.failure = failure{status: status, code: problem.Code, err: err, answer: problem}
	if status >= http.StatusInternalServerError && e.cfg.Report != nil {
		e.cfg.Report(ctx, err)
	}
}

// classify finds the apperr value in what a layer returned. Unknown errors are internal.
func classify(err error) *apperr.Error {
	if own, ok := errors.AsType[*apperr.Error](err); ok {
		return own
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return apperr.ErrTooLarge
	}
	if unfit, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// The schema let a value pass that its Go type can't hold.
		path := pointer(strings.FieldsFunc(unfit.Field, func(r rune) bool { return r == '.' }))
		return apperr.Validation(apperr.Field{Field: path, In: inBody, Code: codeType, Message: "does not fit"})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return apperr.ErrUnavailable
	}
	if he, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch he.Code {
		case http.StatusNotFound:
			return errNoRoute
		case http.StatusMethodNotAllowed:
			return errMethod
		case http.StatusRequestEntityTooLarge:
			return apperr.ErrTooLarge
		case http.StatusUnsupportedMediaType:
			return errMediaType
		case http.StatusBadRequest: // the generated code could not bind a parameter
			return errRequest
		}
	}
	return apperr.ErrInternal
}

// minRetryAfter is sent where a temporary failure does not say how long it lasts.
const minRetryAfter = time.Second

func setProblemHeaders(h http.Header, status int, problem *apperr.Error, token bool) {
	switch status {
	case http.StatusRequestTimeout: // RFC 9110, 15.5.9: what is left of the body may still come
		h.Set("Connection", "close")
	case http.StatusUnauthorized: // RFC 6750, 3: no error code where no token was presented
		challenge := `Bearer realm="mugshot"`
		if token && problem.Code == apperr.CodeUnauthenticated {
			challenge += `, error="invalid_token"`
		}
		h.Set("WWW-Authenticate", challenge)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", seconds(max(problem.RetryAfter, minRetryAfter)))
	}
}

// seconds rounds up: a client that comes back too early would be refused again.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

type errorEnvelope struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    apperr.Code    `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details,omitempty"`
}

func envelope(p *apperr.Error) []byte {
	details := p.Details
	if len(p.Fields) > 0 {
		if details = maps.Clone(details); details == nil {
			details = map[string]any{}
		}
		details["fields"] = p.Fields
	}
	body, err := json.Marshal(errorEnvelope{errorBody{p.Code, p.Message, details}})
	if err != nil { // details that JSON can't hold are a defect, but no reason for an empty answer
		body, _ = json.Marshal(errorEnvelope{errorBody{p.Code, p.Message, nil}})
	}
	return append(body, '\n')
}
