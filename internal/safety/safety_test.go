package safety_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestReview_weighsWhatTheModeratorFinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found        providers.Finding
		swap, copied *apperr.Error // nil: allowed
		rule         safety.Rule
	}{
		"nothing":       {providers.Finding{}, nil, nil, ""},
		"public figure": {providers.Finding{PublicFigure: true}, safety.ErrFaceSwapBlocked, safety.ErrContentBlocked, safety.PublicFigure},
		"minor":         {providers.Finding{Minor: true}, safety.ErrFaceSwapBlocked, safety.ErrContentBlocked, safety.Minor},
		"likeness":      {providers.Finding{Likeness: true}, safety.ErrFaceSwapBlocked, nil, safety.Likeness},
		"sexual":        {providers.Finding{Sexual: true}, safety.ErrContentBlocked, safety.ErrContentBlocked, safety.SexualPicture},
		"violent":       {providers.Finding{Violent: true}, safety.ErrContentBlocked, safety.ErrContentBlocked, safety.Violent},
		"refused":       {providers.Finding{Refused: true}, safety.ErrContentBlocked, safety.ErrContentBlocked, safety.Unseen},
		"sexual minor":  {providers.Finding{Minor: true, Sexual: true}, safety.ErrContentBlocked, safety.ErrContentBlocked, safety.SexualPicture},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, finds(c.found))
			for request, want := range map[*safety.DrawRequest]*apperr.Error{new(f.swap()): c.swap, new(f.copied()): c.copied} {
				err := f.review(t.Context(), *request, &picture)
				if want == nil {
					require.NoError(t, err)
					continue
				}
				requireRefused(t, err, want, c.rule)
			}
			for _, e := range f.events(t) {
				require.Equal(t, "test/1", e.Meta["judge"])
				require.NotEmpty(t, e.Meta["job_id"])
			}
			require.Len(t, f.events(t), 2)
		})
	}
}

func TestReview_looksOnlyAtWhatIsCopied(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{Sexual: true}))
	require.NoError(t, f.review(t.Context(), f.request(), &picture))
	require.NoError(t, f.review(t.Context(), f.copied(), nil))
	require.Zero(t, f.moderator.calls.Load())
	for _, e := range f.events(t) {
		require.Equal(t, "content_allowed", e.Action)
		require.NotContains(t, e.Meta, "judge")
	}
}

func TestReview_refusesByWordsAndConsentWithoutALook(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{}))
	request := f.swap()
	request.Prompt.Details = "undress her"
	requireRefused(t, f.review(t.Context(), request, &picture), safety.ErrContentBlocked, safety.UndressingWords)
	for _, consent := range []*safety.Consent{nil, {}} {
		request = f.swap()
		request.Consent = consent
		requireRefused(t, f.review(t.Context(), request, &picture), safety.ErrFaceSwapBlocked, safety.NoConsent)
	}
	require.Zero(t, f.moderator.calls.Load())
	events := f.events(t)
	require.Len(t, events, 3)
	require.Equal(t, "content_blocked", events[0].Action)
	require.Equal(t, "words_undressing", events[0].Meta["rule"])
	require.Equal(t, "face_swap_blocked", events[1].Action)
	require.Equal(t, "no_consent", events[1].Meta["rule"])
}

// The agreement of the person in the selfie is as good as being that person, and without a selfie none is needed.
func TestReview_consentIsAskedForWhereAFaceIsUsed(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{}))
	request := f.swap()
	request.Consent = &safety.Consent{SubjectAgreed: true}
	require.NoError(t, f.review(t.Context(), request, &picture))
	require.NoError(t, f.review(t.Context(), f.copied(), &picture))
	request = f.request()
	request.Selfie = true
	require.NoError(t, f.review(t.Context(), request, nil))
}

func TestReview_moderatesAPictureOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{Minor: true}))
	for range 3 {
		require.Error(t, f.review(t.Context(), f.swap(), &picture))
	}
	require.EqualValues(t, 1, f.moderator.calls.Load())
	events := f.events(t)
	require.Len(t, events, 3, "every decision is written down")
	require.Equal(t, []any{false, true, true}, []any{events[0].Meta["known"], events[1].Meta["known"], events[2].Meta["known"]})

	other := providers.Picture{ContentType: "image/png", Data: []byte("another picture")}
	require.Error(t, f.review(t.Context(), f.swap(), &other))
	require.EqualValues(t, 2, f.moderator.calls.Load())

	f.now = f.now.Add(31 * 24 * time.Hour)
	require.Error(t, f.review(t.Context(), f.swap(), &picture))
	require.EqualValues(t, 3, f.moderator.calls.Load(), "a finding expires")

	f.moderator.name = "test/2"
	require.Error(t, f.review(t.Context(), f.swap(), &picture))
	require.EqualValues(t, 4, f.moderator.calls.Load(), "another moderator looks for itself")
}

// Two pictures with one md5 can be made in seconds. The second one must not pass because the first one did.
func TestReview_anotherPictureWithTheSameMD5IsModerated(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{Sexual: true}))
	sum := md5.Sum(picture.Data)
	_, err := f.store.Pool().Exec(t.Context(), `insert into image_verdicts (md5, judge, sha256, finding, expires_at)
		values ($1, 'test/1', $2, '{}', $3)`, hex.EncodeToString(sum[:]), make([]byte, 32), f.now.Add(time.Hour))
	require.NoError(t, err)
	for range 2 {
		requireRefused(t, f.review(t.Context(), f.copied(), &picture), safety.ErrContentBlocked, safety.SexualPicture)
	}
	require.EqualValues(t, 1, f.moderator.calls.Load())
}

// Judges are not always of one mind. Of those who look at once, the first is right for all.
func TestReview_ofManyAtOnceAllGoByOneFinding(t *testing.T) {
	t.Parallel()
	const many = 8
	var looking sync.WaitGroup
	looking.Add(many)
	f := setup(t, &moderator{name: "test/1", answer: func(_ context.Context, call int) (providers.Finding, error) {
		looking.Done()
		looking.Wait()
		return providers.Finding{Minor: call%2 == 0}, nil
	}})
	errs := make([]error, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() { errs[i] = f.review(t.Context(), f.swap(), &picture) })
	}
	wg.Wait()
	require.EqualValues(t, many, f.moderator.calls.Load())
	for _, err := range errs {
		require.Equal(t, errors.Is(errs[0], safety.ErrFaceSwapBlocked), errors.Is(err, safety.ErrFaceSwapBlocked))
		require.NotErrorIs(t, err, safety.ErrUndecided)
	}
	require.Equal(t, errors.Is(errs[0], safety.ErrFaceSwapBlocked), errors.Is(f.review(t.Context(), f.swap(), &picture), safety.ErrFaceSwapBlocked))
}

// A moderator that is away neither approves nor refuses, and no finding is stored.
func TestReview_isUndecidedWithoutAModerator(t *testing.T) {
	t.Parallel()
	down := true
	f := setup(t, &moderator{name: "test/1", answer: func(context.Context, int) (providers.Finding, error) {
		if down {
			return providers.Finding{}, &providers.Error{Provider: "test", Class: providers.Permanent, Reason: "TEST", RetryAfter: time.Minute}
		}
		return providers.Finding{}, nil
	}})
	err := f.review(t.Context(), f.swap(), &picture)
	require.ErrorIs(t, err, safety.ErrUndecided)
	require.NotErrorIs(t, err, safety.ErrContentBlocked)
	require.Empty(t, f.events(t))
	down = false
	require.NoError(t, f.review(t.Context(), f.swap(), &picture))
}

// A refusal that can't be written down is none: what it says must not be answered.
func TestReview_isUndecidedWithoutItsEvent(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{}))
	_, err := f.store.Pool().Exec(t.Context(), "alter table audit_logs add constraint shut check (action not like 'content%') not valid")
	require.NoError(t, err)
	request := f.request()
	request.Prompt.Details = "undress her"
	require.ErrorIs(t, f.review(t.Context(), request, nil), safety.ErrUndecided)
}

// The attempt that a yes belongs to may have written it down before its answer was lost, and its account may have gone.
func TestRecordApproval_onceAndWithoutItsAccount(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{}))
	approval, err := f.Review(t.Context(), f.request(), nil)
	require.NoError(t, err)
	require.Empty(t, f.events(t), "it is the caller's to write down")
	require.NoError(t, f.RecordApproval(t.Context(), f.user.ID, approval))
	require.NoError(t, f.RecordApproval(t.Context(), f.user.ID, approval))
	require.Len(t, f.events(t), 1)
	approval, err = f.Review(t.Context(), f.request(), nil)
	require.NoError(t, err)
	require.NoError(t, f.RecordApproval(t.Context(), factory.ID(), approval))
	var nameless int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select count(*) from audit_logs where id = $1 and user_id is null", approval.ID).Scan(&nameless))
	require.Equal(t, 1, nameless)
}

func TestExpire_forgetsWhatIsOld(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{}))
	require.NoError(t, f.review(t.Context(), f.copied(), &picture))
	count := func() (n int) {
		require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from image_verdicts").Scan(&n))
		return n
	}
	require.NoError(t, f.Expire(t.Context()))
	require.Equal(t, 1, count())
	f.now = f.now.Add(30 * 24 * time.Hour)
	require.NoError(t, f.Expire(t.Context()))
	require.Zero(t, count())
}

func TestLocalModerator_countsFaces(t *testing.T) {
	t.Parallel()
	for faces, want := range []providers.Finding{{}, {}, {Likeness: true}, {Likeness: true}} {
		local := safety.NewLocalModerator(func(context.Context, providers.Picture) (int, error) { return faces, nil })
		found, err := local.Moderate(t.Context(), picture)
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
	_, err := safety.NewLocalModerator(func(context.Context, providers.Picture) (int, error) { return 0, errors.New("odd") }).Moderate(t.Context(), picture)
	require.Error(t, err)
}
