package assets_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
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
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client, err := supabase.New(supabase.Config{URL: server.URL, Key: "sb_secret_made_up", Now: f.now})
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
	req, err := http.NewRequestWithContext(t.Context(), ticket.Method, ticket.URL, bytes.NewReader(file))
	if err != nil {
		t.Error(err)
		return 0
	}
	for name, value := range ticket.Headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// gate is a body of which nothing is read until it opens.
type gate struct {
	io.ReadCloser
	reached, open chan struct{}
	waited        bool
}

// Read implements io.Reader.
func (g *gate) Read(p []byte) (int, error) {
	if !g.waited {
		g.waited = true
		close(g.reached)
		<-g.open
	}
	return g.ReadCloser.Read(p)
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

			late := &gate{reached: make(chan struct{}), open: make(chan struct{})}
			fake.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				late.ReadCloser, r.Body = r.Body, late
				next.ServeHTTP(w, r)
			})
			evil := bytes.Repeat([]byte("evil"), 1000)
			status := make(chan int, 1)
			go func() { status <- put(t, ticket, evil) }()
			<-late.reached
			good := picture(t)
			if u.ContentType == "image/jpeg" {
				good = face(t)
			}
			require.Equal(t, http.StatusOK, put(t, ticket, good))
			asset, _, err := f.Complete(t.Context(), f.user.ID, ticket.AssetID)
			require.NoError(t, err)
			close(late.open)
			require.Equal(t, http.StatusOK, <-status, "Supabase lets it replace the upload")
			f.requireChecked(t, asset)

			require.Equal(t, md5Of(evil), md5Of(f.content(t, uploaded)), "what came late lies where no row points")
			require.NoError(t, f.objects.Remove(t.Context(), uploaded.Bucket, uploaded.Path))
			require.Equal(t, http.StatusOK, put(t, ticket, evil), "Supabase takes it again")
			f.requireChecked(t, asset)
			again, created, err := f.Complete(t.Context(), f.user.ID, ticket.AssetID)
			require.NoError(t, err)
			require.False(t, created)
			require.Equal(t, asset.StoragePath, again.StoragePath)

			f.sweepLater(t)
			f.requireWhole(t, true)
			f.requireChecked(t, asset)

			require.NoError(t, f.Delete(t.Context(), f.user.ID, asset.ID))
			require.Equal(t, http.StatusOK, put(t, ticket, evil), "also after the picture was deleted")
			require.NotEmpty(t, f.stored(t))
			f.advance(61 * time.Minute) // the sweep looks through a bucket once an hour
			f.sweepLater(t)
			require.Empty(t, f.stored(t))
		})
	}
}

// requireChecked holds the object of an asset to what its row says.
func (f *fixture) requireChecked(t *testing.T, asset db.Asset) {
	t.Helper()
	content := f.content(t, storage.Object{Bucket: asset.Bucket, Path: asset.StoragePath})
	require.EqualValues(t, asset.SizeBytes, len(content))
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
