package supabase_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/supabase"
	"github.com/mugshot-studio/backend/test/conformance/storagetest"
	"github.com/mugshot-studio/backend/test/fakes/supabasefake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Made-up keys, in both forms.
const (
	secretKey = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz"
	jwtKey    = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl"
	anonKey   = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl"
)

// open starts a server, and a Client with a key.
func open(t *testing.T, key string) (storagetest.Subject, *supabasefake.Server) {
	t.Helper()
	clock := storagetest.NewClock()
	fake := supabasefake.New(supabasefake.Config{
		Dir: t.TempDir(), ServiceKey: key, AnonKey: anonKey, Secret: []byte("thirty-two bytes for an HS256 key"), Now: clock.Now,
	})
	server := storagetest.Serve(t, func(string) http.Handler { return fake })
	client, err := supabase.New(supabase.Config{
		URL: server.URL, Key: key, Now: clock.Now, RetryInterval: time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return storagetest.Subject{Store: client, Server: server, Clock: clock, ReplacesLate: true}, fake
}

var picture = storage.Object{Bucket: storage.BucketRenders, Path: "u-1/render/a.png"}

// fixture is a storage with the product's buckets and one picture.
type fixture struct {
	storagetest.Subject
	fake *supabasefake.Server
}

// setup is setupWith with a secret key.
func setup(t *testing.T) fixture {
	t.Helper()
	return setupWith(t, secretKey)
}

// setupWith starts a storage, and a Client with a key.
func setupWith(t *testing.T, key string) fixture {
	t.Helper()
	s, fake := open(t, key)
	require.NoError(t, s.Store.EnsureBuckets(t.Context(), storage.Buckets()))
	require.NoError(t, s.Store.Put(t.Context(), picture, "image/png", strings.NewReader("picture"), 7))
	return fixture{Subject: s, fake: fake}
}

// operations are the methods of a Store, each on the picture of setup. Each has the same effect however often it is called.
var operations = map[string]func(ctx context.Context, s storage.Store) error{
	"put": func(ctx context.Context, s storage.Store) error {
		return s.Put(ctx, picture, "image/png", strings.NewReader("picture"), 7)
	},
	"open": func(ctx context.Context, s storage.Store) error {
		body, _, err := s.Open(ctx, picture)
		if err != nil {
			return err
		}
		return body.Close()
	},
	"head": func(ctx context.Context, s storage.Store) error {
		_, err := s.Head(ctx, picture)
		return err
	},
	"remove": func(ctx context.Context, s storage.Store) error {
		return s.Remove(ctx, storage.BucketRenders, "u-1/none")
	},
	"move": func(ctx context.Context, s storage.Store) error {
		return s.Move(ctx, picture, storage.Object{Bucket: storage.BucketUserAssets, Path: "moved.png"})
	},
	"list": func(ctx context.Context, s storage.Store) error {
		_, err := s.List(ctx, storage.BucketRenders, "", "", 10)
		return err
	},
	"sign upload": func(ctx context.Context, s storage.Store) error {
		object := storage.Object{Bucket: storage.BucketRenders, Path: "new.png"}
		_, err := s.SignUpload(ctx, object, storage.UploadPolicy{ContentType: "image/png", Size: 1, Expires: time.Minute})
		return err
	},
	"sign downloads": func(ctx context.Context, s storage.Store) error {
		_, err := s.SignDownloads(ctx, storage.BucketRenders, []string{picture.Path}, time.Minute)
		return err
	},
	"ensure buckets": func(ctx context.Context, s storage.Store) error {
		return s.EnsureBuckets(ctx, []storage.Bucket{{Name: "new", MaxBytes: 5}})
	},
	"ping": func(ctx context.Context, s storage.Store) error { return s.Ping(ctx) },
}

// each runs a test of every operation, each on a new storage.
func each(t *testing.T, test func(t *testing.T, b fixture, do func(context.Context, storage.Store) error)) {
	t.Helper()
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t), do)
		})
	}
}
