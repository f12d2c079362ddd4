// Package leaktest fails a test binary that leaves goroutines behind.
package leaktest

import (
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, and fails if goroutines are left at the end. TestMain calls it. The goroutines of test
// servers that all tests of a binary share, and that end with it, are ignored.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/mugshot-studio/backend/test/devstack.(*child).run"),
		goleak.IgnoreAnyFunction("github.com/mugshot-studio/backend/test/devstack.(*child).copyOutput"),
		goleak.IgnoreAnyFunction("github.com/alicebob/miniredis/v2/server.(*Server).serve"),
		goleak.IgnoreAnyFunction("github.com/alicebob/miniredis/v2/server.(*Server).servePeer"),
	)
}
