package idempotency_test

import (
	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/exampletest"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// exampleAccount returns a migrated database and an account in it, for an example. The example calls done at its end.
func exampleAccount() (store *postgres.Store, userID uuid.UUID, done func()) {
	t := exampletest.New()
	store = factory.Store(t)
	return store, factory.User(t, store, 0).ID, t.Done
}
