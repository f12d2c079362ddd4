// Package leaktest fails a test binary that leaves goroutines behind.
package leaktest

import (
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, and fails when goroutines are left at the end. To be called by TestMain. The test
// servers that a binary shares, which end with it, are passed over.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/mugshot-studio/backend/test/devstack.(*child).run"),
		goleak.IgnoreAnyFunction("github.com/mugshot-studio/backend/test/devstack.(*child).copyOutput"),
		goleak.IgnoreAnyFunction("github.com/alicebob/miniredis/v2/server.(*Server).serve"),
		goleak.IgnoreAnyFunction("github.com/alicebob/miniredis/v2/server.(*Server).servePeer"),
	)
}
