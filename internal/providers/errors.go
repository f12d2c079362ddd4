package providers

import (
	"fmt"
	"time"
)

// Class tells what the caller can do about a vendor's failure.
type Class int

// The classes of failure.
const (
	Transient Class = iota // trying again later may help
	Permanent              // the same request will never succeed
	Blocked                // the vendor's safety rules refuse the content
)

// String names the class, as metrics and logs show it.
func (c Class) String() string {
	return [...]string{"transient", "permanent", "blocked"}[c]
}

// Error is a vendor's failure.
type Error struct {
	Provider   string
	Class      Class
	Reason     string        // the vendor's own code, such as RESOURCE_EXHAUSTED; never its free text, which may quote the prompt
	RetryAfter time.Duration // what the vendor asked for; 0: nothing
	Cause      error
	// Held: our own limits kept the vendor from being asked, so that nothing was spent and the attempt need not count.
	Throttled bool
	// Ours: of a Permanent failure, that it lies with us or the vendor (a key, a bill, an address, an answer that was lost),
	// so that other words or pictures would fail as well.
	Ours bool
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("provider %s: %s failure (%s): %v", e.Provider, e.Class, e.Reason, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
