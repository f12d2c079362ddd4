package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Event is what the readers of a topic get, all of them the same one: a payload as it was published, to be read only, or
// the mark that payloads may be missing here.
type Event struct {
	Payload []byte
	Lagged  bool

	once    sync.Once
	decoded any
	err     error
}

var errOtherType = errors.New("events: another reader decodes the event as something else")

// Decode returns the payload's JSON as a T, which all readers of the event share and none may change: a thousand readers
// decode it once. Readers of one topic must agree on T.
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
