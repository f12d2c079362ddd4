package process_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// When a worker is killed in the middle of a job, another worker finishes the job after the lease has expired.
func TestWorker_jobIsFinishedByAnotherWhenKilled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t, shortLease)
	ada := f.creator(t, api, 20)
	id := ada.queue(t, api, client.QualityN4K, 2)
	ada.awaitStage(t, api, id, client.JobStageGenerating)
	worker.freeze(t) // so that it can't end the job while the other one starts
	f.worker(t, shortLease)
	require.EqualValues(t, 1, ada.job(t, api, id).Attempt)
	worker.kill()

	killed := time.Now()
	eventuallyf(t, func() bool { return ada.job(t, api, id).Attempt >= 2 }, "another attempt")
	took := time.Since(killed)
	t.Logf("taken over after %s", took)
	require.Less(t, took, 30*time.Second, "4 s are promised; gocraft/work itself takes ten minutes")
	require.Len(t, ada.awaitSuccess(t, api, id).Renders, 2)
	f.audit(t)
	require.EqualValues(t, 12, f.balance(t, ada))
}

// A worker that was suspended for longer than its lease finds that another worker has finished the job, and changes nothing.
func TestWorker_leavesAJobThatItsLeaseLost(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, sleeper := f.api(t), f.worker(t, shortLease)
	ada := f.creator(t, api, 20)
	id := ada.queue(t, api, client.QualityN4K, 2)
	ada.awaitStage(t, api, id, client.JobStageGenerating)
	sleeper.freeze(t)
	f.worker(t, shortLease)
	finished := ada.awaitSuccess(t, api, id)
	require.Greater(t, finished.Attempt, int64(1))

	sleeper.thaw(t)
	t.Logf("stopped after %s", sleeper.stop(t, syscall.SIGTERM)) // it tries to end the job that it has lost
	after := ada.awaitSuccess(t, api, id)
	require.Equal(t, finished.Version, after.Version)
	f.audit(t)
	require.EqualValues(t, 12, f.balance(t, ada))
	require.Equal(t, 2, f.pictures(t), "those of the suspended worker are removed")
}

// A worker that is stopped and can't finish its job in time gives it back, and the attempt does not count.
func TestWorker_givesBackWhatItCannotFinishInTime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t, "DRAIN_TIMEOUT=10ms")
	ada := f.creator(t, api, 20)
	id := ada.queue(t, api, client.QualityN4K, 2)
	ada.awaitStage(t, api, id, client.JobStageGenerating)
	took := worker.stop(t, syscall.SIGTERM)
	stopped := time.Now()
	given := ada.job(t, api, id)
	require.Equal(t, client.JobStatusQueued, given.Status)
	require.EqualValues(t, 0, given.Attempt)
	require.False(t, given.Error.IsSpecified() && !given.Error.IsNull())

	f.worker(t)
	eventuallyf(t, func() bool { return ada.job(t, api, id).Attempt == 1 }, "another worker")
	t.Logf("stopped after %s, taken over after %s", took, time.Since(stopped))
	require.EqualValues(t, 1, ada.awaitSuccess(t, api, id).Attempt)
	f.audit(t)
	require.Equal(t, 2, f.pictures(t))
}

// A worker that is stopped finishes the job that it has begun, and begins no other.
func TestWorker_finishesWhatItBeganWhenStopped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t, "WORKER_GENERATE_SLOTS=1", "DRAIN_TIMEOUT=50s")
	ada := f.creator(t, api, 20)
	first := ada.queue(t, api, client.QualityN4K, 2)
	ada.awaitStage(t, api, first, client.JobStageGenerating)
	second := ada.queue(t, api, client.QualityDraft, 1)
	t.Logf("stopped after %s", worker.stop(t, syscall.SIGTERM))
	require.EqualValues(t, 1, ada.awaitSuccess(t, api, first).Attempt)
	require.EqualValues(t, 0, ada.job(t, api, second).Attempt)
	f.worker(t)
	ada.awaitSuccess(t, api, second)
	f.audit(t)
}

// Redis is emptied while jobs wait and are drawn. Each job is done once nevertheless.
func TestWorker_outlivesFlushall(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t)
	ada := f.creator(t, api, 20)
	var ids []uuid.UUID
	for range 20 {
		ids = append(ids, ada.queue(t, api, client.QualityDraft, 1))
	}
	f.worker(t, "WORKER_GENERATE_SLOTS=1")
	f.worker(t, "WORKER_GENERATE_SLOTS=1")
	eventuallyf(t, func() bool { return f.count(t, "select count(*) from jobs where status = 'succeeded'") > 0 }, "a first success")
	f.command(t, "FLUSHALL")
	flushed := time.Now()
	waiting := f.count(t, "select count(*) from jobs where status = 'queued'")
	require.NotZero(t, waiting, "nothing was left to lose")
	for _, id := range ids {
		require.EqualValues(t, 1, ada.awaitSuccess(t, api, id).Attempt)
	}
	t.Logf("%d waiting jobs done %s after the flush", waiting, time.Since(flushed))
	f.audit(t)
	require.Zero(t, f.balance(t, ada))
}

// pictures counts the stored renders.
func (f *fixture) pictures(t *testing.T) int {
	t.Helper()
	n := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(f.dir, "storage", storage.BucketRenders), func(_ string, e fs.DirEntry, err error) error {
		switch {
		case err == nil && e.IsDir() && e.Name() == "mugshot-database": // the marker of the bucket's database
			return fs.SkipDir
		case err == nil && !e.IsDir():
			n++
		}
		return err
	}))
	return n
}
