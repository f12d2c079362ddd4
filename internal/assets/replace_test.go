package assets_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/supabase"
	"github.com/mugshot-studio/backend/test/fakes/supabasefake"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// setupSupabase is setup on Supabase's storage, whose addresses of uploads write whenever a request begins in time.
func setupSupabase(t *testing.T) (*fixture, *supabasefake.Server) {
	t.Helper()
	f := &fixture{store: factory.Store(t)}
	fake := supabasefake.New(supabasefake.Config{
		Dir: t.TempDir(), ServiceKey: "sb_secret_made_up", Secret: []byte("thirty-two bytes for an HS256 key"), Now: f.now,
	})
	url, stop := fake.Serve()
	t.Cleanup(stop)
	client, err := supabase.New(supabase.Config{URL: url, Key: "sb_secret_made_up", Now: f.now})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.EnsureBuckets(t.Context(), storage.Buckets()))
	f.objects = &faulty{Store: client}
	checker, err := inspect.New(inspect.Config{MaxWait: time.Hour})
	require.NoError(t, err)
	f.Service = assets.New(assets.Deps{
		Store: f.store, Objects: f.objects, Checker: checker, Now: f.now, NewID: factory.ID, Log: quiet(),
	})
	_, err = f.Bind(t.Context())
	require.NoError(t, err)
	f.user = factory.User(t, f.store, 100)
	return f, fake
}

// put sends a file to the address of an upload, and returns the status.
func put(t *testing.T, ticket assets.Ticket, file []byte) int {
	t.Helper()
	status, err := supabasefake.Send(t.Context(), ticket.Method, ticket.URL, ticket.Headers, file)
	if err != nil {
		t.Error(err)
	}
	return status
}

// An upload that begins before Complete and ends after it replaces what was uploaded, and never what was checked. So does
// one to the address of an upload that was completed, and removed.
func TestComplete_keepsWhatWasChecked(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]assets.Upload{
		"reference":     {Type: assets.Reference, ContentType: "image/png", Size: int64(len(picture(t)))},
		"selfie":        {Type: assets.Selfie, ContentType: "image/jpeg", Size: int64(len(face(t)))},
		"profile photo": {Type: assets.ProfilePhoto, ContentType: "image/jpeg", Size: int64(len(face(t)))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, fake := setupSupabase(t)
			ticket, err := f.CreateUpload(t.Context(), f.user.ID, u)
			require.NoError(t, err)
			uploaded := f.objectOf(t, ticket.AssetID)

			late, reached, open := supabasefake.HoldBody()
			fake.Inject(late)
			evil := bytes.Repeat([]byte("evil"), 1000)
			status := make(chan int, 1)
			go func() { status <- put(t, ticket, evil) }()
			<-reached
			good := picture(t)
			if u.ContentType == "image/jpeg" {
				good = face(t)
			}
			require.Equal(t, ok, put(t, ticket, good))
			asset, _, err := f.Complete(t.Context(), f.user.ID, ticket.AssetID)
			require.NoError(t, err)
			open()
			require.Equal(t, ok, <-status, "Supabase lets it replace the upload")
			f.requireChecked(t, asset)

			require.Equal(t, md5Of(evil), md5Of(f.content(t, uploaded)), "what came late lies where no row points")
			require.NoError(t, f.objects.Remove(t.Context(), uploaded.Bucket, uploaded.Path))
			require.Equal(t, ok, put(t, ticket, evil), "Supabase takes it again")
			f.requireChecked(t, asset)
			again, created, err := f.Complete(t.Context(), f.user.ID, ticket.AssetID)
			require.NoError(t, err)
			require.False(t, created)
			require.Equal(t, asset.StoragePath, again.StoragePath)

			f.sweepLater(t)
			f.requireWhole(t, true)
			f.requireChecked(t, asset)

			require.NoError(t, f.Delete(t.Context(), f.user.ID, asset.ID))
			require.Equal(t, ok, put(t, ticket, evil), "also after the picture was deleted")
			require.NotEmpty(t, f.stored(t))
			f.advance(61 * time.Minute) // the sweep looks through a bucket once an hour
			f.sweepLater(t)
			require.Empty(t, f.stored(t))
		})
	}
}

// ok is the status of an upload that the storage has taken.
const ok = 200

// requireChecked holds the object of an asset to what its row says.
func (f *fixture) requireChecked(t *testing.T, asset db.Asset) {
	t.Helper()
	content := f.content(t, storage.Object{Bucket: asset.Bucket, Path: asset.StoragePath})
	require.Equal(t, int(asset.SizeBytes), len(content)) //nolint:testifylint // Len would print it
	require.Equal(t, *asset.MD5, md5Of(content))
}

func (f *fixture) content(t *testing.T, o storage.Object) []byte {
	t.Helper()
	body, _, err := f.objects.Open(t.Context(), o)
	require.NoError(t, err)
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	return content
}
