package jobs_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// picture is an asset of the fixture's user that a provider may be sent.
func (f *fixture) picture(t *testing.T, assetType string, data []byte) uuid.UUID {
	t.Helper()
	id, sum := factory.ID(), md5.Sum(data)
	path := storage.ObjectName(f.user.ID, assetType, id, time.Now(), "image/png")
	_, err := f.store.Pool().Exec(t.Context(), `insert into assets
		(id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
		values ($1, $2, $3, 'ready', $4, $5, 'image/png', $6, 1, 1, $7)`,
		id, f.user.ID, assetType, storage.BucketUserAssets, path, len(data), hex.EncodeToString(sum[:]))
	require.NoError(t, err)
	object := storage.Object{Bucket: storage.BucketUserAssets, Path: path}
	require.NoError(t, f.objects.Put(t.Context(), object, "image/png", bytes.NewReader(data), int64(len(data))))
	return id
}

// copying makes the fixture's project one that puts a face into the picture of these bytes.
func (f *fixture) copying(t *testing.T, target []byte) {
	t.Helper()
	f.project = factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) {
		p.Mode = "copy"
		p.SelfieAssetID = new(f.picture(t, "selfie", []byte("a face")))
		p.CopyTargetAssetID = new(f.picture(t, "copy_target", target))
	})
}

// mine orders with the consent of oneself.
var mine = jobs.JobRequest{Quality: "draft", Variants: 1, Consent: &safety.Consent{SubjectIsMe: true, AcceptedAt: time.Now()}}

// decisions are the safety events of the fixture's user, as action and reason.
func (f *fixture) decisions(t *testing.T) []string {
	t.Helper()
	rows, err := f.store.Pool().Query(t.Context(), `select action, coalesce(meta->>'rule', ''), meta::text from audit_logs
		where user_id = $1 and (action like 'content%' or action like 'face_swap%') order by seq`, f.user.ID)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var action, reason, meta string
		require.NoError(t, rows.Scan(&action, &reason, &meta))
		require.NotContains(t, meta, "robot")
		all = append(all, strings.TrimSpace(action+" "+reason))
	}
	require.NoError(t, rows.Err())
	return all
}

// paintsNothing fails the test where a picture is asked for that must not be.
func paintsNothing(t *testing.T) painter {
	return func(context.Context, providers.ImageRequest, providers.Sink) error {
		t.Error("a provider was asked to draw")
		return nil
	}
}

func TestRenderer_refundsWhatTheModeratorBlocks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found        providers.Finding
		code, reason string
	}{
		"minor":  {providers.Finding{Minor: true}, "face_swap_blocked", "picture_minor"},
		"sexual": {providers.Finding{Sexual: true}, "content_blocked", "picture_sexual"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, 10, time.Minute)
			f.paint(paintsNothing(t))
			f.copying(t, []byte("a target"))
			var shown atomic.Pointer[db.Job]
			id := f.request(t, mine)
			f.moderator.Sees = func(_ context.Context, picture providers.Picture) (providers.Finding, error) {
				require.Equal(t, "a target", string(picture.Data))
				shown.Store(new(f.job(t, id).Job))
				return c.found, nil
			}
			require.EqualValues(t, 8, factory.Balance(t, f.store, f.user.ID))
			for range 3 { // duplicates in the transport are harmless
				require.NoError(t, f.runner.Run(t.Context(), id))
			}
			require.Equal(t, "moderating", shown.Load().Stage)
			require.EqualValues(t, 5, shown.Load().Progress)

			job := f.job(t, id).Job
			require.Equal(t, "failed", job.Status)
			require.Equal(t, c.code, *job.ErrorCode)
			require.Contains(t, *job.ErrorMessage, "Choose another one. Your credits are back.")
			require.EqualValues(t, 1, job.Attempt)
			require.Equal(t, job.CostCredits, job.RefundedCredits)
			require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
			require.Equal(t, []string{c.code + " " + c.reason}, f.decisions(t))
			var refunds int
			require.NoError(t, f.store.Pool().QueryRow(t.Context(),
				"select count(*) from audit_logs where job_id = $1 and action = 'job_refund'", id).Scan(&refunds))
			require.Equal(t, 1, refunds)

			// The next order of the same picture is refused before anything is paid.
			_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, mine, noKey)
			require.Equal(t, c.code, string(apperr.From(err).Code))
			require.Equal(t, apperr.Forbidden, apperr.From(err).Kind)
			require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
			require.Equal(t, []string{c.code + " " + c.reason, c.code + " " + c.reason}, f.decisions(t))
		})
	}
}

func TestRenderer_passesTheStagesInOrder(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.copying(t, []byte("a target"))
	id := f.request(t, mine)
	var stages []string
	var percent int32
	listening := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := follow(t.Context(), f.service, f.user.ID, id, 0, func(v jobs.View) error {
			if v.Job.Progress < percent {
				t.Errorf("progress went from %d back to %d", percent, v.Job.Progress)
			}
			if len(stages) == 0 {
				close(listening)
			}
			percent, stages = v.Job.Progress, append(stages, v.Job.Stage)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-listening
	require.NoError(t, f.runner.Run(t.Context(), id))
	wg.Wait()
	require.Equal(t, []string{"waiting", "preparing", "moderating", "generating", "done"}, stages)
	require.Equal(t, []string{"content_allowed"}, f.decisions(t))
}

// A moderator that is away never allows a picture. The job waits, and is drawn or refunded once there is an answer.
func TestRenderer_waitsForAModeratorThatIsAway(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.paint(paintsNothing(t))
	f.copying(t, []byte("a target"))
	for _, class := range []providers.Class{providers.Transient, providers.Permanent} {
		f.moderator.Sees = func(context.Context, providers.Picture) (providers.Finding, error) {
			return providers.Finding{}, &providers.Error{Provider: "moderator", Class: class, Reason: "TEST"}
		}
		id := f.request(t, mine)
		require.NoError(t, f.runner.Run(t.Context(), id))
		job := f.job(t, id).Job
		require.Equal(t, "queued", job.Status)
		require.Equal(t, "provider_busy", *job.ErrorCode)
		for range jobs.MaxAttempts {
			require.NoError(t, f.runner.Run(t.Context(), id))
		}
		job = f.job(t, id).Job
		require.Equal(t, "failed", job.Status)
		require.EqualValues(t, jobs.MaxAttempts, job.Attempt)
		require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
	}
	require.Empty(t, f.decisions(t))

	f.paint(paints)
	f.moderator.Sees = nil
	id := f.request(t, mine)
	require.NoError(t, f.runner.Run(t.Context(), id))
	require.Equal(t, "succeeded", f.job(t, id).Job.Status)
}

// Two jobs of one picture, moderated at once by a moderator that answers differently, end alike.
func TestRenderer_twoAttemptsGoByOneDecision(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.copying(t, []byte("a target"))
	var looking sync.WaitGroup
	looking.Add(2)
	var calls atomic.Int64
	f.moderator.Sees = func(context.Context, providers.Picture) (providers.Finding, error) {
		minor := calls.Add(1) == 1
		looking.Done()
		looking.Wait()
		return providers.Finding{Minor: minor}, nil
	}
	ids := []uuid.UUID{f.request(t, mine), f.request(t, mine)}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			if err := f.runner.Run(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	one, other := f.job(t, ids[0]).Job, f.job(t, ids[1]).Job
	require.Equal(t, one.Status, other.Status)
	require.Equal(t, map[string]int64{"failed": 10, "succeeded": 6}[one.Status], factory.Balance(t, f.store, f.user.ID))
	decisions := f.decisions(t)
	require.Len(t, decisions, 2)
	require.Equal(t, decisions[0], decisions[1])
}

func TestQueueProject_403_forbiddenWords(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.project = factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) { p.Vibe = new("completely naked") })
	_, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, noKey)
	require.ErrorIs(t, err, safety.ErrContentBlocked)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
	require.Equal(t, []string{"content_blocked words_sexual"}, f.decisions(t))
	require.Equal(t, "draft", f.projectStatus(t))
}

// Whoever gets a job past the queue, such as an operator who repeats one, does not get it past the worker.
func TestRenderer_checksWordsAndConsentAgain(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.paint(paintsNothing(t))
	words := f.request(t, draft)
	_, err := f.store.Pool().Exec(t.Context(), "update prompts set details = 'completely naked', normalized_jsonb = null where project_id = $1", f.project.ID)
	require.NoError(t, err)
	require.NoError(t, f.runner.Run(t.Context(), words))
	require.Equal(t, "content_blocked", *f.job(t, words).Job.ErrorCode)

	f.copying(t, []byte("a target"))
	consent := f.request(t, mine)
	_, err = f.store.Pool().Exec(t.Context(), "update jobs set consent = null where id = $1", consent)
	require.NoError(t, err)
	require.NoError(t, f.runner.Run(t.Context(), consent))
	require.Equal(t, "face_swap_blocked", *f.job(t, consent).Job.ErrorCode)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
	require.Equal(t, []string{"content_blocked words_sexual", "face_swap_blocked no_consent"}, f.decisions(t))
}

// Providers are fed from the normal form; one of older rules is made and stored anew, one of newer ones is left alone.
func TestRenderer_sendsTheNormalForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stored, after int
	}{"none": {0, prompts.Version}, "older": {prompts.Version - 1, prompts.Version}, "newer": {prompts.Version + 1, prompts.Version + 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, 10, time.Minute)
			f.project = factory.Project(t, f.store, f.user.ID, func(p *db.ProjectCreateParams) {
				p.Headline, p.Details = "I  built\u200b a robot", new("one\r\ntwo")
				if name != "none" {
					p.NormalizedJsonb = prompts.Normal{Version: c.stored, Prompt: providers.Prompt{Headline: "of other rules"}}.Encode()
				}
			})
			var fed providers.Prompt
			f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
				fed = req.Prompt
				return paints(ctx, req, sink)
			})
			require.NoError(t, f.runner.Run(t.Context(), f.request(t, draft)))
			require.Equal(t, providers.Prompt{Headline: "I built a robot", Details: "one\ntwo"}, fed)
			stored, err := f.store.Queries().PromptGet(t.Context(), f.project.PromptID)
			require.NoError(t, err)
			var normal prompts.Normal
			require.NoError(t, json.Unmarshal(stored.NormalizedJsonb, &normal))
			require.Equal(t, c.after, normal.Version)
			require.Equal(t, "I  built\u200b a robot", stored.Headline, "what the creator wrote stays")
		})
	}
}
