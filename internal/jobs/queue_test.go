package jobs_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

var (
	noKey = idempotency.Key{}
	draft = jobs.JobRequest{Quality: catalog.Draft, Variants: 1}
)

func TestQueueProject_chargesAndQueues(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	queued, replayed, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID,
		jobs.JobRequest{Model: "nano_banana_pro", Quality: catalog.Std, Variants: 2}, noKey)
	require.NoError(t, err)
	require.False(t, replayed)
	require.EqualValues(t, 6, queued.CostCredits)
	require.EqualValues(t, 4, queued.CreditsLeft)
	require.EqualValues(t, 4, factory.Balance(t, w.store, w.user.ID))
	require.Equal(t, queued.JobID, <-w.pushed)
	require.Equal(t, "queued", w.job(t, queued.JobID).Job.Status)
	require.Equal(t, "queued", w.projectStatus(t))
}

func TestQueueProject_4kScalesTheLongerSide(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, jobs.JobRequest{Quality: catalog.FourK, Variants: 1})
	job := w.job(t, id).Job
	require.EqualValues(t, 3840, job.Width)
	require.EqualValues(t, 2160, job.Height)
}

// Whatever runs side by side, a balance is spent once.
func TestQueueProject_409_fiftyAtOnceOnCreditsForTen(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	var paid, refused atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, _, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, noKey)
			switch {
			case err == nil:
				paid.Add(1)
			case errors.Is(err, jobs.ErrInsufficientCredits):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, paid.Load())
	require.EqualValues(t, 40, refused.Load())
	require.Zero(t, factory.Balance(t, w.store, w.user.ID))
	list, err := w.service.List(t.Context(), w.user.ID, nil, uuid.Max, 100)
	require.NoError(t, err)
	require.Len(t, list, 10)
}

func TestQueueProject_refuses(t *testing.T) {
	t.Parallel()
	w := setup(t, 3, time.Minute)
	other := factory.User(t, w.store, 100)
	target, selfie := factory.ID(), factory.ID()
	copying := factory.Project(t, w.store, w.user.ID, func(p *db.ProjectCreateParams) {
		p.Mode, p.CopyTargetAssetID, p.SelfieAssetID = catalog.Copy, &target, &selfie
	})
	referring := factory.Project(t, w.store, w.user.ID, func(p *db.ProjectCreateParams) { p.RefAssetIds = []uuid.UUID{target} })
	selfies := factory.Project(t, w.store, w.user.ID, func(p *db.ProjectCreateParams) { p.SelfieAssetID = &selfie })
	flux := jobs.JobRequest{Model: "fal_flux", Quality: catalog.Draft, Variants: 1}
	consent := func(me bool) *safety.Consent { return &safety.Consent{SubjectIsMe: me, AcceptedAt: time.Now()} }
	for name, c := range map[string]struct {
		user, project uuid.UUID
		order         jobs.JobRequest
		want          error
	}{
		"too dear":        {w.user.ID, w.project.ID, jobs.JobRequest{Quality: catalog.Std, Variants: 2}, jobs.ErrInsufficientCredits},
		"model away":      {w.user.ID, w.project.ID, jobs.JobRequest{Model: "seedream", Quality: catalog.Draft, Variants: 1}, catalog.ErrModelUnavailable},
		"no such project": {w.user.ID, factory.ID(), draft, projects.ErrNotFound},
		"somebody else's": {other.ID, w.project.ID, draft, projects.ErrNotFound},
		"no consent":      {w.user.ID, copying.ID, draft, apperr.Validation()},
		"consent denied":  {w.user.ID, copying.ID, jobs.JobRequest{Quality: catalog.Draft, Variants: 1, Consent: consent(false)}, safety.ErrFaceSwapBlocked},
		"model can't copy": {
			w.user.ID, copying.ID,
			jobs.JobRequest{Model: "fal_flux", Quality: catalog.Draft, Variants: 1, Consent: consent(true)},
			catalog.ErrModelUnavailable,
		},
		"model takes no references": {w.user.ID, referring.ID, flux, catalog.ErrModelUnavailable},
		"model takes no selfie":     {w.user.ID, selfies.ID, flux, catalog.ErrModelUnavailable},
		"copying costs one":         {w.user.ID, copying.ID, jobs.JobRequest{Quality: catalog.Draft, Variants: 2, Consent: consent(true)}, jobs.ErrInsufficientCredits},
	} {
		_, _, err := w.service.Queue(t.Context(), c.user, c.project, c.order, noKey)
		require.ErrorIs(t, err, c.want, name)
	}
	require.EqualValues(t, 3, factory.Balance(t, w.store, w.user.ID))
	require.Empty(t, w.pushed)
	require.Equal(t, "draft", w.projectStatus(t))
}

func TestQueueProject_sameKeyDoesItOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	key := idempotency.Key{Operation: "queueProject", Value: "k", Hash: [32]byte{1}}
	var replays atomic.Int32
	answers := make([]jobs.Queued, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			queued, replayed, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, key)
			if err != nil {
				t.Error(err)
			}
			if replayed {
				replays.Add(1)
			}
			answers[i] = queued
		})
	}
	wg.Wait()
	require.EqualValues(t, len(answers)-1, replays.Load())
	for _, answer := range answers {
		require.Equal(t, answers[0], answer)
	}
	require.EqualValues(t, 9, factory.Balance(t, w.store, w.user.ID))

	key.Hash = [32]byte{2}
	_, _, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, key)
	require.ErrorIs(t, err, idempotency.ErrConflict)
}

// A failure is not remembered: the same key may succeed once there are credits.
func TestQueueProject_keyOfAFailureStaysFree(t *testing.T) {
	t.Parallel()
	w := setup(t, 0, time.Minute)
	key := idempotency.Key{Operation: "queueProject", Value: "k", Hash: [32]byte{1}}
	_, _, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, key)
	require.ErrorIs(t, err, jobs.ErrInsufficientCredits)
	_, err = w.store.Queries().CreditGrant(t.Context(), db.CreditGrantParams{
		ID: factory.ID(), UserID: w.user.ID, Delta: 1, Action: "grant", Meta: []byte("{}"),
	})
	require.NoError(t, err)
	_, replayed, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, key)
	require.NoError(t, err)
	require.False(t, replayed)
}

// An edit between pricing and paying must not let a job be drawn at another's price.
func TestQueueProject_whileTheProjectIsEdited(t *testing.T) {
	t.Parallel()
	w := setup(t, 200, time.Minute)
	editor := projects.NewService(w.store, func(context.Context, uuid.UUID, []uuid.UUID) (map[uuid.UUID]db.Asset, error) {
		return map[uuid.UUID]db.Asset{}, nil
	}, time.Now, factory.ID)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 40 {
			headline := "edit " + strconv.Itoa(i)
			edit := projects.Change{Prompt: &projects.Prompt{Headline: headline}}
			if _, err := editor.Update(t.Context(), w.user.ID, w.project.ID, edit); err != nil {
				t.Error(err)
			}
		}
	})
	var queued atomic.Int32
	for range 4 {
		wg.Go(func() {
			for range 10 {
				switch _, _, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, noKey); {
				case err == nil:
					queued.Add(1)
				case apperr.From(err).Code != apperr.CodeVersionConflict:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 200-queued.Load(), factory.Balance(t, w.store, w.user.ID))
	require.Positive(t, queued.Load())
}
