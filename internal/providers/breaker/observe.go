package breaker

import (
	"errors"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Call is what came of something that was asked of a vendor, for metrics.
type Call struct {
	Provider, Model string
	// Outcome is succeeded; a class of providers.Error; throttled and resting, where our own limits kept the vendor from
	// being asked; or aborted, which says nothing about the vendor: the caller went away, or could not keep a picture.
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

// circuitOpen is the reason of a call that was not made because its model rests.
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
