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

func TestQueueProject_202_chargesAndQueues(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	queued, replayed, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID,
		jobs.JobRequest{Model: "nano_banana_pro", Quality: catalog.Std, Variants: 2}, noKey)
	require.NoError(t, err)
	require.False(t, replayed)
	require.EqualValues(t, 6, queued.CostCredits)
	require.EqualValues(t, 4, queued.CreditsLeft)
	require.EqualValues(t, 4, factory.Balance(t, f.store, f.user.ID))
	require.Equal(t, queued.JobID, <-f.pushed)
	require.Equal(t, "queued", f.job(t, queued.JobID).Job.Status)
	require.Equal(t, "queued", f.projectStatus(t))
}

func TestQueueProject_202_4kScalesTheLongerSide(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, jobs.JobRequest{Quality: catalog.FourK, Variants: 1})
	job := f.job(t, id).Job
	require.EqualValues(t, 3840, job.Width)
	require.EqualValues(t, 2160, job.Height)
}

// Whatever runs side by side, a balance is spent once.
func TestQueueProject_409_fiftyAtOnceOnCreditsForTen(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	var paid, refused atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, noKey)
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
	require.Zero(t, factory.Balance(t, f.store, f.user.ID))
	list, err := f.service.List(t.Context(), f.user.ID, nil, uuid.Max, 100)
	require.NoError(t, err)
	require.Len(t, list, 10)
}

func TestQueueProject_4xx_costsNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, 3, time.Minute)
	other := factory.User(t, f.store, 100)
	target, selfie := f.picture(t, "copy_target", []byte("a picture")), f.picture(t, "selfie", []byte("a face"))
	copying := factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) {
		p.Mode, p.CopyTargetAssetID, p.SelfieAssetID = catalog.Copy, &target, &selfie
	})
	referring := factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) { p.RefAssetIds = []uuid.UUID{target} })
	selfies := factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) { p.SelfieAssetID = &selfie })
	flux := jobs.JobRequest{Model: "fal_flux", Quality: catalog.Draft, Variants: 1}
	consent := func(me bool) *safety.Consent { return &safety.Consent{SubjectIsMe: me, AcceptedAt: time.Now()} }
	for name, c := range map[string]struct {
		user, project uuid.UUID
		request       jobs.JobRequest
		want          error
	}{
		"too dear":          {f.user.ID, f.project.ID, jobs.JobRequest{Quality: catalog.Std, Variants: 2}, jobs.ErrInsufficientCredits},
		"model away":        {f.user.ID, f.project.ID, jobs.JobRequest{Model: "seedream", Quality: catalog.Draft, Variants: 1}, catalog.ErrModelUnavailable},
		"no such project":   {f.user.ID, factory.ID(), draft, projects.ErrNotFound},
		"another account's": {other.ID, f.project.ID, draft, projects.ErrNotFound},
		"no consent":        {f.user.ID, copying.ID, draft, apperr.Validation()},
		"consent denied":    {f.user.ID, copying.ID, jobs.JobRequest{Quality: catalog.Draft, Variants: 1, Consent: consent(false)}, safety.ErrFaceSwapBlocked},
		"model can't copy": {
			f.user.ID, copying.ID,
			jobs.JobRequest{Model: "fal_flux", Quality: catalog.Draft, Variants: 1, Consent: consent(true)},
			catalog.ErrModelUnavailable,
		},
		"model takes no references": {f.user.ID, referring.ID, flux, catalog.ErrModelUnavailable},
		"model takes no selfie":     {f.user.ID, selfies.ID, flux, catalog.ErrModelUnavailable},
		"copying costs one": {
			f.user.ID, copying.ID,
			jobs.JobRequest{Quality: catalog.Draft, Variants: 2, Consent: consent(true)},
			jobs.ErrInsufficientCredits,
		},
	} {
		_, _, err := f.service.Queue(t.Context(), c.user, c.project, c.request, noKey)
		require.ErrorIs(t, err, c.want, name)
	}
	require.EqualValues(t, 3, factory.Balance(t, f.store, f.user.ID))
	require.Empty(t, f.pushed)
	require.Equal(t, "draft", f.projectStatus(t))
}

func TestQueueProject_202_sameKeyDoesItOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	key := idempotency.Key{Operation: "queueProject", Value: "k", Hash: [32]byte{1}}
	var replays atomic.Int32
	answers := make([]jobs.Queued, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			queued, replayed, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, key)
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
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))

	key.Hash = [32]byte{2}
	_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, key)
	require.ErrorIs(t, err, idempotency.ErrConflict)
}

// A failure is not remembered: the same key may succeed once there are credits.
func TestQueueProject_202_keyOfAFailureStaysFree(t *testing.T) {
	t.Parallel()
	f := setup(t, 0, time.Minute)
	key := idempotency.Key{Operation: "queueProject", Value: "k", Hash: [32]byte{1}}
	_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, key)
	require.ErrorIs(t, err, jobs.ErrInsufficientCredits)
	_, err = f.store.Queries().CreditGrant(t.Context(), db.CreditGrantParams{
		ID: factory.ID(), UserID: f.user.ID, Delta: 1, Action: "grant", Meta: []byte("{}"),
	})
	require.NoError(t, err)
	_, replayed, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, key)
	require.NoError(t, err)
	require.False(t, replayed)
}

// An edit between pricing and paying must not let a job be drawn at another's price.
func TestQueueProject_202_whileTheProjectIsEdited(t *testing.T) {
	t.Parallel()
	f := setup(t, 200, time.Minute)
	editor := projects.NewService(f.store, func(context.Context, uuid.UUID, []uuid.UUID) (map[uuid.UUID]db.Asset, error) {
		return map[uuid.UUID]db.Asset{}, nil
	}, time.Now, factory.ID)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 40 {
			headline := "edit " + strconv.Itoa(i)
			edit := projects.Change{Prompt: &projects.Prompt{Headline: headline}}
			if _, err := editor.Update(t.Context(), f.user.ID, f.project.ID, edit); err != nil {
				t.Error(err)
			}
		}
	})
	var queued atomic.Int32
	for range 4 {
		wg.Go(func() {
			for range 10 {
				switch _, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, noKey); {
				case err == nil:
					queued.Add(1)
				case apperr.From(err).Code != apperr.CodeVersionConflict:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 200-queued.Load(), factory.Balance(t, f.store, f.user.ID))
	require.Positive(t, queued.Load())
}
