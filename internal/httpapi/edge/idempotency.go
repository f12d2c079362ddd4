package edge

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/mugshot-studio/backend/internal/platform/idempotency"
)

// IdempotencyKey returns the key of a request that may be repeated; without the header it is the zero key. parts are what
// makes two requests the same: the path parameters and the typed body, whose JSON has one order of members and all defaults
// filled in, however the client wrote it.
func IdempotencyKey(operationID string, header *string, parts ...any) (idempotency.Key, error) {
	if header == nil {
		return idempotency.Key{}, nil
	}
	hash := sha256.New()
	encoder := json.NewEncoder(hash) // each value ends in a newline, so that parts can't run into each other
	for _, part := range parts {
		if err := encoder.Encode(part); err != nil {
			return idempotency.Key{}, fmt.Errorf("hash request: %w", err)
		}
	}
	key := idempotency.Key{Operation: operationID, Value: *header}
	hash.Sum(key.Hash[:0])
	return key, nil
}

// IdempotentReplayed returns the header of an answer: present where the answer repeats an earlier one.
func IdempotentReplayed(replayed bool) *string {
	if !replayed {
		return nil
	}
	yes := "true"
	return &yes
}
