package assets_test

import (
	"bytes"
	"context"
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

// world is a Service on a database and a folder of pictures of its own.
type world struct {
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

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{store: factory.Store(t)}
	disk, err := filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://storage.test", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: w.now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, disk.Close()) })
	require.NoError(t, disk.EnsureBuckets(t.Context(), storage.Buckets()))
	w.objects = &faulty{Store: disk}
	checker, err := inspect.New(inspect.Config{MaxWait: time.Hour})
	require.NoError(t, err)
	w.Service = assets.New(assets.Deps{
		Store: w.store, Objects: w.objects, Checker: checker, Now: w.now, NewID: factory.ID, Log: quiet(),
	})
	w.user = factory.User(t, w.store, 100)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) advance(d time.Duration) { w.ahead.Add(int64(d)) }

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

// announce creates an upload of the world's account without sending it.
func (w *world) announce(t testing.TB, assetType, contentType string, file []byte) uuid.UUID {
	t.Helper()
	ticket, err := w.CreateUpload(t.Context(), w.user.ID, assets.Upload{
		Type: assetType, ContentType: contentType, Size: int64(len(file)),
	})
	require.NoError(t, err)
	return ticket.AssetID
}

// send stores a file as the client's own request would, wherever the row of an upload says.
func (w *world) send(t testing.TB, id uuid.UUID, file []byte) storage.Object {
	t.Helper()
	row, ok := w.row(t, id)
	require.True(t, ok)
	object := storage.Object{Bucket: row.Bucket, Path: row.StoragePath}
	require.NoError(t, w.objects.Put(t.Context(), object, row.ContentType, bytes.NewReader(file), int64(len(file))))
	return object
}

func (w *world) objectOf(t testing.TB, id uuid.UUID) storage.Object {
	t.Helper()
	row, ok := w.row(t, id)
	require.True(t, ok)
	return storage.Object{Bucket: row.Bucket, Path: row.StoragePath}
}

// row reads an asset in any state, whoever owns it.
func (w *world) row(t testing.TB, id uuid.UUID) (db.Asset, bool) {
	t.Helper()
	for _, a := range w.rows(t) {
		if a.ID == id {
			return a, true
		}
	}
	return db.Asset{}, false
}

// rows reads all assets.
func (w *world) rows(t testing.TB) []db.Asset {
	t.Helper()
	rows, err := w.store.Pool().Query(context.Background(), "table assets")
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[db.Asset])
	require.NoError(t, err)
	return list
}

// upload announces and sends a file.
func (w *world) upload(t testing.TB, assetType, contentType string, file []byte) (uuid.UUID, storage.Object) {
	t.Helper()
	id := w.announce(t, assetType, contentType, file)
	return id, w.send(t, id, file)
}

// ready announces, sends and completes a file.
func (w *world) ready(t testing.TB, assetType, contentType string, file []byte) db.Asset {
	t.Helper()
	id, _ := w.upload(t, assetType, contentType, file)
	asset, created, err := w.Complete(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	return asset
}

func (w *world) exists(t testing.TB, o storage.Object) bool {
	t.Helper()
	_, err := w.objects.Head(t.Context(), o)
	if err != nil {
		require.ErrorIs(t, err, storage.ErrMissing)
	}
	return err == nil
}

// stored lists every object of every bucket.
func (w *world) stored(t testing.TB) map[storage.Object]bool {
	t.Helper()
	all := map[storage.Object]bool{}
	for _, b := range storage.Buckets() {
		for cursor, more := "", true; more; {
			page, err := w.objects.Store.List(context.Background(), b.Name, "", cursor, storage.MaxPage)
			require.NoError(t, err)
			for _, e := range page.Entries {
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
func (w *world) requireWhole(t testing.TB, swept bool) {
	t.Helper()
	stored := w.stored(t)
	for _, a := range w.rows(t) {
		object := storage.Object{Bucket: a.Bucket, Path: a.StoragePath}
		require.True(t, a.Status != "ready" || stored[object], "%s has no object", a.ID)
		delete(stored, object)
	}
	if swept {
		require.Empty(t, stored, "objects of nobody")
	}
}

// sweepLater sweeps at a time when everything is old.
func (w *world) sweepLater(t testing.TB) {
	t.Helper()
	require.NoError(t, w.Sweep(t.Context(), w.now().Add(2*time.Hour)))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// smallPages lists two objects at a time.
type smallPages struct{ storage.Store }

func (s *smallPages) List(ctx context.Context, bucket, prefix, cursor string, _ int) (storage.Page, error) {
	return s.Store.List(ctx, bucket, prefix, cursor, 2)
}
