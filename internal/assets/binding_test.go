package assets_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/logtest"
)

// sweeper is a worker's service that tells why it would not sweep.
type sweeper struct {
	*assets.Service
	refused map[string]assets.RefusedSweep // by bucket
	log     logtest.Buffer
}

func newSweeper(store *postgres.Store, objects storage.Store, grace time.Duration) *sweeper {
	s := &sweeper{refused: map[string]assets.RefusedSweep{}}
	s.Service = assets.New(assets.Deps{
		Store: store, Objects: objects, Log: slog.New(slog.NewTextHandler(&s.log, nil)), SweepGrace: grace,
		OnRefusedSweep: func(bucket string, reason assets.RefusedSweep) { s.refused[bucket] = reason },
	})
	return s
}

// pictures stores n pictures with rows.
func (f *fixture) pictures(t *testing.T, n int) []db.Asset {
	t.Helper()
	list := make([]db.Asset, n)
	for i := range list {
		list[i] = f.ready(t, assets.Reference, "image/png", picture(t))
	}
	return list
}

// markers lists those of the bucket that the tests look at.
func (f *fixture) markers(t *testing.T) (paths []string) {
	t.Helper()
	page, err := f.objects.List(t.Context(), storage.BucketUserAssets, "mugshot-database/", "", 10)
	require.NoError(t, err)
	for _, e := range page.Entries {
		paths = append(paths, e.Path)
	}
	return paths
}

// A worker of another database with the key of our buckets removes nothing, whether it is empty or has pictures of its own,
// and whether the buckets had been bound before or not.
func TestSweep_sparesTheBucketsOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	for _, bound := range []bool{true, false} {
		t.Run(fmt.Sprintf("bound=%v", bound), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.pictures(t, 3)
			reason := assets.ForeignBucket
			if !bound { // as a release before has left them
				require.NoError(t, f.objects.Remove(t.Context(), storage.BucketUserAssets, f.markers(t)...))
				reason = assets.UnknownObjects
			}
			before := f.markers(t)

			staging := newSweeper(factory.Store(t), f.objects, 0)
			for hours := range 3 {
				require.NoError(t, staging.Sweep(t.Context(), f.now().Add(time.Duration(2+2*hours)*time.Hour)))
			}
			require.Equal(t, reason, staging.refused[storage.BucketUserAssets])
			require.Contains(t, staging.log.String(), "level=ERROR")
			require.Len(t, f.stored(t), 3)
			require.Equal(t, before, f.markers(t))

			ours := newSweeper(f.store, f.objects, 0)
			require.NoError(t, ours.Sweep(t.Context(), f.now().Add(2*time.Hour)))
			require.Empty(t, ours.refused)
			require.Len(t, f.stored(t), 3)
			require.Len(t, f.markers(t), 1)

			_, err := staging.Orphans(t.Context(), f.now(), true)
			require.ErrorIs(t, err, assets.ErrUnbound)
			from, err := staging.Bind(t.Context())
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), from, time.Minute)
			require.Len(t, f.markers(t), 1)
			require.NoError(t, ours.Sweep(t.Context(), f.now().Add(9*time.Hour)))
			require.Equal(t, assets.ForeignBucket, ours.refused[storage.BucketUserAssets], "the operator's word counts")
		})
	}
}

// Two databases that bind the same buckets at once both stop.
func TestSweep_twoMarkersStopBoth(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.pictures(t, 3)
	mine := f.markers(t)[0]
	other := storage.Object{Bucket: storage.BucketUserAssets, Path: "mugshot-database/" + factory.ID().String() + ".png"}
	require.NotEqual(t, mine, other.Path)
	require.NoError(t, f.objects.Put(t.Context(), other, "image/png", bytes.NewReader(picture(t)), int64(len(picture(t)))))
	left := orphan(t, f, storage.BucketUserAssets, "left")
	s := newSweeper(f.store, f.objects, 0)
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(2*time.Hour)))
	require.Equal(t, assets.ForeignBucket, s.refused[storage.BucketUserAssets])
	require.True(t, f.exists(t, left))
}

func TestSweep_stopsWhereMostIsUnknown(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.pictures(t, 9)
	for i := range 12 {
		orphan(t, f, storage.BucketUserAssets, fmt.Sprint(i))
	}
	f.objects.listed.Store(0)
	s := newSweeper(f.store, f.objects, 0)
	later := f.now().Add(2 * time.Hour)
	require.NoError(t, s.Sweep(t.Context(), later))
	require.Len(t, f.stored(t), 21)
	require.Equal(t, assets.UnknownObjects, s.refused[storage.BucketUserAssets])
	require.Contains(t, s.log.String(), "most of a page is unknown to the database")

	found, err := s.Orphans(t.Context(), later, false)
	require.NoError(t, err)
	require.Equal(t, 12, found[storage.BucketUserAssets])
	require.Len(t, f.stored(t), 21)
	_, err = s.Orphans(t.Context(), later, true)
	require.NoError(t, err)
	f.requireWhole(t, true)
	require.Len(t, f.stored(t), 9)
}

// What a client uploads to addresses of uploads that have ended does not stop the sweep: it goes.
func TestSweep_isNotStoppedByUploads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.pictures(t, 3)
	for i := range 30 {
		o := storage.Object{Bucket: storage.BucketUserAssets, Path: fmt.Sprintf("%s/incoming/%d.png", f.user.ID, i)}
		require.NoError(t, f.objects.Put(t.Context(), o, "image/png", strings.NewReader("x"), 1))
	}
	s := newSweeper(f.store, f.objects, 0)
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(2*time.Hour)))
	require.Empty(t, s.refused)
	require.Len(t, f.stored(t), 3)
}

// After a restore nothing is removed before an operator has bound the buckets, and then for as long as the grace.
func TestSweep_waitsAfterARestore(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.pictures(t, 3)
	left := orphan(t, f, storage.BucketUserAssets, "left")
	_, err := f.store.Pool().Exec(t.Context(), "delete from storage_bindings") // as restore.sh does
	require.NoError(t, err)
	s := newSweeper(f.store, f.objects, 24*time.Hour)
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(48*time.Hour)))
	require.Equal(t, assets.ForeignBucket, s.refused[storage.BucketUserAssets])

	from, err := s.Bind(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), from, time.Minute)
	s = newSweeper(f.store, f.objects, 24*time.Hour) // a worker that starts then
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(23*time.Hour)))
	require.True(t, f.exists(t, left))
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(25*time.Hour)))
	require.False(t, f.exists(t, left))
	require.Empty(t, s.refused)
}

// A database that was set back by other means is older than the marker.
func TestSweep_noticesADatabaseThatWasSetBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.pictures(t, 3)
	left := orphan(t, f, storage.BucketUserAssets, "left")
	_, err := f.store.Pool().Exec(t.Context(),
		"update storage_bindings set bound_at = now() - interval '9 days', swept_at = now() - interval '1 day'")
	require.NoError(t, err)
	s := newSweeper(f.store, f.objects, 24*time.Hour)
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(2*time.Hour)))
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(20*time.Hour)))
	require.True(t, f.exists(t, left))
	require.Contains(t, s.log.String(), "it was restored")
	require.NoError(t, s.Sweep(t.Context(), f.now().Add(25*time.Hour)))
	require.False(t, f.exists(t, left))
}
