package api_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// A worker whose clock is ahead does not remove an object that was stored a moment ago and whose row is about to be written.
func TestOrphanSweep_sparesYoungObjectsWhenItsClockIsAhead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := apptest.New(t, apptest.With("DEV_DIR", dir), apptest.With("STORAGE_SWEEP_GRACE", "0s"))
	objects, err := filesystem.New(filesystem.Config{
		Root: filepath.Join(dir, "storage"), BaseURL: first.URL, Key: []byte("nothing is signed with this key here"), Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, objects.Close()) })
	_, err = assets.New(assets.Deps{Store: first.Store, Objects: objects}).Bind(t.Context())
	require.NoError(t, err)
	folder := uuid.NewString() + "/render/"
	put := func(name string) (file string) {
		o := storage.Object{Bucket: storage.BucketRenders, Path: folder + name}
		require.NoError(t, objects.Put(t.Context(), o, "image/png", strings.NewReader("a picture"), 9))
		return filepath.Join(dir, "storage", o.Bucket, o.Path)
	}
	young, old := put("young.png"), put("old.png")
	before := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(old, before, before))

	first.Clock.Advance(3 * time.Hour)
	apptest.New(t, apptest.Beside(first), apptest.WithWorker())
	require.Eventually(t, func() bool {
		_, err := os.Stat(old)
		return os.IsNotExist(err)
	}, 30*time.Second, 20*time.Millisecond, "what is old goes")
	_, err = os.Stat(young)
	require.NoError(t, err, "what is young stays")
}
