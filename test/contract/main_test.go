// Package contract_test is a property-based test of the whole application: it generates requests from api/openapi.yaml, valid ones
// and ones that are invalid in one place, and checks every answer against the spec.
package contract_test

import (
	"testing"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
