package providertest

import (
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Fault is a failure of a fake vendor. The zero value is none.
type Fault string

// The faults. A fake answers with them in its vendor's own format; those that look the same for every vendor it leaves to
// [Fault.Serve].
const (
	None                Fault = ""
	Slow                Fault = "slow"                          // a good answer, later
	TooManyRequests     Fault = "too many requests, come later" // 429 that asks for RetryDelay, in the vendor's format
	TooManyRequestsBare Fault = "too many requests"             // 429 that does not say when
	InternalError       Fault = "internal error"                // 500
	Unavailable         Fault = "unavailable"                   // 503
	BadKey              Fault = "bad key"                       // 401 or 403
	BadRequest          Fault = "bad request"                   // the vendor's code for a request that it will never accept
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
	Endless             Fault = "endless"                       // bytes for as long as the caller reads
	ExpiredURL          Fault = "expired url"                   // the address of the result has expired; for vendors that give addresses
)

// RetryDelay is the delay that [TooManyRequests] asks for.
const RetryDelay = 21 * time.Second

// Texts that no error may contain. Fakes write BodySecret into all their messages, and accept Key.
const (
	Key          = "key-under-test-7Hq2"
	BodySecret   = "vendor-text-under-test-9Xw4"
	PromptSecret = "prompt-under-test-3Kd8"
)

// all lists the faults that every vendor over HTTP can have.
func all() []Fault {
	return []Fault{
		TooManyRequests, TooManyRequestsBare, InternalError, Unavailable, BadKey, BadRequest, UnknownModel, Reset,
		Malformed, Empty, BlockedBefore, BlockedAfter, WrongType, WrongFormat, Oversized, Endless,
	}
}

// class returns the error class that a provider must report for a fault. A picture that can't be used is transient, since the
// next attempt draws another one; attempts are bounded.
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
