// Package idempotency runs an operation once, however often a client sends the request with the same Idempotency-Key.
//
// A key belongs to one account and one operation, and is remembered for 24 hours ([Lifetime]). Its row is in one of two
// states, of which other transactions only see the second: claimed, while the work runs, and stored, with the result of the
// work as JSON. The key, the writes of the work and the result are one transaction, so a crash leaves either all of them or
// none. Of two requests at the same time, the second waits on the key's row until the first has ended, and then gets its
// result.
//
// A key that comes again with another request fails with [ErrConflict]. Failed work is not remembered.
package idempotency

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Lifetime is how long a key is remembered, as the API's contract says.
const Lifetime = 24 * time.Hour

// ErrConflict means that the key was used for another request before.
var ErrConflict = apperr.New(apperr.Conflict, apperr.CodeIdempotencyConflict,
	"This Idempotency-Key was used for another request. Use a new one.")

// Key is a client's Idempotency-Key and the request that it came with. The zero value means that the client sent no key.
type Key struct {
	Operation string   // operationId of the API
	Value     string   // the client's key; empty: none
	Hash      [32]byte // SHA-256 of what makes two requests the same: path parameters and body
}

// Work runs the operation on q and returns the result to remember, which JSON must encode and decode without loss. Without a
// key there is no transaction around Work, so its writes must be one statement.
type Work[T any] func(q *db.Queries) (T, error)

// Once runs work, unless key has been used: then it returns the remembered result, and replayed is true. An error of work
// rolls everything back and is not remembered, so the client may try again with the same key. Without a key, Once runs work
// in no transaction. It fails with [ErrConflict] and with the error of work.
func Once[T any](
	ctx context.Context, s *postgres.Store, userID uuid.UUID, key Key, now time.Time, work Work[T],
) (result T, replayed bool, err error) {
	if key.Value == "" {
		result, err = work(s.Queries())
		return result, false, err
	}
	err = s.InTx(ctx, func(q *db.Queries) error {
		replayed = false
		claimed, err := q.IdempotencyClaim(ctx, db.IdempotencyClaimParams{
			UserID: userID, Operation: key.Operation, Key: key.Value, RequestHash: key.Hash[:],
			ExpiresAt: now.Add(Lifetime), Now: now,
		})
		if err != nil {
			return fmt.Errorf("claim idempotency key: %w", err)
		}
		if claimed == 0 {
			replayed = true
			result, err = recall[T](ctx, q, userID, key)
			return err
		}
		if result, err = work(q); err != nil {
			return err
		}
		return remember(ctx, q, userID, key, result)
	})
	return result, replayed, err
}

// Recall returns the remembered result of a key, if there is one. Operations that check something outside of their
// transaction call it before the check: the outcome may have changed since the first request, and must not keep a repeat
// from getting its answer. It fails with [ErrConflict].
func Recall[T any](
	ctx context.Context, s *postgres.Store, userID uuid.UUID, key Key, now time.Time,
) (result T, found bool, err error) {
	if key.Value == "" {
		return result, false, nil
	}
	row, err := s.Queries().IdempotencyGet(ctx, db.IdempotencyGetParams{
		UserID: userID, Operation: key.Operation, Key: key.Value,
	})
	switch {
	case postgres.IsNotFound(err), err == nil && !row.ExpiresAt.After(now):
		return result, false, nil
	case err != nil:
		return result, false, fmt.Errorf("read idempotency key: %w", err)
	}
	err = decode(row, key, &result)
	return result, err == nil, err
}

// recall is [Recall] within the transaction of [Once], for a key that exists.
func recall[T any](ctx context.Context, q *db.Queries, userID uuid.UUID, key Key) (result T, err error) {
	row, err := q.IdempotencyGet(ctx, db.IdempotencyGetParams{UserID: userID, Operation: key.Operation, Key: key.Value})
	if err != nil {
		return result, fmt.Errorf("read idempotency key: %w", err)
	}
	err = decode(row, key, &result)
	return result, err
}

// decode reads the remembered result into result, unless the key came with another request.
func decode(row db.IdempotencyKey, key Key, result any) error {
	if [32]byte(row.RequestHash) != key.Hash {
		return ErrConflict
	}
	if err := json.Unmarshal(row.Result, result); err != nil {
		return fmt.Errorf("decode remembered result: %w", err)
	}
	return nil
}

// remember stores the result with the claimed key.
func remember(ctx context.Context, q *db.Queries, userID uuid.UUID, key Key, result any) error {
	encoded, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	err = q.IdempotencyStore(ctx, db.IdempotencyStoreParams{
		UserID: userID, Operation: key.Operation, Key: key.Value, Result: encoded,
	})
	if err != nil {
		return fmt.Errorf("remember result: %w", err)
	}
	return nil
}
