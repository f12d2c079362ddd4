package backlog_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/ops/backlog"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestService_looksAtAllKinds(t *testing.T) {
	t.Parallel()
	f := setup(t, 100)
	empty, err := f.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, []backlog.Kind{{Name: "generate"}, {Name: "mail"}, {Name: "reply"}}, empty.Kinds)
	require.Empty(t, empty.Providers)

	f.failed(t, "internal")
	f.exec(t, "update jobs set finished_at = now() - interval '61 minutes'")
	f.failed(t, "content_blocked")
	running, retrying := f.order(t), f.order(t)
	f.order(t)
	f.order(t)
	_, err = postgres.First(f.store.Queries().JobClaim(t.Context(), db.JobClaimParams{Ids: []uuid.UUID{running}, LeaseSeconds: 60, MaxAttempts: 4}))
	require.NoError(t, err)
	f.exec(t, "update jobs set attempt = 1, run_at = now() + interval '1 minute' where id = $1", retrying)
	f.exec(t, "update jobs set queued_at = queued_at - interval '90 seconds' where id = $1", running)
	other := factory.User(t, f.store, 1)
	f.user, f.project = other, factory.Project(t, f.store, other.ID, nil)
	f.exec(t, "update jobs set waits_for = 'provider' where id = $1", f.order(t))
	for _, status := range []string{"queued", "sending", "sent", "failed", "failed"} {
		f.mail(t, status)
	}
	o, err := f.Look(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 90, o.Kinds[0].Oldest.Seconds(), 20)
	require.InDelta(t, 0, o.Kinds[1].Oldest.Seconds(), 20)
	o.Kinds[0].Oldest, o.Kinds[1].Oldest = 0, 0
	require.Equal(t, backlog.Overview{
		Kinds: []backlog.Kind{
			{Name: "generate", Parked: 3, Retrying: 1, Running: 1, FailedLastHour: 1},
			{Name: "mail", Waiting: 1, Running: 1, FailedLastHour: 2},
			{Name: "reply"},
		},
		Providers: []backlog.Provider{{Name: "gemini", Running: 1, Parked: 1}},
	}, o)
}

func TestDead_retriesAndDropsMails(t *testing.T) {
	t.Parallel()
	f := setup(t, 0)
	id, other := f.mail(t, "failed"), f.mail(t, "failed")
	sent := f.mail(t, "sent")
	list, err := f.List(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "mail", list[0].Kind)
	require.Equal(t, "password_changed: 550 no such user", list[0].Reason)

	retried, err := f.Retry(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, id, retried)
	require.Equal(t, id, <-f.pushed)
	row, err := f.store.Queries().MailClaim(t.Context(), db.MailClaimParams{ID: id, LeaseSeconds: 60, MaxAttempts: 10})
	require.NoError(t, err)
	require.EqualValues(t, 1, row.Attempt)
	require.NoError(t, f.Drop(t.Context(), other))
	for _, gone := range []uuid.UUID{id, other, sent, factory.ID()} {
		_, err = f.Retry(t.Context(), gone)
		require.ErrorIs(t, err, backlog.ErrNotDead)
		require.ErrorIs(t, f.Drop(t.Context(), gone), backlog.ErrNotDead)
	}
	list, err = f.List(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

// A job that failed through its owner's doing is not listed, and each failure is dealt with once.
func TestDead_repeatsAndDismissesJobs(t *testing.T) {
	t.Parallel()
	f := setup(t, 2)
	blocked := []uuid.UUID{f.failed(t, "content_blocked"), f.failed(t, "invalid_image")}
	first, second, third := f.failed(t, "internal"), f.failed(t, "worker_lost"), f.failed(t, "provider_failed")
	list, err := f.List(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, []uuid.UUID{third, second, first}, []uuid.UUID{list[0].ID, list[1].ID, list[2].ID})
	require.Equal(t, "generate", list[0].Kind)
	require.Equal(t, "provider_failed", list[0].Reason)
	var table strings.Builder
	require.NoError(t, backlog.Write(&table, list))
	require.Regexp(t, `(?m)^`+first.String()+`  generate  \S+Z  0         "internal"$`, table.String())
	list, err = f.List(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, list, 1)

	repeated, err := f.Retry(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, repeated, <-f.pushed)
	require.EqualValues(t, 1, factory.Balance(t, f.store, f.user.ID), "paid again")
	was, err := f.jobs.Get(t.Context(), f.user.ID, first)
	require.NoError(t, err)
	require.Equal(t, "failed", was.Job.Status)
	is, err := f.jobs.Get(t.Context(), f.user.ID, repeated)
	require.NoError(t, err)
	require.Equal(t, "queued", is.Job.Status)
	require.Equal(t, was.Job.PromptID, is.Job.PromptID)
	require.Equal(t, was.Job.Seed, is.Job.Seed)
	project, err := projects.Read(t.Context(), f.store.Queries(), f.user.ID, f.project.ID)
	require.NoError(t, err)
	require.Equal(t, "queued", project.Status)

	f.away["nano_banana"] = true
	_, err = f.Retry(t.Context(), second)
	require.ErrorIs(t, err, catalog.ErrModelUnavailable)
	f.away["nano_banana"] = false
	f.exec(t, "update jobs set model = 'fal_flux', mode = 'copy' where id = $1", second)
	_, err = f.Retry(t.Context(), second)
	require.ErrorIs(t, err, catalog.ErrModelUnavailable, "it can't do that any more")
	f.exec(t, "update jobs set model = 'nano_banana', mode = 'design' where id = $1", second)
	_, err = f.Retry(t.Context(), second)
	require.NoError(t, err)
	_, err = f.Retry(t.Context(), third)
	require.ErrorIs(t, err, jobs.ErrInsufficientCredits)
	require.NoError(t, f.Drop(t.Context(), third), "a refused retry changes nothing")
	for _, id := range append(blocked, first, second, third, repeated) {
		_, err = f.Retry(t.Context(), id)
		require.ErrorIs(t, err, backlog.ErrNotDead)
		require.ErrorIs(t, f.Drop(t.Context(), id), backlog.ErrNotDead)
	}
	_, err = f.jobs.Get(t.Context(), f.user.ID, third)
	require.NoError(t, err, "it stays in its owner's history")
	require.Zero(t, factory.Balance(t, f.store, f.user.ID))
}

// Operators who deal with the same job at the same moment charge its owner once.
func TestDead_repeatsAJobOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 10)
	id := f.failed(t, "worker_lost")
	var repeated, refused atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, err := f.Retry(context.Background(), id); {
			case err == nil:
				repeated.Add(1)
			case errors.Is(err, backlog.ErrNotDead):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, repeated.Load())
	require.EqualValues(t, 7, refused.Load())
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
}
