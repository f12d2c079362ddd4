package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Event is one thing that the subscribers of a topic receive: a published payload or, where Lagged is set, the mark that
// payloads may be missing at this point. All subscribers in a process share the same *Event, so none may change it.
type Event struct {
	Payload []byte // as it was published; nil where Lagged
	Lagged  bool

	once    sync.Once
	decoded any
	err     error
}

var errOtherType = errors.New("events: another reader decodes the event as something else")

// Decode returns the payload's JSON as a T. The first caller decodes it and all callers share the result, which none may
// change: a thousand streams of one topic decode an event once. It fails where the payload is no JSON of a T, and where
// another subscriber has decoded the event as another type.
func Decode[T any](e *Event) (*T, error) {
	e.once.Do(func() {
		into := new(T)
		if err := json.Unmarshal(e.Payload, into); err != nil {
			e.err = fmt.Errorf("decode event: %w", err)
			return
		}
		e.decoded = into
	})
	if e.err != nil {
		return nil, e.err
	}
	decoded, ok := e.decoded.(*T)
	if !ok {
		return nil, errOtherType
	}
	return decoded, nil
}
