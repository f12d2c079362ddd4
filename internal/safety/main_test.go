package safety_test

import (
	"testing"

	"github.com/mugshot-studio/backend/internal/testkit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
