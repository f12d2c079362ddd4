package assets_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"image"
	"image/png"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fixture is a Service on a database and a folder of pictures of its own.
type fixture struct {
	*assets.Service
	store   *postgres.Store
	objects *faulty
	ahead   atomic.Int64 // of the clock, in nanoseconds
	user    db.User
}

// faulty is a storage whose calls fail while a test says so.
type faulty struct {
	storage.Store
	failPut, failOpen, failRemove, failSign atomic.Bool
	listed                                  atomic.Int64
}

func (f *faulty) Put(ctx context.Context, o storage.Object, contentType string, body io.Reader, size int64) error {
	if f.failPut.Load() {
		return storage.ErrUnavailable
	}
	return f.Store.Put(ctx, o, contentType, body, size)
}

func (f *faulty) Open(ctx context.Context, o storage.Object) (io.ReadCloser, storage.Info, error) {
	if f.failOpen.Load() {
		return nil, storage.Info{}, storage.ErrUnavailable
	}
	return f.Store.Open(ctx, o)
}

func (f *faulty) Remove(ctx context.Context, bucket string, paths ...string) error {
	if f.failRemove.Load() {
		return storage.ErrUnavailable
	}
	return f.Store.Remove(ctx, bucket, paths...)
}

func (f *faulty) List(ctx context.Context, bucket, prefix, cursor string, limit int) (storage.Page, error) {
	f.listed.Add(1)
	return f.Store.List(ctx, bucket, prefix, cursor, limit)
}

func (f *faulty) SignUpload(ctx context.Context, o storage.Object, p storage.UploadPolicy) (storage.SignedUpload, error) {
	if f.failSign.Load() {
		return storage.SignedUpload{}, storage.ErrUnavailable
	}
	return f.Store.SignUpload(ctx, o, p)
}

func setup(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t)}
	disk, err := filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://storage.test", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: f.now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, disk.Close()) })
	require.NoError(t, disk.EnsureBuckets(t.Context(), storage.Buckets()))
	f.objects = &faulty{Store: disk}
	checker, err := inspect.New(inspect.Config{MaxWait: time.Hour})
	require.NoError(t, err)
	f.Service = assets.New(assets.Deps{
		Store: f.store, Objects: f.objects, Checker: checker, Now: f.now, NewID: factory.ID, Log: quiet(),
	})
	_, err = f.Bind(t.Context())
	require.NoError(t, err)
	f.user = factory.User(t, f.store, 100)
	return f
}

func (f *fixture) now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

func (f *fixture) advance(d time.Duration) { f.ahead.Add(int64(d)) }

// picture is a PNG that is good as a reference.
func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 6))))
	return b.Bytes()
}

func face(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("inspect/testdata/face.jpg")
	require.NoError(t, err)
	return b
}

// announce creates an upload of the fixture's account without sending it.
func (f *fixture) announce(t testing.TB, assetType, contentType string, file []byte) uuid.UUID {
	t.Helper()
	ticket, err := f.CreateUpload(t.Context(), f.user.ID, assets.Upload{
		Type: assetType, ContentType: contentType, Size: int64(len(file)),
	})
	require.NoError(t, err)
	return ticket.AssetID
}

// send stores a file as the client's own request would, wherever the row of an upload says.
func (f *fixture) send(t testing.TB, id uuid.UUID, file []byte) storage.Object {
	t.Helper()
	row, ok := f.row(t, id)
	require.True(t, ok)
	object := storage.Object{Bucket: row.Bucket, Path: row.StoragePath}
	require.NoError(t, f.objects.Put(t.Context(), object, row.ContentType, bytes.NewReader(file), int64(len(file))))
	return object
}

func objectOf(a db.Asset) storage.Object {
	return storage.Object{Bucket: a.Bucket, Path: a.StoragePath}
}

func (f *fixture) objectOf(t testing.TB, id uuid.UUID) storage.Object {
	t.Helper()
	row, ok := f.row(t, id)
	require.True(t, ok)
	return storage.Object{Bucket: row.Bucket, Path: row.StoragePath}
}

// row reads an asset in any state, of any account.
func (f *fixture) row(t testing.TB, id uuid.UUID) (db.Asset, bool) {
	t.Helper()
	for _, a := range f.rows(t) {
		if a.ID == id {
			return a, true
		}
	}
	return db.Asset{}, false
}

// rows reads all assets.
func (f *fixture) rows(t testing.TB) []db.Asset {
	t.Helper()
	rows, err := f.store.Pool().Query(context.Background(), "table assets")
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[db.Asset])
	require.NoError(t, err)
	return list
}

// upload announces and sends a file.
func (f *fixture) upload(t testing.TB, assetType, contentType string, file []byte) (uuid.UUID, storage.Object) {
	t.Helper()
	id := f.announce(t, assetType, contentType, file)
	return id, f.send(t, id, file)
}

// ready announces, sends and completes a file.
func (f *fixture) ready(t testing.TB, assetType, contentType string, file []byte) db.Asset {
	t.Helper()
	id, _ := f.upload(t, assetType, contentType, file)
	asset, created, err := f.Complete(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	return asset
}

func (f *fixture) exists(t testing.TB, o storage.Object) bool {
	t.Helper()
	_, err := f.objects.Head(t.Context(), o)
	if err != nil {
		require.ErrorIs(t, err, storage.ErrMissing)
	}
	return err == nil
}

// stored lists every object of every bucket.
func (f *fixture) stored(t testing.TB) map[storage.Object]bool {
	t.Helper()
	all := map[storage.Object]bool{}
	for _, b := range storage.Buckets() {
		for cursor, more := "", true; more; {
			page, err := f.objects.Store.List(context.Background(), b.Name, "", cursor, storage.MaxPage)
			require.NoError(t, err)
			for _, e := range page.Entries {
				if assets.IsMarker(e.Path) {
					continue
				}
				all[storage.Object{Bucket: b.Name, Path: e.Path}] = true
			}
			cursor = page.Next
			more = cursor != ""
		}
	}
	return all
}

// requireWhole holds rows and objects together: none of the ready rows is without its object; and, once all is swept, no
// object is without a row.
func (f *fixture) requireWhole(t testing.TB, swept bool) {
	t.Helper()
	stored := f.stored(t)
	for _, a := range f.rows(t) {
		object := storage.Object{Bucket: a.Bucket, Path: a.StoragePath}
		require.True(t, a.Status != "ready" || stored[object], "%s has no object", a.ID)
		delete(stored, object)
	}
	if swept {
		require.Empty(t, stored, "objects without a row")
	}
}

// sweepLater sweeps at a time when everything is old.
func (f *fixture) sweepLater(t testing.TB) {
	t.Helper()
	require.NoError(t, f.Sweep(t.Context(), f.now().Add(2*time.Hour)))
}

func md5Of(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// smallPages lists two objects at a time.
type smallPages struct{ storage.Store }

func (s *smallPages) List(ctx context.Context, bucket, prefix, cursor string, _ int) (storage.Page, error) {
	return s.Store.List(ctx, bucket, prefix, cursor, 2)
}
