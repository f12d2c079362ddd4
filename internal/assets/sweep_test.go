package assets_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

func TestSweep_expiredUploads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, object := f.upload(t, assets.Reference, "image/png", picture(t))
	_, unowned := signupPhoto(t, f, face(t))
	kept := f.ready(t, assets.Reference, "image/png", picture(t))
	f.advance(time.Hour + 9*time.Minute)
	require.NoError(t, f.Sweep(t.Context(), f.now()))
	require.True(t, f.exists(t, object), "a request may be completing it")
	f.advance(2 * time.Minute)
	require.NoError(t, f.Sweep(t.Context(), f.now()))
	require.False(t, f.exists(t, object))
	require.False(t, f.exists(t, unowned))
	_, _, err := f.Complete(t.Context(), f.user.ID, id)
	require.ErrorIs(t, err, assets.ErrNotFound)
	require.Len(t, f.rows(t), 1)
	require.True(t, f.exists(t, f.objectOf(t, kept.ID)))
}

func TestSweep_rejectedUploads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, object := f.upload(t, assets.Reference, "image/png", picture(t)[:20])
	f.objects.failRemove.Store(true)
	_, _, err := f.Complete(t.Context(), f.user.ID, id)
	require.Error(t, err)
	require.True(t, f.exists(t, object))
	require.Error(t, f.Sweep(t.Context(), f.now().Add(2*time.Hour)))
	f.objects.failRemove.Store(false)
	require.NoError(t, f.Sweep(t.Context(), f.now().Add(2*time.Hour)))
	require.False(t, f.exists(t, object), "its object goes first")
	require.Len(t, f.rows(t), 1)
	require.NoError(t, f.Sweep(t.Context(), f.now().Add(25*time.Hour)))
	require.Empty(t, f.rows(t))
}

func TestSweep_orphans(t *testing.T) {
	t.Parallel()
	f := setup(t)
	kept := f.ready(t, assets.Reference, "image/png", picture(t))
	var orphans []storage.Object
	for _, b := range storage.Buckets() {
		orphans = append(orphans, orphan(t, f, b.Name, "left"))
	}
	require.NoError(t, f.Sweep(t.Context(), f.now().Add(59*time.Minute)))
	for _, o := range orphans {
		require.True(t, f.exists(t, o), "its row may still be written")
	}
	require.NoError(t, f.Sweep(t.Context(), f.now().Add(2*time.Hour)))
	for _, o := range orphans {
		require.False(t, f.exists(t, o))
	}
	require.True(t, f.exists(t, f.objectOf(t, kept.ID)))

	before := f.objects.listed.Load()
	require.NoError(t, f.Sweep(t.Context(), f.now().Add(2*time.Hour+time.Minute)))
	require.Equal(t, before, f.objects.listed.Load(), "all has been looked through within the hour")
}

func orphan(t *testing.T, f *fixture, bucket, name string) storage.Object {
	t.Helper()
	o := storage.Object{Bucket: bucket, Path: f.user.ID.String() + "/ref/" + name + ".png"}
	require.NoError(t, f.objects.Put(t.Context(), o, "image/png", bytes.NewReader(picture(t)), int64(len(picture(t)))))
	return o
}

// How old an orphan has to be is the operator's choice, and so often is looked for them.
func TestSweep_orphanAge(t *testing.T) {
	t.Parallel()
	f := setup(t)
	sweeper := assets.New(assets.Deps{Store: f.store, Objects: f.objects, Log: quiet(), OrphanAge: time.Minute})
	require.NoError(t, sweeper.Sweep(t.Context(), f.now()))
	o := orphan(t, f, storage.BucketRenders, "young")
	require.NoError(t, sweeper.Sweep(t.Context(), f.now().Add(50*time.Second)))
	require.True(t, f.exists(t, o))
	require.NoError(t, sweeper.Sweep(t.Context(), f.now().Add(70*time.Second)))
	require.False(t, f.exists(t, o))
}

// A bucket of many pages is looked through in parts, each of which begins where the last has ended.
func TestSweep_remembersItsPosition(t *testing.T) {
	t.Parallel()
	f := setup(t)
	paged := &smallPages{Store: f.objects}
	sweeper := assets.New(assets.Deps{Store: f.store, Objects: paged, Log: quiet()})
	for i := range 25 {
		orphan(t, f, storage.BucketRenders, fmt.Sprintf("%02d", i))
	}
	later := f.now().Add(2 * time.Hour)
	require.NoError(t, sweeper.Sweep(t.Context(), later))
	require.Len(t, f.stored(t), 5, "ten pages of two")
	require.NoError(t, sweeper.Sweep(t.Context(), later.Add(time.Minute)))
	require.Empty(t, f.stored(t))
}

// Nothing that a row refers to is removed, whatever goes on beside the sweep, also when everything looks old but what a
// request is about to write the row of.
func TestSweep_race(t *testing.T) {
	t.Parallel()
	f := setup(t)
	unfinished := &youngUntilDone{Store: f.objects}
	var uploads, sweeps sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		sweeps.Go(func() { f.sweepUntil(t, unfinished, stop) })
	}
	for client := range 4 {
		uploads.Go(func() {
			for i := range 15 {
				f.comeAndGo(t, unfinished, (i+client)%3 == 0)
			}
		})
	}
	uploads.Wait()
	close(stop)
	sweeps.Wait()
	require.Len(t, f.rows(t), 40)
	f.requireWhole(t, true)
}

// sweepUntil sweeps, each time from the beginning, so far ahead that every object looks old but no upload is late.
func (f *fixture) sweepUntil(t *testing.T, objects storage.Store, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		sweeper := assets.New(assets.Deps{Store: f.store, Objects: objects, Log: quiet()})
		if err := sweeper.Sweep(t.Context(), f.now().Add(65*time.Minute)); err != nil {
			t.Errorf("sweep: %v", err)
		}
	}
}

// youngUntilDone lists an object whose row may be about to be written as one of the time of the sweep.
type youngUntilDone struct {
	storage.Store
	done sync.Map // paths of completed assets
}

func (y *youngUntilDone) List(ctx context.Context, bucket, prefix, cursor string, limit int) (storage.Page, error) {
	page, err := y.Store.List(ctx, bucket, prefix, cursor, limit)
	for i, e := range page.Entries {
		if _, done := y.done.Load(e.Path); !done && !strings.Contains(e.Path, "/incoming/") {
			page.Entries[i].Modified = e.Modified.Add(time.Hour)
		}
	}
	return page, err
}

// comeAndGo completes an upload, and perhaps deletes it.
func (f *fixture) comeAndGo(t *testing.T, objects *youngUntilDone, andGo bool) {
	id, _ := f.upload(t, assets.Reference, "image/png", picture(t))
	asset, _, err := f.Complete(t.Context(), f.user.ID, id)
	if err != nil {
		t.Errorf("complete: %v", err)
	}
	objects.done.Store(asset.StoragePath, true)
	if !andGo {
		return
	}
	if err := f.Delete(t.Context(), f.user.ID, id); err != nil {
		t.Errorf("delete: %v", err)
	}
}
