package breaker

import (
	"errors"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Call is the outcome of a call to a vendor, for metrics.
type Call struct {
	Provider, Model string
	// Outcome is succeeded; a class of [providers.Error]; throttled (by our rate limit) or resting (the breaker is open), where
	// the vendor was not asked; or aborted, which says nothing about the vendor: the caller went away, or could not store a picture.
	Outcome string
	Asked   bool // whether the vendor was
	Took    time.Duration
}

// The outcomes that are no class of a failure.
const (
	succeeded = "succeeded"
	throttled = "throttled"
	skipped   = "resting"
	aborted   = "aborted"
)

// circuitOpen is the reason of a call that was not made because the breaker is open.
const circuitOpen = "circuit_open"

func (b *breaker) observe(provider string, begun time.Time, err error) {
	if b.set.cfg.Observe == nil {
		return
	}
	call := Call{Provider: provider, Model: b.model, Outcome: succeeded, Asked: true, Took: time.Since(begun)}
	switch vendor, ok := errors.AsType[*providers.Error](err); {
	case err == nil:
	case !ok:
		call.Outcome = aborted
	case vendor.Throttled && vendor.Reason == circuitOpen:
		call.Outcome, call.Asked = skipped, false
	case vendor.Throttled:
		call.Outcome, call.Asked = throttled, false
	default:
		call.Outcome = vendor.Class.String()
	}
	b.set.cfg.Observe(call)
}
