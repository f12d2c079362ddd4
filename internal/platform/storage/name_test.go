package storage_test

import (
	"io/fs"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

func TestObjectName(t *testing.T) {
	t.Parallel()
	user := uuid.MustParse("018f0000-0000-7000-8000-000000000001")
	id := uuid.MustParse("b5a0a815-1c9a-4eca-bd90-4579d5c6968c")
	at := time.Date(2026, 11, 22, 20, 15, 29, 5, time.FixedZone("CET", 3600))
	for contentType, extension := range map[string]string{
		"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "text/html": "bin", "": "bin",
	} {
		name := storage.ObjectName(user, "selfie", id, at, contentType)
		require.Equal(t, user.String()+"/selfie/"+id.String()+"_20261122T191529Z."+extension, name)
		require.NoError(t, storage.Object{Bucket: storage.BucketUserAssets, Path: name}.Validate())
	}
	climbing := storage.ObjectName(user, "../../x", id, at, "image/png")
	require.ErrorIs(t, storage.Object{Bucket: "a", Path: climbing}.Validate(), storage.ErrInvalidName)
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	const supabaseCap = 50 << 20 // a project's own limit unless it was raised; a bucket can't exceed it
	names := map[string]bool{}
	for _, b := range storage.Buckets() {
		require.NoError(t, storage.ValidateBucket(b.Name))
		require.Positive(t, b.MaxBytes)
		require.Less(t, b.MaxBytes, int64(supabaseCap))
		require.ElementsMatch(t, []string{"image/jpeg", "image/png", "image/webp"}, b.ContentTypes)
		names[b.Name] = true
	}
	require.Equal(t, map[string]bool{"profile_photos": true, "user_assets": true, "renders": true}, names)
}

// FuzzObject looks for a name that passes and yet means something else on a disk or in a URL.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{"a/b.png", "../a", "a/../b", "a//b", "/a", "a\x00", "a?b", "%2e%2e/a", ".a", "a/."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if (storage.Object{Bucket: "bucket", Path: p}).Validate() != nil {
			return
		}
		require.True(t, fs.ValidPath(p))
		require.NotEqual(t, ".", p)
		require.Equal(t, p, (&url.URL{Path: p}).EscapedPath(), "needs no escaping")
		u, err := url.Parse("http://host/bucket/" + p + "?token=x")
		require.NoError(t, err)
		require.Equal(t, "/bucket/"+p, u.Path)
		require.Equal(t, u.Path, u.JoinPath().Path, "has no dot segments")
	})
}
