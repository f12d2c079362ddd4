package safety_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestBeforeQueue_refusesWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := setup(t, finds(providers.Finding{Minor: true}))
	wish := w.swap()
	wish.TargetID = new(w.target(t, w.user.ID))
	q := w.store.Queries()
	require.NoError(t, w.BeforeQueue(t.Context(), q, wish), "nobody has looked yet")
	require.Zero(t, w.judge.calls.Load())

	require.Error(t, w.review(t.Context(), wish, &picture))
	requireRefused(t, w.BeforeQueue(t.Context(), q, wish), safety.ErrFaceSwapBlocked, safety.Minor)
	copied := w.copied()
	copied.TargetID = wish.TargetID
	requireRefused(t, w.BeforeQueue(t.Context(), q, copied), safety.ErrContentBlocked, safety.Minor)

	wish.Copy = false
	require.NoError(t, w.BeforeQueue(t.Context(), q, wish), "it is not copied")
	stranger := factory.User(t, w.store, 0)
	copied.TargetID = new(w.target(t, stranger.ID))
	require.NoError(t, w.BeforeQueue(t.Context(), q, copied), "what is somebody else's is not looked up")
	copied.TargetID = new(w.target(t, w.user.ID))
	w.now = w.now.Add(31 * 24 * time.Hour)
	require.NoError(t, w.BeforeQueue(t.Context(), q, copied), "it is forgotten")
	require.EqualValues(t, 1, w.judge.calls.Load())
}

func TestBeforeQueue_consentAndWords(t *testing.T) {
	t.Parallel()
	w := setup(t, finds(providers.Finding{}))
	q := w.store.Queries()
	wish := w.swap()
	wish.Consent = nil
	err := w.BeforeQueue(t.Context(), q, wish)
	require.Equal(t, apperr.Invalid, apperr.From(err).Kind)
	require.Equal(t, "/consent", apperr.From(err).Fields[0].Field)
	require.Equal(t, err, w.RecordRefusal(t.Context(), wish, err))
	require.Empty(t, w.events(t), "that is no decision")

	wish.Consent = new(safety.Consent)
	err = w.BeforeQueue(t.Context(), q, wish)
	requireRefused(t, err, safety.ErrFaceSwapBlocked, safety.NoConsent)
	require.Equal(t, err, w.RecordRefusal(t.Context(), wish, err))
	wish = w.wish()
	wish.JobID = uuid.Nil
	wish.Prompt.Headline = "a nude woman"
	err = w.BeforeQueue(t.Context(), q, wish)
	requireRefused(t, err, safety.ErrContentBlocked, safety.SexualWords)
	require.Equal(t, err, w.RecordRefusal(t.Context(), wish, err))
	events := w.events(t)
	require.Len(t, events, 2)
	require.Equal(t, "face_swap_blocked", events[0].Action)
	require.Equal(t, "content_blocked", events[1].Action)
	require.NotContains(t, events[1].Meta, "job_id")
	require.Equal(t, wish.ProjectID.String(), events[1].Meta["project_id"])
}
