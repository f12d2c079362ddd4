// Package apperr defines the errors that all packages share. An [Error] has a [Kind], from which the HTTP edge makes a status
// and a worker a retry decision; a [Code] for client programs; and a message for a person. Errors without an *Error in their
// chain count as internal ([From]): they are logged, and a client learns nothing of them.
//
// The package imports nothing else of the project.
package apperr

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind classifies a failure by what the receiver can do about it. The HTTP edge and the workers decide by the kind, never by
// the code.
type Kind int

// The kinds. The zero value is Internal, so that an error with a forgotten kind tells a client nothing.
const (
	Internal             Kind = iota // a defect or an unforeseen fault: logged and reported, never explained to a client
	Invalid                          // the request is wrong, now and later
	Unauthenticated                  // the client is not known
	Forbidden                        // the client is known, and may not do this
	NotFound                         // absent, or another account's, which must look the same
	Conflict                         // the request is right, but not in the present state
	RateLimited                      // too many requests; RetryAfter says when to try again
	Unavailable                      // a dependency is away; the same request may succeed later
	Timeout                          // the body did not arrive in time
	TooLarge                         // the body is over the limit
	UnsupportedMediaType             // the body is of a type that the operation does not read
	MethodNotAllowed                 // the path exists under other methods
)

// Error is a failure with a code from the API's contract. A domain declares its errors once, in its errors.go. Compare them
// with [errors.Is], which looks at the code only. The With methods return copies, so declared errors never change.
type Error struct {
	Kind       Kind
	Code       Code
	Message    string         // one sentence that clients may show; no secret, no internal name
	Details    map[string]any // JSON-encodable, shown to the client
	Fields     []Field        // the failing fields, all at once
	RetryAfter time.Duration  // when the client may try again; 0: not stated
	cause      error
}

// Field is one failing field of a request.
type Field struct {
	Field   string `json:"field"`   // JSON pointer into the body ("/dob"), or the parameter's name
	In      string `json:"in"`      // body, query, path or header
	Code    string `json:"code"`    // the rule that failed, such as min_length or required
	Message string `json:"message"` // what to do about it
}

// New declares an error.
func New(kind Kind, code Code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Validation returns an error for fields that satisfy the spec and still are wrong.
func Validation(fields ...Field) *Error {
	return &Error{Kind: Invalid, Code: CodeValidationFailed, Message: "Some fields need another look.", Fields: fields}
}

// Body returns a failing field of the body; name is a member at the top level.
func Body(name, code, message string) Field {
	return Field{Field: "/" + name, In: "body", Code: code, Message: message}
}

// Error implements error. The text is for logs. It contains the cause, which must not contain secrets.
func (e *Error) Error() string {
	if e.cause == nil {
		return string(e.Code)
	}
	return fmt.Sprintf("%s: %v", e.Code, e.cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := errors.AsType[*Error](target)
	return ok && t.Code == e.Code
}

// With returns a copy that wraps cause.
func (e *Error) With(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithMessage returns a copy with another message.
func (e *Error) WithMessage(message string) *Error {
	c := *e
	c.Message = message
	return &c
}

// WithDetail returns a copy with one more detail.
func (e *Error) WithDetail(key string, value any) *Error {
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = map[string]any{}
	}
	c.Details[key] = value
	return &c
}

// WithFields returns a copy that names the failing fields.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// WithRetryAfter returns a copy that says how long to wait.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// From returns the *Error in err's chain, or an internal one that wraps err.
func From(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return ErrInternal.With(err)
}
