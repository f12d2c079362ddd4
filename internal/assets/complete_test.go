package assets_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestCreateUpload(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ticket, err := w.CreateUpload(t.Context(), w.user.ID, assets.Upload{
		Type: assets.Selfie, ContentType: "image/webp", Size: 1234,
	})
	require.NoError(t, err)
	require.NotEmpty(t, ticket.URL)
	require.Equal(t, "PUT", ticket.Method)
	require.WithinDuration(t, time.Now().Add(time.Hour), ticket.ExpiresAt, time.Minute)
	row, ok := w.row(t, ticket.AssetID)
	require.True(t, ok)
	require.Equal(t, "pending", row.Status)
	require.Equal(t, storage.BucketUserAssets, row.Bucket)
	require.Regexp(t, "^"+w.user.ID.String()+"/selfie/"+ticket.AssetID.String()+`_\d{8}T\d{6}Z\.webp$`, row.StoragePath)

	_, err = w.Get(t.Context(), w.user.ID, ticket.AssetID)
	require.ErrorIs(t, err, assets.ErrNotFound, "it is not a picture yet")
	_, _, err = w.Complete(t.Context(), w.user.ID, ticket.AssetID)
	require.ErrorIs(t, err, assets.ErrUploadMissing)

	w.objects.failSign.Store(true)
	_, err = w.CreateUpload(t.Context(), w.user.ID, assets.Upload{Type: assets.Selfie, ContentType: "image/webp", Size: 1})
	require.ErrorIs(t, err, apperr.ErrUnavailable)
}

func TestComplete(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, object := w.upload(t, assets.Reference, "image/png", picture(t))
	asset, created, err := w.Complete(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, []any{int32(8), int32(6), int64(len(picture(t))), object.Path}, []any{*asset.Width, *asset.Height, asset.SizeBytes, asset.StoragePath})
	require.Nil(t, asset.ExpiresAt)

	again, created, err := w.Complete(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, asset, again)
	read, err := w.Get(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.Equal(t, asset, read)

	stranger := factory.User(t, w.store, 0)
	for _, err := range []error{
		func() error { _, err := w.Get(t.Context(), stranger.ID, id); return err }(),
		func() error { _, _, err := w.Complete(t.Context(), stranger.ID, id); return err }(),
		w.Delete(t.Context(), stranger.ID, id),
		func() error { _, _, err := w.Complete(t.Context(), w.user.ID, uuid.New()); return err }(),
	} {
		require.ErrorIs(t, err, assets.ErrNotFound)
	}
}

func TestComplete_refused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for assetType, want := range map[string]error{assets.Selfie: inspect.ErrFaceCheck, assets.Reference: inspect.ErrInvalidImage} {
		file := picture(t)
		if assetType == assets.Reference {
			file = file[:20]
		}
		id, object := w.upload(t, assetType, "image/png", file)
		_, _, err := w.Complete(t.Context(), w.user.ID, id)
		require.ErrorIs(t, err, want)
		row, _ := w.row(t, id)
		require.Equal(t, "rejected", row.Status)
		reason := apperr.From(err).Details["reason"]
		require.Equal(t, reason, *row.RejectReason)
		require.False(t, w.exists(t, object), "a refused object is removed")

		w.send(t, id, face(t)) // its address was good for a while more
		_, _, err = w.Complete(t.Context(), w.user.ID, id)
		require.ErrorIs(t, err, want, "the answer stays")
		require.Equal(t, reason, apperr.From(err).Details["reason"])
		require.ErrorIs(t, w.Delete(t.Context(), w.user.ID, id), assets.ErrNotFound)
	}
}

// What the storage calls the object is what it will call it in every download.
func TestComplete_storedAsAnotherType(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.announce(t, assets.Reference, "image/png", picture(t))
	object := w.objectOf(t, id)
	require.NoError(t, w.objects.Put(t.Context(), object, "image/webp", bytes.NewReader(picture(t)), int64(len(picture(t)))))
	_, _, err := w.Complete(t.Context(), w.user.ID, id)
	require.ErrorIs(t, err, inspect.ErrInvalidImage)
	require.Equal(t, "type_mismatch", apperr.From(err).Details["reason"])
}

func TestComplete_profilePhoto(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, uploaded := w.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	first, created, err := w.Complete(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	require.NotEqual(t, uploaded.Path, first.StoragePath, "drawn anew, under a name of its own")
	require.False(t, w.exists(t, uploaded))
	require.Equal(t, storage.BucketProfilePhotos, first.Bucket)
	body, _, err := w.objects.Open(t.Context(), w.objectOf(t, id))
	require.NoError(t, err)
	shown, err := jpeg.Decode(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, int(*first.Width), shown.Bounds().Dx())
	requirePhoto(t, w, &id)

	second := w.ready(t, assets.ProfilePhoto, "image/jpeg", face(t))
	requirePhoto(t, w, &second.ID)
	_, ok := w.row(t, first.ID)
	require.False(t, ok, "the old photo is gone")
	require.Len(t, w.stored(t), 1)

	require.NoError(t, w.Delete(t.Context(), w.user.ID, second.ID))
	requirePhoto(t, w, nil)
	require.Empty(t, w.stored(t))
}

func requirePhoto(t *testing.T, w *world, want *uuid.UUID) {
	t.Helper()
	user, err := w.store.Queries().UserGet(t.Context(), w.user.ID)
	require.NoError(t, err)
	require.Equal(t, want, user.ProfilePhotoAssetID)
}

// Several requests to complete one upload end it once.
func TestComplete_sideBySide(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, _ := w.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	var all sync.WaitGroup
	created := make(chan bool, 6)
	for range cap(created) {
		all.Go(func() {
			asset, first, err := w.Complete(t.Context(), w.user.ID, id)
			if err != nil || asset.ID != id {
				t.Errorf("complete: %v", err)
			}
			created <- first
		})
	}
	all.Wait()
	close(created)
	times := 0
	for first := range created {
		if first {
			times++
		}
	}
	require.Equal(t, 1, times)
	require.Len(t, w.stored(t), 1)
	w.requireWhole(t, true)
}

// Of several photos that are completed side by side one stays, with its object.
func TestComplete_photosSideBySide(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var all sync.WaitGroup
	for range 5 {
		id, _ := w.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
		all.Go(func() {
			if _, _, err := w.Complete(t.Context(), w.user.ID, id); err != nil {
				t.Errorf("complete: %v", err)
			}
		})
	}
	all.Wait()
	left := w.rows(t)
	require.Len(t, left, 1)
	requirePhoto(t, w, &left[0].ID)
	require.Len(t, w.stored(t), 1)
	w.requireWhole(t, true)
}

// Wherever storage goes away, the upload can be completed when it is back, and nothing is left behind for long.
func TestComplete_storageGoesAway(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*faulty, bool){
		"open":   func(f *faulty, on bool) { f.failOpen.Store(on) },
		"put":    func(f *faulty, on bool) { f.failPut.Store(on) },
		"remove": func(f *faulty, on bool) { f.failRemove.Store(on) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.ready(t, assets.ProfilePhoto, "image/jpeg", face(t)) // to be replaced
			id, _ := w.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
			fail(w.objects, true)
			_, _, err := w.Complete(t.Context(), w.user.ID, id)
			if name == "remove" {
				require.NoError(t, err, "what is too many is nobody's trouble")
			} else {
				require.ErrorIs(t, err, apperr.ErrUnavailable)
			}
			w.requireWhole(t, false)
			fail(w.objects, false)
			_, created, err := w.Complete(t.Context(), w.user.ID, id)
			require.NoError(t, err)
			require.Equal(t, name != "remove", created)
			requirePhoto(t, w, &id)
			w.sweepLater(t)
			w.requireWhole(t, true)
		})
	}
}

// The process may die between any two steps. Here it dies where the context ends: after the object, before the row.
func TestComplete_diesBeforeItsRow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, _ := w.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	ctx, die := context.WithCancel(t.Context())
	dying := assets.New(assets.Deps{
		Store: w.store, Objects: dyingStore{Store: w.objects, die: die}, Checker: anything{}, Now: w.now, NewID: factory.ID,
	})
	_, _, err := dying.Complete(ctx, w.user.ID, id)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, w.stored(t), 2)
	_, created, err := w.Complete(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	w.sweepLater(t)
	w.requireWhole(t, true)
}

// dyingStore ends the context after a Put.
type dyingStore struct {
	storage.Store
	die context.CancelFunc
}

func (d dyingStore) Put(ctx context.Context, o storage.Object, contentType string, body io.Reader, size int64) error {
	defer d.die()
	return d.Store.Put(ctx, o, contentType, body, size)
}

// anything is a checker that is content with all.
type anything struct{}

func (anything) Check(_ context.Context, body io.Reader, _ inspect.Wanted) (inspect.Picture, error) {
	data, err := io.ReadAll(body)
	return inspect.Picture{
		ContentType: "image/jpeg", Size: int64(len(data)), Width: 1, Height: 1, MD5: "d41d8cd98f00b204e9800998ecf8427e", Data: data,
	}, err
}

func TestComplete_readFails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, object := w.upload(t, assets.Reference, "image/png", picture(t))
	checker, err := inspect.New(inspect.Config{MaxWait: time.Hour})
	require.NoError(t, err)
	breaking := assets.New(assets.Deps{
		Store: w.store, Objects: breakingStore{w.objects}, Checker: checker, Now: w.now, NewID: factory.ID,
	})
	_, _, err = breaking.Complete(t.Context(), w.user.ID, id)
	require.ErrorIs(t, err, apperr.ErrUnavailable)
	require.True(t, w.exists(t, object), "that it could not be read says nothing against the picture")
	row, _ := w.row(t, id)
	require.Equal(t, "pending", row.Status)
}

// breakingStore breaks off in the middle of an object.
type breakingStore struct{ storage.Store }

func (b breakingStore) Open(ctx context.Context, o storage.Object) (io.ReadCloser, storage.Info, error) {
	body, info, err := b.Store.Open(ctx, o)
	if err != nil {
		return nil, info, err
	}
	first, err := io.ReadAll(io.LimitReader(body, 10))
	broken := io.MultiReader(bytes.NewReader(first), readerFunc(func([]byte) (int, error) { return 0, storage.ErrUnavailable }))
	return struct {
		io.Reader
		io.Closer
	}{broken, body}, info, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestList(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var newestFirst []uuid.UUID
	for i := range 5 {
		assetType := assets.Reference
		if i%2 == 1 {
			assetType = assets.CopyTarget
		}
		newestFirst = append([]uuid.UUID{w.ready(t, assetType, "image/png", picture(t)).ID}, newestFirst...)
	}
	w.announce(t, assets.Reference, "image/png", picture(t))
	ids := func(assetType *string, before uuid.UUID, limit int) []uuid.UUID {
		rows, err := w.List(t.Context(), w.user.ID, assetType, before, limit)
		require.NoError(t, err)
		list := []uuid.UUID{}
		for _, row := range rows {
			list = append(list, row.ID)
		}
		return list
	}
	require.Equal(t, newestFirst, ids(nil, uuid.Max, 50))
	require.Equal(t, newestFirst[2:4], ids(nil, newestFirst[1], 2))
	copies := assets.CopyTarget
	require.Equal(t, []uuid.UUID{newestFirst[1], newestFirst[3]}, ids(&copies, uuid.Max, 50))
	list, err := w.List(t.Context(), factory.User(t, w.store, 0).ID, nil, uuid.Max, 50)
	require.NoError(t, err)
	require.Empty(t, list)
}
