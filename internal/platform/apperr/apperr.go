// Package apperr is the vocabulary of failure shared by every floor of the house: a Kind that an edge turns into a
// status or a retry, a Code that clients switch over, and a sentence for a person. It is a leaf and imports nothing
// of the project.
package apperr

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind classes a failure by what its receiver can do about it. Edges map kinds, never codes, to their own terms.
type Kind int

// The kinds. The zero value is Internal, so that a forgotten kind never tells a client anything.
const (
	Internal             Kind = iota // a defect or an unforeseen fault: logged, reported, never explained to a client
	Invalid                          // the request can't be right, now or later
	Unauthenticated                  // who is asking is not known
	Forbidden                        // who is asking is known, and may not
	NotFound                         // absent, or somebody else's, which must look the same
	Conflict                         // right in itself, but not in the present state
	RateLimited                      // too often; RetryAfter says when again
	Unavailable                      // a dependency is away; the same request may succeed later
	TooLarge                         // the body is over the limit
	UnsupportedMediaType             // the body is of a type that the operation does not read
	MethodNotAllowed                 // the path exists under other methods
)

// Error is a failure with a code from the contract. Values are declared once in a domain's errors.go and compared
// with errors.Is, which looks at the code alone; the With methods return copies, so declared values never change.
type Error struct {
	Kind       Kind
	Code       Code
	Message    string         // one sentence that may be shown to anybody; no secret, no internal name
	Details    map[string]any // JSON-encodable, shown to the client
	Fields     []Field        // the failing fields of a validation, all at once
	RetryAfter time.Duration  // 0: not stated
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

// Validation reports failing fields of a body that the spec alone can't rule out.
func Validation(fields ...Field) *Error {
	return &Error{Kind: Invalid, Code: CodeValidationFailed, Message: "Some fields need another look.", Fields: fields}
}

// Body is a failing field of the body; name is a top-level member.
func Body(name, code, message string) Field {
	return Field{Field: "/" + name, In: "body", Code: code, Message: message}
}

// Error implements error. Its text is for logs; it carries the cause, which must not hold secrets.
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

// WithMessage returns a copy with another sentence for the reader.
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
