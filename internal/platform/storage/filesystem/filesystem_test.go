package filesystem_test

import (
	"testing"

	"github.com/mugshot-studio/backend/test/conformance/storagetest"
)

func TestConformance(t *testing.T) { storagetest.Run(t, open) } // not parallel: it counts memory
