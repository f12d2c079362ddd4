package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// maxRetryAfter bounds the wait that a vendor may ask for; a creator is waiting.
const maxRetryAfter = 10 * time.Minute

// The back-off after an attempt: up to 2 s after the first, up to a minute after the sixth.
const (
	backoffBase = 2 * time.Second
	backoffMax  = time.Minute
)

// Classify implements [task.Kind]: it turns the error of an attempt into what to do and what to tell the creator. What it
// does not know is tried again: attempts are bounded, and the credits come back.
func (*Renderer) Classify(err error) task.Decision {
	d := classify(err)
	d.OwnersFault = isOwnersFault(d.Code)
	return d
}

// isOwnersFault tells whether the job's owner has to mend a failure, so that no operator need look.
func isOwnersFault(code string) bool {
	return code == failContentBlocked || code == failFaceSwapBlocked || code == failInvalidImage
}

func classify(err error) task.Decision {
	if d, ok := classifySafety(err); ok {
		return d
	}
	if p, ok := errors.AsType[*providers.Error](err); ok {
		if d, ok := classifyProvider(p); ok {
			return d
		}
	}
	switch {
	case errors.Is(err, errNoProvider):
		return task.Decision{Code: failModelUnavailable, Message: "This model is not offered any more; your credits are back."}
	case errors.Is(err, errPictureChanged):
		return task.Decision{
			Code:    failInvalidImage,
			Message: "One of your pictures is not the one that was checked. Please upload it again; your credits are back.",
		}
	case errors.Is(err, storage.ErrMissing), errors.Is(err, errPictureGone):
		return task.Decision{Code: failInvalidImage, Message: "One of your pictures is gone; your credits are back."}
	case errors.Is(err, context.DeadlineExceeded):
		return task.Decision{Retry: true, Code: failProviderBusy, Message: "The model took too long."}
	case apperr.From(err).Kind == apperr.Unavailable, errors.Is(err, storage.ErrUnavailable):
		return task.Decision{Retry: true, Code: failInternal, Message: "A part of our service is away for a moment."}
	}
	return task.Decision{Retry: true, Code: failInternal, Message: "Something went wrong on our side."}
}

// classifyProvider classifies what a provider failed with; ok is false for a class that it does not know.
func classifyProvider(p *providers.Error) (d task.Decision, ok bool) {
	switch p.Class {
	case providers.Blocked:
		d = task.Decision{
			Code:    failContentBlocked,
			Message: "The model's safety rules refused this content. Change the words or pictures and try again; your credits are back.",
		}
	case providers.Permanent:
		d = task.Decision{
			Code:    failProviderFailed,
			Message: "The model can't draw this. Change the words or pictures and try again; your credits are back.",
		}
		if p.Ours {
			d.Message = "This model failed us, and not because of your words or pictures. Your credits are back; try again later, or choose another model."
		}
	case providers.Transient:
		d = task.Decision{
			Retry: true, After: min(p.RetryAfter, maxRetryAfter), Throttled: p.Throttled, Code: failProviderBusy,
			Message: "The model did not deliver this time.",
		}
	default:
		return d, false
	}
	return d, true
}

// classifySafety classifies what package safety refused; ok is false for other errors. Without a decision of moderation
// nothing is drawn, but a later attempt may get one.
func classifySafety(err error) (d task.Decision, ok bool) {
	refused := apperr.From(err).Message + " Your credits are back."
	switch {
	case errors.Is(err, safety.ErrUndecided):
		d = task.Decision{Retry: true, Code: failProviderBusy, Message: "The safety check did not answer this time."}
		if p, ok := errors.AsType[*providers.Error](err); ok {
			d.After, d.Throttled = min(p.RetryAfter, maxRetryAfter), p.Throttled
		}
	case errors.Is(err, safety.ErrContentBlocked):
		d = task.Decision{Code: failContentBlocked, Message: refused}
	case errors.Is(err, safety.ErrFaceSwapBlocked):
		d = task.Decision{Code: failFaceSwapBlocked, Message: refused}
	default:
		return d, false
	}
	return d, true
}
