package jobs

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
)

// errNobodyDraws says that no provider is set up for the job's model any more.
var errNobodyDraws = errors.New("jobs: no provider for the model")

// verdict is what a failed attempt is worth.
type verdict struct {
	failure failure
	retry   bool
	after   time.Duration // at least; 0: not stated
	held    bool          // by our own limits: the vendor was not asked
}

// judge turns the failure of an attempt into what to tell the creator and what to do. What is not known is tried
// again: attempts are bounded, and the credits come back.
func judge(err error) verdict {
	if v, ok := judgeSafety(err); ok {
		return v
	}
	if p, ok := errors.AsType[*providers.Error](err); ok {
		switch p.Class {
		case providers.Blocked:
			return verdict{failure: failure{
				failContentBlocked,
				"The model's safety rules refused this content. Change the words or pictures and try again; your credits are back.",
			}}
		case providers.Permanent:
			if p.Ours {
				return verdict{failure: failure{
					failProviderFailed,
					"This model failed us, and not because of your words or pictures. Your credits are back; try again later, or choose another model.",
				}}
			}
			return verdict{failure: failure{
				failProviderFailed,
				"The model can't draw this. Change the words or pictures and try again; your credits are back.",
			}}
		case providers.Transient:
			return verdict{retry: true, after: min(p.RetryAfter, maxRetryAfter), held: p.Throttled, failure: failure{
				failProviderBusy,
				"The model did not deliver this time.",
			}}
		}
	}
	switch {
	case errors.Is(err, errNobodyDraws):
		return verdict{failure: failure{failModelUnavailable, "This model is not offered any more; your credits are back."}}
	case errors.Is(err, storage.ErrMissing):
		return verdict{failure: failure{failInvalidImage, "One of your pictures is gone; your credits are back."}}
	case errors.Is(err, context.DeadlineExceeded):
		return verdict{retry: true, failure: failure{failProviderBusy, "The model took too long."}}
	case apperr.From(err).Kind == apperr.Unavailable, errors.Is(err, storage.ErrUnavailable):
		return verdict{retry: true, failure: failure{failInternal, "A part of our service is away for a moment."}}
	}
	return verdict{retry: true, failure: failure{failInternal, "Something went wrong on our side."}}
}

// judgeSafety is judge for what package safety said. Without a decision there is no drawing, but there may be one later.
func judgeSafety(err error) (v verdict, ok bool) {
	refused := apperr.From(err).Message + " Your credits are back."
	switch {
	case errors.Is(err, safety.ErrUndecided):
		v = verdict{retry: true, failure: failure{failProviderBusy, "The safety check did not answer this time."}}
		if p, ok := errors.AsType[*providers.Error](err); ok {
			v.after, v.held = min(p.RetryAfter, maxRetryAfter), p.Throttled
		}
	case errors.Is(err, safety.ErrContentBlocked):
		v = verdict{failure: failure{failContentBlocked, refused}}
	case errors.Is(err, safety.ErrFaceSwapBlocked):
		v = verdict{failure: failure{failFaceSwapBlocked, refused}}
	default:
		return verdict{}, false
	}
	return v, true
}

// maxRetryAfter bounds what a vendor may ask for; a creator is waiting.
const maxRetryAfter = 10 * time.Minute

const (
	backoffBase = 2 * time.Second
	backoffMax  = time.Minute
)

// Backoff is exponential with full jitter: a time between 0 and 2 s doubled with each attempt, at most a minute. See
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
func Backoff(attempt int32) time.Duration {
	ceiling := backoffMax
	if shift := attempt - 1; shift < 5 {
		ceiling = min(backoffMax, backoffBase<<shift)
	}
	return rand.N(ceiling)
}
