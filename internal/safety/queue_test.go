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
	f := setup(t, finds(providers.Finding{Minor: true}))
	request := f.swap()
	request.TargetID = new(f.target(t, f.user.ID))
	q := f.store.Queries()
	require.NoError(t, f.BeforeQueue(t.Context(), q, request), "no moderator has looked yet")
	require.Zero(t, f.moderator.calls.Load())

	require.Error(t, f.review(t.Context(), request, &picture))
	requireRefused(t, f.BeforeQueue(t.Context(), q, request), safety.ErrFaceSwapBlocked, safety.Minor)
	copied := f.copied()
	copied.TargetID = request.TargetID
	requireRefused(t, f.BeforeQueue(t.Context(), q, copied), safety.ErrContentBlocked, safety.Minor)

	request.Copy = false
	require.NoError(t, f.BeforeQueue(t.Context(), q, request), "it is not copied")
	stranger := factory.User(t, f.store, 0)
	copied.TargetID = new(f.target(t, stranger.ID))
	require.NoError(t, f.BeforeQueue(t.Context(), q, copied), "a picture of another account is not looked up")
	copied.TargetID = new(f.target(t, f.user.ID))
	f.now = f.now.Add(31 * 24 * time.Hour)
	require.NoError(t, f.BeforeQueue(t.Context(), q, copied), "it is forgotten")
	require.EqualValues(t, 1, f.moderator.calls.Load())
}

func TestBeforeQueue_consentAndWords(t *testing.T) {
	t.Parallel()
	f := setup(t, finds(providers.Finding{}))
	q := f.store.Queries()
	request := f.swap()
	request.Consent = nil
	err := f.BeforeQueue(t.Context(), q, request)
	require.Equal(t, apperr.Invalid, apperr.From(err).Kind)
	require.Equal(t, "/consent", apperr.From(err).Fields[0].Field)
	require.Equal(t, err, f.RecordRefusal(t.Context(), request, err))
	require.Empty(t, f.events(t), "that is no decision")

	request.Consent = new(safety.Consent)
	err = f.BeforeQueue(t.Context(), q, request)
	requireRefused(t, err, safety.ErrFaceSwapBlocked, safety.NoConsent)
	require.Equal(t, err, f.RecordRefusal(t.Context(), request, err))
	request = f.request()
	request.JobID = uuid.Nil
	request.Prompt.Headline = "a nude woman"
	err = f.BeforeQueue(t.Context(), q, request)
	requireRefused(t, err, safety.ErrContentBlocked, safety.SexualWords)
	require.Equal(t, err, f.RecordRefusal(t.Context(), request, err))
	events := f.events(t)
	require.Len(t, events, 2)
	require.Equal(t, "face_swap_blocked", events[0].Action)
	require.Equal(t, "content_blocked", events[1].Action)
	require.NotContains(t, events[1].Meta, "job_id")
	require.Equal(t, request.ProjectID.String(), events[1].Meta["project_id"])
}

// A consent is stated when a picture is ordered: neither later nor long before.
func TestBeforeQueue_timeOfTheConsent(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	for offset, code := range map[time.Duration]string{
		0: "", time.Minute: "", -23 * time.Hour: "", 6 * time.Minute: "in_future", 24 * 365 * 7 * time.Hour: "in_future",
		-25 * time.Hour: "too_old", -24 * 365 * 100 * time.Hour: "too_old",
	} {
		request := f.request()
		request.Consent = &safety.Consent{SubjectIsMe: true, AcceptedAt: f.now.Add(offset)}
		err := f.BeforeQueue(t.Context(), f.store.Queries(), request)
		if code == "" {
			require.NoError(t, err, offset)
			continue
		}
		fields := apperr.From(err).Fields
		require.Len(t, fields, 1, offset)
		require.Equal(t, []string{"/consent/accepted_at", code}, []string{fields[0].Field, fields[0].Code})
	}
}
