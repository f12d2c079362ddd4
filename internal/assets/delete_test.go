package assets_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	f := setup(t)
	asset := f.ready(t, assets.Reference, "image/png", picture(t))
	require.NoError(t, f.Delete(t.Context(), f.user.ID, asset.ID))
	require.Empty(t, f.stored(t))
	require.ErrorIs(t, f.Delete(t.Context(), f.user.ID, asset.ID), assets.ErrNotFound)

	id, _ := f.upload(t, assets.Reference, "image/png", picture(t))
	require.NoError(t, f.Delete(t.Context(), f.user.ID, id), "an upload can be given up")
	require.Empty(t, f.stored(t))
	_, _, err := f.Complete(t.Context(), f.user.ID, id)
	require.ErrorIs(t, err, assets.ErrNotFound)
}

func TestDelete_diesBeforeItsObject(t *testing.T) {
	t.Parallel()
	f := setup(t)
	asset := f.ready(t, assets.Reference, "image/png", picture(t))
	f.objects.failRemove.Store(true)
	require.NoError(t, f.Delete(t.Context(), f.user.ID, asset.ID))
	require.Len(t, f.stored(t), 1, "an object too many, never one too few")
	f.objects.failRemove.Store(false)
	f.sweepLater(t)
	require.Empty(t, f.stored(t))
}

// queue writes a job that draws a project as it stands, and returns how to end it.
func queue(t *testing.T, f *fixture, change func(*db.ProjectCreateParams)) (end func()) {
	t.Helper()
	project := factory.Project(t, f.store, f.user.ID, change)
	job, err := postgres.First(f.store.Queries().JobQueue(t.Context(), factory.Order(project)))
	require.NoError(t, err)
	return func() {
		_, err := f.store.Queries().JobEnd(t.Context(), db.JobEndParams{ID: job.ID, Status: "canceled", LedgerID: factory.ID()})
		require.NoError(t, err)
	}
}

func TestDelete_409_anAssetInUse(t *testing.T) {
	t.Parallel()
	for assetType, use := range map[string]func(*db.ProjectCreateParams, uuid.UUID){
		assets.Reference:  func(p *db.ProjectCreateParams, id uuid.UUID) { p.RefAssetIds = []uuid.UUID{factory.ID(), id} },
		assets.CopyTarget: func(p *db.ProjectCreateParams, id uuid.UUID) { p.CopyTargetAssetID = &id },
		assets.Selfie:     func(p *db.ProjectCreateParams, id uuid.UUID) { p.SelfieAssetID = &id },
	} {
		t.Run(assetType, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			asset := f.ready(t, assetType, "image/jpeg", face(t))
			end := queue(t, f, func(p *db.ProjectCreateParams) { use(p, asset.ID) })
			require.ErrorIs(t, f.Delete(t.Context(), f.user.ID, asset.ID), assets.ErrInUse)
			require.True(t, f.exists(t, f.objectOf(t, asset.ID)))
			other := f.ready(t, assetType, "image/jpeg", face(t))
			require.NoError(t, f.Delete(t.Context(), f.user.ID, other.ID), "which no job needs")
			end()
			require.NoError(t, f.Delete(t.Context(), f.user.ID, asset.ID))
		})
	}
}

// A job that is being queued is waited for: its picture is not deleted under its hands.
func TestDelete_whileAJobIsQueued(t *testing.T) {
	t.Parallel()
	f := setup(t)
	asset := f.ready(t, assets.Reference, "image/png", picture(t))
	project := factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) {
		p.RefAssetIds = []uuid.UUID{asset.ID}
	})
	deleted := make(chan error, 1)
	err := f.store.InTx(t.Context(), func(q *db.Queries) error {
		_, err := postgres.First(q.JobQueue(t.Context(), factory.Order(project)))
		if err != nil {
			return err
		}
		go func() { deleted <- f.Delete(t.Context(), f.user.ID, asset.ID) }()
		return waitForLock(t, f)
	})
	require.NoError(t, err)
	require.ErrorIs(t, <-deleted, assets.ErrInUse)
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
