package postgres_test

import (
	"testing"
	"time"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

const (
	reloaded     = 10 * time.Second // for a server to notice its new settings, on a busy machine
	pollInterval = 20 * time.Millisecond
)

func TestMain(m *testing.M) { leaktest.Main(m) }
