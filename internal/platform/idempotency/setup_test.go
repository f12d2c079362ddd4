package idempotency_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// exampleAccount returns a migrated database and an account in it, for an example. The example calls done at its end.
func exampleAccount() (store *postgres.Store, userID uuid.UUID, done func()) {
	t := &exampleTB{}
	store = factory.Store(t)
	return store, factory.User(t, store, 0).ID, t.clean
}

// exampleTB lets an example, which has no testing.T, call the test kit. The kit's failures panic.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (*exampleTB) Helper()                           {}
func (*exampleTB) Name() string                      { return "Example" }
func (*exampleTB) Context() context.Context          { return context.Background() }
func (t *exampleTB) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }
func (*exampleTB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*exampleTB) FailNow()                          { panic("failed") }

// clean runs the cleanups, the latest first.
func (t *exampleTB) clean() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
