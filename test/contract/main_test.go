// Package contract_test throws requests made from api/openapi.yaml at the whole application: fitting ones and ones that
// are broken in one place.
package contract_test

import (
	"testing"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
