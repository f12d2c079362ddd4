package edge

import (
	"fmt"

	"github.com/mugshot-studio/backend/gen/api"
)

// NewBodyCheck returns a check of JSON texts that did not come as requests. It holds them against the schema of an
// operation's body, by the rules of a request, and fails with the same errors. There is no check for an operation that the
// spec does not have, or that reads no body.
func NewBodyCheck(operationID string) (func(body []byte) error, error) {
	doc, err := api.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("load embedded spec: %w", err)
	}
	operations, err := readOperations(doc)
	if err != nil {
		return nil, fmt.Errorf("read spec: %w", err)
	}
	op := operations[operationID]
	if op == nil || op.bodySchema == nil {
		return nil, fmt.Errorf("the spec has no body of %s", operationID)
	}
	return func(body []byte) error {
		doc, err := decodeJSON(body)
		if err != nil {
			return err
		}
		var found violations
		op.checkBody(doc, &found)
		return found.err()
	}, nil
}
