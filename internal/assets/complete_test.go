package assets_test

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, object := f.upload(t, assets.Reference, "image/png", picture(t))
	asset, created, err := f.Complete(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, []any{int32(8), int32(6), int64(len(picture(t)))}, []any{*asset.Width, *asset.Height, asset.SizeBytes})
	require.Regexp(t, "^"+f.user.ID.String()+"/ref/", asset.StoragePath)
	require.Equal(t, picture(t), f.content(t, f.objectOf(t, id)))
	require.False(t, f.exists(t, object), "the upload is not needed any more")
	require.Nil(t, asset.ExpiresAt)

	again, created, err := f.Complete(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, asset, again)
	read, err := f.Get(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.Equal(t, asset, read)

	stranger := factory.User(t, f.store, 0)
	for _, err := range []error{
		func() error { _, err := f.Get(t.Context(), stranger.ID, id); return err }(),
		func() error { _, _, err := f.Complete(t.Context(), stranger.ID, id); return err }(),
		f.Delete(t.Context(), stranger.ID, id),
		func() error { _, _, err := f.Complete(t.Context(), f.user.ID, uuid.New()); return err }(),
	} {
		require.ErrorIs(t, err, assets.ErrNotFound)
	}
}

func TestComplete_refused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for assetType, want := range map[string]error{assets.Selfie: inspect.ErrFaceCheck, assets.Reference: inspect.ErrInvalidImage} {
		file := picture(t)
		if assetType == assets.Reference {
			file = file[:20]
		}
		id, object := f.upload(t, assetType, "image/png", file)
		_, _, err := f.Complete(t.Context(), f.user.ID, id)
		require.ErrorIs(t, err, want)
		row, _ := f.row(t, id)
		require.Equal(t, "rejected", row.Status)
		reason := apperr.From(err).Details["reason"]
		require.Equal(t, reason, *row.RejectReason)
		require.False(t, f.exists(t, object), "a refused object is removed")

		f.send(t, id, face(t)) // its address was good for a while more
		_, _, err = f.Complete(t.Context(), f.user.ID, id)
		require.ErrorIs(t, err, want, "the answer stays")
		require.Equal(t, reason, apperr.From(err).Details["reason"])
		require.ErrorIs(t, f.Delete(t.Context(), f.user.ID, id), assets.ErrNotFound)
	}
}

// What the storage calls the object is what it will call it in every download.
func TestComplete_storedAsAnotherType(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.announce(t, assets.Reference, "image/png", picture(t))
	object := f.objectOf(t, id)
	require.NoError(t, f.objects.Put(t.Context(), object, "image/webp", bytes.NewReader(picture(t)), int64(len(picture(t)))))
	_, _, err := f.Complete(t.Context(), f.user.ID, id)
	require.ErrorIs(t, err, inspect.ErrInvalidImage)
	require.Equal(t, "type_mismatch", apperr.From(err).Details["reason"])
}

func TestComplete_profilePhoto(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, uploaded := f.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	first, created, err := f.Complete(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	require.NotEqual(t, uploaded.Path, first.StoragePath, "drawn anew, under a name of its own")
	require.False(t, f.exists(t, uploaded))
	require.Equal(t, storage.BucketProfilePhotos, first.Bucket)
	body, _, err := f.objects.Open(t.Context(), f.objectOf(t, id))
	require.NoError(t, err)
	shown, err := jpeg.Decode(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, int(*first.Width), shown.Bounds().Dx())
	requirePhoto(t, f, &id)

	second := f.ready(t, assets.ProfilePhoto, "image/jpeg", face(t))
	requirePhoto(t, f, &second.ID)
	_, ok := f.row(t, first.ID)
	require.False(t, ok, "the old photo is gone")
	require.Len(t, f.stored(t), 1)

	require.NoError(t, f.Delete(t.Context(), f.user.ID, second.ID))
	requirePhoto(t, f, nil)
	require.Empty(t, f.stored(t))
}

func requirePhoto(t *testing.T, f *fixture, want *uuid.UUID) {
	t.Helper()
	user, err := f.store.Queries().UserGet(t.Context(), f.user.ID)
	require.NoError(t, err)
	require.Equal(t, want, user.ProfilePhotoAssetID)
}

// Several requests to complete one upload end it once.
func TestComplete_sideBySide(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, _ := f.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	var all sync.WaitGroup
	created := make(chan bool, 6)
	for range cap(created) {
		all.Go(func() {
			asset, first, err := f.completeInTurn(t, id)
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
	require.Len(t, f.stored(t), 1)
	f.requireWhole(t, true)
}

// completeInTurn is Complete for a client that asks again where its turn did not come in time, as on a busy machine.
func (f *fixture) completeInTurn(t *testing.T, id uuid.UUID) (asset db.Asset, first bool, err error) {
	t.Helper()
	for range 6 { // up to ten seconds each
		asset, first, err = f.Complete(t.Context(), f.user.ID, id)
		if !errors.Is(err, apperr.ErrUnavailable) {
			break
		}
	}
	return asset, first, err
}

// Of several photos that are completed side by side one stays, with its object.
func TestComplete_photosSideBySide(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var all sync.WaitGroup
	for range 5 {
		id, _ := f.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
		all.Go(func() {
			if _, _, err := f.completeInTurn(t, id); err != nil {
				t.Errorf("complete: %v", err)
			}
		})
	}
	all.Wait()
	left := f.rows(t)
	require.Len(t, left, 1)
	requirePhoto(t, f, &left[0].ID)
	require.Len(t, f.stored(t), 1)
	f.requireWhole(t, true)
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
			f := setup(t)
			f.ready(t, assets.ProfilePhoto, "image/jpeg", face(t)) // to be replaced
			id, _ := f.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
			fail(f.objects, true)
			_, _, err := f.Complete(t.Context(), f.user.ID, id)
			if name == "remove" {
				require.NoError(t, err, "an object too many is no failure")
			} else {
				require.ErrorIs(t, err, apperr.ErrUnavailable)
			}
			f.requireWhole(t, false)
			fail(f.objects, false)
			_, created, err := f.Complete(t.Context(), f.user.ID, id)
			require.NoError(t, err)
			require.Equal(t, name != "remove", created)
			requirePhoto(t, f, &id)
			f.sweepLater(t)
			f.requireWhole(t, true)
		})
	}
}

// The process may die between any two steps. Here it dies where the context ends: after the object, before the row.
func TestComplete_diesBeforeItsRow(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, _ := f.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	ctx, die := context.WithCancel(t.Context())
	dying := assets.New(assets.Deps{
		Store: f.store, Objects: dyingStore{Store: f.objects, die: die}, Checker: anything{}, Now: f.now, NewID: factory.ID,
	})
	_, _, err := dying.Complete(ctx, f.user.ID, id)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, f.stored(t), 2)
	_, created, err := f.Complete(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.True(t, created)
	f.sweepLater(t)
	f.requireWhole(t, true)
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
	f := setup(t)
	id, object := f.upload(t, assets.Reference, "image/png", picture(t))
	checker, err := inspect.New(inspect.Config{MaxWait: time.Hour})
	require.NoError(t, err)
	breaking := assets.New(assets.Deps{
		Store: f.store, Objects: breakingStore{f.objects}, Checker: checker, Now: f.now, NewID: factory.ID,
	})
	_, _, err = breaking.Complete(t.Context(), f.user.ID, id)
	require.ErrorIs(t, err, apperr.ErrUnavailable)
	require.True(t, f.exists(t, object), "that it could not be read says nothing against the picture")
	row, _ := f.row(t, id)
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
