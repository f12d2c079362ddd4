package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/logtest"
)

// illustrated makes the fixture's project one with all kinds of pictures, and returns them in the order of its members.
func (f *fixture) illustrated(t *testing.T) []uuid.UUID {
	t.Helper()
	ids := []uuid.UUID{
		f.picture(t, "ref", []byte("first")), f.picture(t, "ref", []byte("second")), f.picture(t, "selfie", []byte("a face")),
		f.picture(t, "copy_target", []byte("a picture")),
	}
	f.project = factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) {
		p.Mode, p.RefAssetIds, p.SelfieAssetID, p.CopyTargetAssetID = "copy", ids[:2], &ids[2], &ids[3]
	})
	return ids
}

// gallery deletes pictures as the API does.
func (f *fixture) gallery() *assets.Service {
	return assets.New(assets.Deps{
		Store: f.store, Objects: f.objects, Now: time.Now, NewID: factory.ID, Log: slog.New(slog.DiscardHandler),
	})
}

// A project without its pictures is neither paid for nor drawn, whichever picture it was, and says which.
func TestQueueProject_409_assetMissing(t *testing.T) {
	t.Parallel()
	for i, field := range []string{
		"/prompt/ref_asset_ids/0", "/prompt/ref_asset_ids/1", "/prompt/selfie_asset_id", "/prompt/copy_target_asset_id",
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			f := setup(t, 10, time.Minute)
			ids := f.illustrated(t)
			key := idempotency.Key{Operation: "queueProject", Value: "k", Hash: [32]byte{1}}
			paid, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, mine, key)
			require.NoError(t, err)
			require.ErrorIs(t, f.gallery().Delete(t.Context(), f.user.ID, ids[i]), assets.ErrInUse)
			require.NoError(t, f.runner.Run(t.Context(), paid.JobID))
			require.NoError(t, f.gallery().Delete(t.Context(), f.user.ID, ids[i]))

			for _, k := range []idempotency.Key{noKey, {Operation: "queueProject", Value: "another", Hash: [32]byte{2}}} {
				_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, mine, k)
				require.ErrorIs(t, err, projects.ErrAssetMissing)
				require.Equal(t, apperr.Conflict, apperr.From(err).Kind)
				require.Equal(t, []apperr.Field{apperr.Body(field[1:], "not_found", "This picture was deleted.")}, apperr.From(err).Fields)
			}
			require.Equal(t, 10-paid.CostCredits, factory.Balance(t, f.store, f.user.ID), "nothing more was charged")

			again, replayed, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, mine, key)
			require.NoError(t, err)
			require.True(t, replayed)
			require.Equal(t, paid, again, "a repeat gets its answer, whatever was deleted since")
		})
	}
}

// A picture that is being deleted is waited for: it is gone, or the job has it.
func TestQueueProject_409_whileItsPictureIsDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	ids := f.illustrated(t)
	queued := make(chan error, 1)
	err := f.store.InTx(t.Context(), func(q *db.Queries) error { // as assets.Service.Delete does it
		if err := q.AssetLockOwner(t.Context(), f.user.ID); err != nil {
			return err
		}
		if _, err := q.AssetDelete(t.Context(), db.AssetDeleteParams{ID: ids[3], UserID: &f.user.ID}); err != nil {
			return err
		}
		go func() {
			_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, mine, noKey)
			queued <- err
		}()
		return waitForLock(t, f)
	})
	require.NoError(t, err)
	require.ErrorIs(t, <-queued, projects.ErrAssetMissing)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}

// waitForLock returns when a connection to the database waits for a lock. It fails with an error, which a caller within a
// transaction returns, so that the transaction ends before the test does.
func waitForLock(t *testing.T, f *fixture) error {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-look.C {
		var waiting bool
		err := f.store.Pool().QueryRow(t.Context(), `select exists (
			select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waiting)
		if err != nil || waiting {
			return err
		}
	}
	return errors.New("nothing waits for a lock")
}

// Of a deletion and a queueing at the same moment one wins, and no job waits for a picture that is gone.
func TestQueueProject_besideDeletions(t *testing.T) {
	t.Parallel()
	f := setup(t, 100, time.Minute)
	for range 10 {
		target := f.illustrated(t)[3]
		var deleted, refused error
		var both sync.WaitGroup
		both.Go(func() { deleted = f.gallery().Delete(t.Context(), f.user.ID, target) })
		both.Go(func() { _, _, refused = f.service.Queue(t.Context(), f.user.ID, f.project.ID, mine, noKey) })
		both.Wait()
		if deleted == nil {
			require.ErrorIs(t, refused, projects.ErrAssetMissing)
			continue
		}
		require.ErrorIs(t, deleted, assets.ErrInUse)
		require.NoError(t, refused)
	}
}

// What keeps a job from its pictures ends it, and its credits come back: it is not drawn without them, or with others.
func TestRenderer_drawsWithTheCheckedPicturesOrNotAtAll(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(t *testing.T, f *fixture, target db.Asset){
		"row deleted": func(t *testing.T, f *fixture, target db.Asset) {
			t.Helper()
			_, err := f.store.Queries().AssetDelete(t.Context(), db.AssetDeleteParams{ID: target.ID, UserID: &f.user.ID})
			require.NoError(t, err)
		},
		"object removed": func(t *testing.T, f *fixture, target db.Asset) {
			t.Helper()
			require.NoError(t, f.objects.Remove(t.Context(), target.Bucket, target.StoragePath))
		},
		"replaced, of the same size": func(t *testing.T, f *fixture, target db.Asset) { t.Helper(); f.replace(t, target, "A picture") },
		"shorter":                    func(t *testing.T, f *fixture, target db.Asset) { t.Helper(); f.replace(t, target, "a pic") },
		"longer": func(t *testing.T, f *fixture, target db.Asset) {
			t.Helper()
			f.replace(t, target, "a picture, and more")
		},
	}
	for name, change := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, 10, time.Minute)
			var log logtest.Buffer
			f.renderer.Log = slog.New(slog.NewJSONHandler(&log, nil))
			ids := f.illustrated(t)
			found, err := f.gallery().ByIDs(t.Context(), f.user.ID, ids)
			require.NoError(t, err)
			id := f.request(t, mine)
			change(t, f, found[ids[3]])
			f.moderator.Sees = func(context.Context, providers.Picture) (providers.Finding, error) {
				return providers.Finding{}, errors.New("asked about a picture that was not checked")
			}
			f.paint(paintsNothing(t))
			require.NoError(t, f.runner.Run(t.Context(), id))
			job := f.job(t, id).Job
			require.Equal(t, "failed", job.Status)
			require.Equal(t, "invalid_image", *job.ErrorCode)
			require.EqualValues(t, 1, job.Attempt, "no other attempt would help")
			require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
			if changed := name != "row deleted" && name != "object removed"; changed {
				require.Contains(t, log.String(), `"level":"ERROR","msg":"a picture in storage is not the one that was checked"`)
			}
		})
	}
}

// replace puts other bytes where a picture lies.
func (f *fixture) replace(t *testing.T, a db.Asset, data string) {
	t.Helper()
	object := storage.Object{Bucket: a.Bucket, Path: a.StoragePath}
	require.NoError(t, f.objects.Put(t.Context(), object, "image/png", bytes.NewReader([]byte(data)), int64(len(data))))
}

// An operator who queues a failed job anew does not charge its owner for a picture that is gone.
func TestRepeat_refusesAJobWhosePictureIsGone(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	ids := f.illustrated(t)
	f.paint(failsWith(providers.Permanent))
	id := f.request(t, mine)
	require.NoError(t, f.runner.Run(t.Context(), id))
	require.NoError(t, f.gallery().Delete(t.Context(), f.user.ID, ids[0]))
	_, err := f.service.Repeat(t.Context(), id)
	require.ErrorIs(t, err, projects.ErrAssetMissing)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}
