package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
)

var (
	// errNobodyWrites says that no text provider is set up.
	errNobodyWrites = errors.New("chat: no text provider")
	// errEmpty says that the vendor answered, but with nothing to read.
	errEmpty = errors.New("chat: an empty reply")
)

// verdict is what a failed attempt is worth.
type verdict struct {
	failure failure
	retry   bool
	held    bool          // our own limits stopped it: the attempt does not count
	after   time.Duration // at least; 0: not stated
}

// judge turns the failure of an attempt into what to tell the creator and what to do. What is not known is tried again:
// attempts are bounded.
func judge(err error) verdict {
	if p, ok := errors.AsType[*providers.Error](err); ok {
		switch p.Class {
		case providers.Blocked:
			return verdict{failure: failure{
				failContentBlocked, "The assistant's safety rules refused this. Put it in other words and send it again.",
			}}
		case providers.Permanent:
			if p.Ours {
				return verdict{failure: failure{
					failProviderFailed, "The assistant can't be reached, and not because of your words. Please try again later.",
				}}
			}
			return verdict{failure: failure{failProviderFailed, "The assistant can't answer this. Please put it in other words."}}
		case providers.Transient:
			return verdict{retry: true, held: p.Throttled, after: min(p.RetryAfter, maxRetryAfter), failure: failure{
				failProviderBusy, "The assistant did not answer this time. Please try again.",
			}}
		}
	}
	switch {
	case errors.Is(err, errNobodyWrites):
		return verdict{failure: failure{failModelUnavailable, "The assistant is not available here. Your message is kept."}}
	case errors.Is(err, errEmpty):
		return verdict{retry: true, failure: failure{failProviderBusy, "The assistant had nothing to say this time. Please try again."}}
	case errors.Is(err, context.DeadlineExceeded):
		return verdict{retry: true, failure: failure{failProviderBusy, "The assistant took too long. Please try again."}}
	case apperr.From(err).Kind == apperr.Unavailable:
		return verdict{retry: true, failure: failure{failInternal, "A part of our service is away for a moment. Please try again."}}
	}
	return verdict{retry: true, failure: failure{failInternal, "Something went wrong on our side. Please try again."}}
}

// maxRetryAfter bounds what a vendor may ask for; a creator is looking at the screen.
const maxRetryAfter = time.Minute

const (
	backoffBase = time.Second
	backoffMax  = 10 * time.Second
)

// Backoff is exponential with full jitter: a time between 0 and 1 s doubled with each attempt, at most 10 s. See
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
func Backoff(attempt int32) time.Duration {
	ceiling := backoffMax
	if shift := attempt - 1; shift < 4 {
		ceiling = min(backoffMax, backoffBase<<shift)
	}
	return rand.N(ceiling)
}
