package providertest

import (
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Fault is what a fake vendor does wrong. The zero value is a vendor that works.
type Fault string

// The faults. A fake speaks them in its vendor's own format; those that are the same for everybody it leaves to Serve.
const (
	None                Fault = ""
	Slow                Fault = "slow"                          // a good answer, later
	TooManyRequests     Fault = "too many requests, come later" // 429 that asks for RetryDelay, in the vendor's own way
	TooManyRequestsBare Fault = "too many requests"             // 429 that does not say when
	InternalError       Fault = "internal error"                // 500
	Unavailable         Fault = "unavailable"                   // 503
	BadKey              Fault = "bad key"                       // 401 or 403
	BadRequest          Fault = "bad request"                   // the vendor's word for a request that it will never take
	UnknownModel        Fault = "unknown model"                 // 404
	Hang                Fault = "hang"                          // no answer for as long as the caller waits
	Reset               Fault = "reset"                         // the connection breaks within the answer
	Malformed           Fault = "malformed"                     // a good status, and half a JSON
	Empty               Fault = "empty"                         // a good answer without any picture
	BlockedBefore       Fault = "blocked before"                // safety refuses the prompt
	BlockedAfter        Fault = "blocked after"                 // safety withholds the picture
	WrongType           Fault = "wrong type"                    // a page of HTML in place of a picture
	WrongFormat         Fault = "wrong format"                  // GIF bytes that claim to be PNG
	Oversized           Fault = "oversized"                     // 40 MB, as announced
	Endless             Fault = "endless"                       // bytes for as long as somebody reads
	ExpiredURL          Fault = "expired url"                   // the address of the result has expired; for vendors that give addresses
)

// RetryDelay is what TooManyRequests asks for.
const RetryDelay = 21 * time.Second

// What no error may hold. Fakes write BodySecret into every message of theirs, and take Key.
const (
	Key          = "key-under-test-7Hq2"
	BodySecret   = "vendor-text-under-test-9Xw4"
	PromptSecret = "prompt-under-test-3Kd8"
)

// all are the faults that every vendor over HTTP can have.
func all() []Fault {
	return []Fault{
		TooManyRequests, TooManyRequestsBare, InternalError, Unavailable, BadKey, BadRequest, UnknownModel, Reset,
		Malformed, Empty, BlockedBefore, BlockedAfter, WrongType, WrongFormat, Oversized, Endless,
	}
}

// class is what a fault has to end as. A picture that can't be used is worth another try, since the next one will be
// another picture; attempts are bounded.
func (f Fault) class() providers.Class {
	switch f {
	case BlockedBefore, BlockedAfter:
		return providers.Blocked
	case BadKey, BadRequest, UnknownModel:
		return providers.Permanent
	default:
		return providers.Transient
	}
}
