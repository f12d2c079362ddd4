package credits_test

import (
	"testing"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
