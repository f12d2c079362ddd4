package assets_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

func TestSweep_expiredUploads(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, object := w.upload(t, assets.Reference, "image/png", picture(t))
	_, unowned := signupPhoto(t, w, face(t))
	kept := w.ready(t, assets.Reference, "image/png", picture(t))
	w.advance(time.Hour + 9*time.Minute)
	require.NoError(t, w.Sweep(t.Context(), w.now()))
	require.True(t, w.exists(t, object), "somebody may be at it")
	w.advance(2 * time.Minute)
	require.NoError(t, w.Sweep(t.Context(), w.now()))
	require.False(t, w.exists(t, object))
	require.False(t, w.exists(t, unowned))
	_, _, err := w.Complete(t.Context(), w.user.ID, id)
	require.ErrorIs(t, err, assets.ErrNotFound)
	require.Len(t, w.rows(t), 1)
	require.True(t, w.exists(t, w.objectOf(t, kept.ID)))
}

func TestSweep_rejectedUploads(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, object := w.upload(t, assets.Reference, "image/png", picture(t)[:20])
	w.objects.failRemove.Store(true)
	_, _, err := w.Complete(t.Context(), w.user.ID, id)
	require.Error(t, err)
	require.True(t, w.exists(t, object))
	require.Error(t, w.Sweep(t.Context(), w.now().Add(2*time.Hour)))
	w.objects.failRemove.Store(false)
	require.NoError(t, w.Sweep(t.Context(), w.now().Add(2*time.Hour)))
	require.False(t, w.exists(t, object), "its object goes first")
	require.Len(t, w.rows(t), 1)
	require.NoError(t, w.Sweep(t.Context(), w.now().Add(25*time.Hour)))
	require.Empty(t, w.rows(t))
}

func TestSweep_orphans(t *testing.T) {
	t.Parallel()
	w := setup(t)
	kept := w.ready(t, assets.Reference, "image/png", picture(t))
	var orphans []storage.Object
	for _, b := range storage.Buckets() {
		orphans = append(orphans, orphan(t, w, b.Name, "left"))
	}
	require.NoError(t, w.Sweep(t.Context(), w.now().Add(59*time.Minute)))
	for _, o := range orphans {
		require.True(t, w.exists(t, o), "somebody may come for it")
	}
	require.NoError(t, w.Sweep(t.Context(), w.now().Add(2*time.Hour)))
	for _, o := range orphans {
		require.False(t, w.exists(t, o))
	}
	require.True(t, w.exists(t, w.objectOf(t, kept.ID)))

	before := w.objects.listed.Load()
	require.NoError(t, w.Sweep(t.Context(), w.now().Add(2*time.Hour+time.Minute)))
	require.Equal(t, before, w.objects.listed.Load(), "all has been looked through within the hour")
}

func orphan(t *testing.T, w *world, bucket, name string) storage.Object {
	t.Helper()
	o := storage.Object{Bucket: bucket, Path: w.user.ID.String() + "/ref/" + name + ".png"}
	require.NoError(t, w.objects.Put(t.Context(), o, "image/png", bytes.NewReader(picture(t)), int64(len(picture(t)))))
	return o
}

// How old an orphan has to be is the operator's choice, and so often is looked for them.
func TestSweep_orphanAge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	sweeper := assets.New(assets.Deps{Store: w.store, Objects: w.objects, Log: quiet(), OrphanAge: time.Minute})
	require.NoError(t, sweeper.Sweep(t.Context(), w.now()))
	o := orphan(t, w, storage.BucketRenders, "young")
	require.NoError(t, sweeper.Sweep(t.Context(), w.now().Add(50*time.Second)))
	require.True(t, w.exists(t, o))
	require.NoError(t, sweeper.Sweep(t.Context(), w.now().Add(70*time.Second)))
	require.False(t, w.exists(t, o))
}

// A bucket of many pages is looked through in parts, each of which begins where the last has ended.
func TestSweep_remembersItsPosition(t *testing.T) {
	t.Parallel()
	w := setup(t)
	paged := &smallPages{Store: w.objects}
	sweeper := assets.New(assets.Deps{Store: w.store, Objects: paged, Log: quiet()})
	for i := range 25 {
		orphan(t, w, storage.BucketRenders, fmt.Sprintf("%02d", i))
	}
	later := w.now().Add(2 * time.Hour)
	require.NoError(t, sweeper.Sweep(t.Context(), later))
	require.Len(t, w.stored(t), 5, "ten pages of two")
	require.NoError(t, sweeper.Sweep(t.Context(), later.Add(time.Minute)))
	require.Empty(t, w.stored(t))
}

// Nothing that a row refers to is removed, whatever goes on beside the sweep, also when everything looks old.
func TestSweep_race(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var uploads, sweeps sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		sweeps.Go(func() { w.sweepUntil(t, stop) })
	}
	for client := range 4 {
		uploads.Go(func() {
			for i := range 15 {
				w.comeAndGo(t, (i+client)%3 == 0)
			}
		})
	}
	uploads.Wait()
	close(stop)
	sweeps.Wait()
	require.Len(t, w.rows(t), 40)
	w.requireWhole(t, true)
}

// sweepUntil sweeps, each time from the beginning, so far ahead that every object looks old but no upload is late.
func (w *world) sweepUntil(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		sweeper := assets.New(assets.Deps{Store: w.store, Objects: w.objects, Log: quiet()})
		if err := sweeper.Sweep(t.Context(), w.now().Add(65*time.Minute)); err != nil {
			t.Errorf("sweep: %v", err)
		}
	}
}

// comeAndGo completes an upload, and perhaps deletes it.
func (w *world) comeAndGo(t *testing.T, andGo bool) {
	id, _ := w.upload(t, assets.Reference, "image/png", picture(t))
	if _, _, err := w.Complete(t.Context(), w.user.ID, id); err != nil {
		t.Errorf("complete: %v", err)
	}
	if !andGo {
		return
	}
	if err := w.Delete(t.Context(), w.user.ID, id); err != nil {
		t.Errorf("delete: %v", err)
	}
}
