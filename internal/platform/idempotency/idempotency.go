// Package idempotency lets an operation be asked for twice and done once. The key, the work and its result are one
// transaction: a crash leaves either all of them or none, and of two requests in flight together the second waits on
// the key's row until the first has ended.
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

// Lifetime is how long a key is remembered, as the contract says.
const Lifetime = 24 * time.Hour

// ErrConflict says that the key came with another request before.
var ErrConflict = apperr.New(apperr.Conflict, apperr.CodeIdempotencyConflict,
	"This Idempotency-Key was used for another request. Use a new one.")

// Key is what a client sent to make a request repeatable. The zero value means that it sent nothing.
type Key struct {
	Operation string   // operationId
	Value     string   // the client's key; empty: none
	Hash      [32]byte // of everything that makes two requests the same
}

// Work does the operation on q and returns what has to be remembered of it, which must survive JSON unchanged. Its
// writes are one statement, or q's transaction makes them one.
type Work[T any] func(q *db.Queries) (T, error)

// Once runs work unless key has been used, in which case the result of that time is returned and replayed is true.
// An error of work rolls everything back and is not remembered: the request may be tried again under the same key.
// Without a key work runs on its own, in no transaction. It fails with ErrConflict and with what work fails with.
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

// Recall returns the remembered result of a key, if there is one. It is for operations that have to look at things
// outside of their transaction first: those may have changed since, and must not keep a repeat from its answer. It
// fails with ErrConflict.
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

func recall[T any](ctx context.Context, q *db.Queries, userID uuid.UUID, key Key) (result T, err error) {
	row, err := q.IdempotencyGet(ctx, db.IdempotencyGetParams{UserID: userID, Operation: key.Operation, Key: key.Value})
	if err != nil {
		return result, fmt.Errorf("read idempotency key: %w", err)
	}
	err = decode(row, key, &result)
	return result, err
}

func decode(row db.IdempotencyKey, key Key, result any) error {
	if [32]byte(row.RequestHash) != key.Hash {
		return ErrConflict
	}
	if err := json.Unmarshal(row.Result, result); err != nil {
		return fmt.Errorf("decode remembered result: %w", err)
	}
	return nil
}

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
