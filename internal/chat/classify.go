package chat

import (
	"context"
	"errors"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// maxRetryAfter bounds the wait that a vendor may ask for; a creator is looking at the screen.
const maxRetryAfter = time.Minute

// The back-off after an attempt: up to 1 s after the first, up to 10 s after the fifth.
const (
	backoffBase = time.Second
	backoffMax  = 10 * time.Second
)

// Classify implements [task.Kind]: it turns the error of an attempt into what to do and what to tell the creator. What it
// does not know is tried again: attempts are bounded.
func (*Replier) Classify(err error) task.Decision {
	if p, ok := errors.AsType[*providers.Error](err); ok {
		if d, ok := classifyProvider(p); ok {
			return d
		}
	}
	switch {
	case errors.Is(err, errNoProvider):
		return task.Decision{Code: failModelUnavailable, Message: "The assistant is not available here. Your message is kept."}
	case errors.Is(err, errEmpty):
		return task.Decision{
			Retry: true, Code: failProviderBusy, Message: "The assistant had nothing to say this time. Please try again.",
		}
	case errors.Is(err, context.DeadlineExceeded):
		return task.Decision{Retry: true, Code: failProviderBusy, Message: "The assistant took too long. Please try again."}
	case apperr.From(err).Kind == apperr.Unavailable:
		return task.Decision{
			Retry: true, Code: failInternal, Message: "A part of our service is away for a moment. Please try again.",
		}
	}
	return task.Decision{Retry: true, Code: failInternal, Message: "Something went wrong on our side. Please try again."}
}

// classifyProvider classifies what a provider failed with; ok is false for a class that it does not know.
func classifyProvider(p *providers.Error) (d task.Decision, ok bool) {
	switch p.Class {
	case providers.Blocked:
		d = task.Decision{
			Code: failContentBlocked, OwnersFault: true,
			Message: "The assistant's safety rules refused this. Put it in other words and send it again.",
		}
	case providers.Permanent:
		d = task.Decision{Code: failProviderFailed, Message: "The assistant can't answer this. Please put it in other words."}
		if p.Ours {
			d.Message = "The assistant can't be reached, and not because of your words. Please try again later."
		}
	case providers.Transient:
		d = task.Decision{
			Retry: true, Throttled: p.Throttled, After: min(p.RetryAfter, maxRetryAfter), Code: failProviderBusy,
			Message: "The assistant did not answer this time. Please try again.",
		}
	default:
		return d, false
	}
	return d, true
}
