package filesystem_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/conformance/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "https://studio.example"

// open starts a Store in a folder of its own, served under /storage.
func open(t *testing.T) storagetest.Subject {
	t.Helper()
	s, _ := openIn(t, t.TempDir())
	return s
}

func openIn(t *testing.T, root string) (storagetest.Subject, *filesystem.Store) {
	t.Helper()
	clock := storagetest.NewClock()
	var store *filesystem.Store
	server := storagetest.Serve(t, func(url string) http.Handler {
		var err error
		store, err = filesystem.New(filesystem.Config{
			Root: root, BaseURL: url + "/storage", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: clock.Now,
			AllowedOrigins: []string{origin},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		return store
	})
	return storagetest.Subject{Store: store, Server: server, Clock: clock, BindsUploads: true}, store
}

func TestConformance(t *testing.T) { storagetest.Run(t, open) } // not parallel: it counts memory
