package supabase_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/supabase"
	"github.com/mugshot-studio/backend/test/conformance/storagetest"
	"github.com/mugshot-studio/backend/test/fakes/supabasefake"
)

func TestConformance(t *testing.T) { // not parallel: it counts memory
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		t.Helper()
		s, _ := open(t, secretKey)
		return s
	})
}

func TestSignUpload_expiresWithItsToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for asked, want := range map[time.Duration]time.Duration{time.Hour: time.Hour, 24 * time.Hour: 2 * time.Hour} {
		object := storage.Object{Bucket: storage.BucketRenders, Path: "new.png"}
		policy := storage.UploadPolicy{ContentType: "image/png", Size: 1, Expires: asked}
		signed, err := b.Store.SignUpload(t.Context(), object, policy)
		require.NoError(t, err)
		require.True(t, b.Clock.Now().Add(want).Equal(signed.ExpiresAt), "asked for %v", asked)
	}
	for _, token := range []string{"opaque", "a.b.c", "a.e30.c"} { // without an expiry that we can read
		b.fake.Inject(supabasefake.Answer(200,
			`{"url":"/object/upload/sign/renders/new.png?token=`+token+`","token":"`+token+`"}`))
		signed, err := b.Store.SignUpload(t.Context(), storage.Object{Bucket: storage.BucketRenders, Path: "new.png"},
			storage.UploadPolicy{ContentType: "image/png", Size: 1, Expires: time.Hour})
		require.NoError(t, err)
		require.Equal(t, b.Clock.Now().Add(time.Hour), signed.ExpiresAt)
	}
}

func TestEnsureBuckets_arePrivate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := func(method string, body io.Reader) string {
		req, err := http.NewRequestWithContext(t.Context(), method, b.Server.URL+supabasefake.Prefix+"/bucket/renders", body)
		require.NoError(t, err)
		req.Header.Set("Apikey", secretKey)
		req.Header.Set("Content-Type", "application/json")
		res, err := b.Server.Client().Do(req)
		require.NoError(t, err)
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return string(answer)
	}
	require.Contains(t, call(http.MethodGet, nil), `"public":false,"file_size_limit":50331648,`)
	call(http.MethodPut, strings.NewReader(`{"public":true}`)) // as by a mistake in the dashboard
	require.Contains(t, call(http.MethodGet, nil), `"public":true,"file_size_limit":null,"allowed_mime_types":null`)
	require.NoError(t, b.Store.EnsureBuckets(t.Context(), storage.Buckets()))
	require.Contains(t, call(http.MethodGet, nil),
		`"public":false,"file_size_limit":50331648,"allowed_mime_types":["image/jpeg","image/png","image/webp"]`)

	err := b.Store.EnsureBuckets(t.Context(), []storage.Bucket{{Name: "huge", MaxBytes: 1 << 30}})
	require.ErrorIs(t, err, storage.ErrTooLarge, "above the project's own limit")
}

// TestConnections_areReused counts the connections that ten rounds of sixteen calls at once make.
func TestConnections_areReused(t *testing.T) {
	t.Parallel()
	const callers, rounds = 16, 10
	clock := storagetest.NewClock()
	fake := supabasefake.New(supabasefake.Config{
		Dir: t.TempDir(), ServiceKey: secretKey, Secret: []byte("thirty-two bytes for an HS256 key"), Now: clock.Now,
	})
	var together atomic.Pointer[sync.WaitGroup] // answers wait until all callers have asked
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if round := together.Load(); round != nil {
			round.Done()
			round.Wait()
		}
		fake.ServeHTTP(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client, err := supabase.New(supabase.Config{URL: server.URL, Key: secretKey, Now: clock.Now})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.EnsureBuckets(t.Context(), storage.Buckets()))

	read := func(ctx context.Context) error {
		body, _, err := client.Open(ctx, picture)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, body)
		return errors.Join(err, body.Close())
	}
	refused := func(ctx context.Context) error {
		_, err := client.Head(ctx, storage.Object{Bucket: picture.Bucket, Path: "none"})
		if errors.Is(err, storage.ErrMissing) {
			return nil
		}
		return errors.Join(err, errors.New("it should have been missing"))
	}
	put := func(ctx context.Context) error { return operations["put"](ctx, client) }
	require.NoError(t, put(t.Context()))
	for _, call := range []func(context.Context) error{put, read, refused} {
		before := connections.Load()
		for range rounds {
			var round sync.WaitGroup
			round.Add(callers)
			together.Store(&round)
			var group errgroup.Group
			for range callers {
				group.Go(func() error { return call(t.Context()) })
			}
			require.NoError(t, group.Wait())
		}
		require.LessOrEqual(t, connections.Load()-before, int64(3*callers), "of %d calls", callers*rounds)
	}
}
