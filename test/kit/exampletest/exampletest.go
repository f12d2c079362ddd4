// Package exampletest lets an example, which is given no testing.T, call the rest of the test kit.
package exampletest

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// TB is a testing.TB for an example. What the kit reports as a failure panics, and the example calls Done at its end.
type TB struct {
	testing.TB

	cleanups []func()
}

// New returns a TB.
func New() *TB { return &TB{} }

// Helper implements testing.TB.
func (*TB) Helper() {}

// Name implements testing.TB.
func (*TB) Name() string { return "Example" }

// Context implements testing.TB.
func (*TB) Context() context.Context { return context.Background() }

// Cleanup implements testing.TB.
func (t *TB) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

// Errorf implements testing.TB.
func (*TB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Fatalf implements testing.TB.
func (*TB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// FailNow implements testing.TB.
func (*TB) FailNow() { panic("failed") }

// Done runs the cleanups, the latest first.
func (t *TB) Done() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
