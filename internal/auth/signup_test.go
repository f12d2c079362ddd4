package auth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestStart_200(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.signUp(t, "ada")
	_, err := f.store.Pool().Exec(t.Context(), `insert into users (id, email, username, full_name, dob)
		values (gen_random_uuid(), 'social@example.com', 'social', 'S', '1990-01-01')`)
	require.NoError(t, err)
	for email, want := range map[string]auth.Step{
		user.Email: auth.AskPassword, " ADA@EXAMPLE.COM ": auth.AskPassword,
		"social@example.com": auth.OfferSocial, "stranger@example.com": auth.CreateAccount,
	} {
		step, err := f.Start(t.Context(), email)
		require.NoError(t, err)
		require.Equal(t, want, step, email)
	}
}

func TestSignUp_201(t *testing.T) {
	t.Parallel()
	f := setup(t)
	in := application("Ada")
	in.Email, in.FullName = "  Ada@Example.COM ", " Ada Lovelace "
	id, err := f.SignUp(t.Context(), in, here)
	require.NoError(t, err)

	user := f.user(t, id)
	require.Equal(t, "Ada@Example.COM", user.Email, "as it was typed")
	require.Equal(t, "Ada Lovelace", user.FullName)
	require.Equal(t, in.DOB, user.Dob.UTC())
	require.Nil(t, user.EmailConfirmedAt)
	require.Zero(t, user.Credits, "the bonus is for a confirmed address")
	require.NotContains(t, *user.PasswordHash, goodPassword)
	require.Equal(t, []string{"signed_up"}, f.events(t, &id))

	f.deliver(t)
	require.Len(t, f.inbox.all(), 1)
	require.Equal(t, "Ada@Example.COM", f.inbox.last(t).To)
	require.NotEmpty(t, f.inbox.code(t))
}

func TestSignUp_201_withAPhoto(t *testing.T) {
	t.Parallel()
	f := setup(t)
	photo := factory.ID()
	var steps []string
	deps := f.deps
	deps.ClaimPhoto = func(_ context.Context, userID, photoID uuid.UUID) (
		func(context.Context, *db.Queries) error, func(context.Context), error,
	) {
		require.Equal(t, photo, photoID)
		attach := func(ctx context.Context, q *db.Queries) error {
			steps = append(steps, "attached")
			_, err := q.UserGet(ctx, userID) // in the transaction, after the account
			return err
		}
		finish := func(ctx context.Context) {
			steps = append(steps, "finished")
			_, err := f.store.Queries().UserGet(ctx, userID) // committed
			require.NoError(t, err)
		}
		return attach, finish, nil
	}
	in := application("ada")
	in.PhotoID = &photo
	_, err := auth.NewService(f.cfg, deps).SignUp(t.Context(), in, here)
	require.NoError(t, err)
	require.Equal(t, []string{"attached", "finished"}, steps)

	steps = nil
	_, err = f.store.Pool().Exec(t.Context(), "update users set email_confirmed_at = now()")
	require.NoError(t, err)
	_, err = auth.NewService(f.cfg, deps).SignUp(t.Context(), in, here)
	require.ErrorIs(t, err, auth.ErrEmailTaken)
	require.Empty(t, steps)
}

func TestSignUp_400_photo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	refused := apperr.Validation(apperr.Body("profile_photo_asset_id", "not_found", "Send it again."))
	in := application("ada")
	photo := factory.ID()
	in.PhotoID = &photo
	deps := f.deps
	deps.ClaimPhoto = func(context.Context, uuid.UUID, uuid.UUID) (
		func(context.Context, *db.Queries) error, func(context.Context), error,
	) {
		return nil, nil, refused
	}
	_, err := auth.NewService(f.cfg, deps).SignUp(t.Context(), in, here)
	requireFields(t, err, "/profile_photo_asset_id not_found")

	deps.ClaimPhoto = func(context.Context, uuid.UUID, uuid.UUID) (
		func(context.Context, *db.Queries) error, func(context.Context), error,
	) {
		return func(context.Context, *db.Queries) error { return refused },
			func(context.Context) { t.Error("nothing was committed") }, nil
	}
	_, err = auth.NewService(f.cfg, deps).SignUp(t.Context(), in, here)
	requireFields(t, err, "/profile_photo_asset_id not_found")
	step, err := f.Start(t.Context(), in.Email)
	require.NoError(t, err)
	require.Equal(t, auth.CreateAccount, step, "no account without the photo that was asked for")
}

func TestSignUp_400_everyFailingFieldAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	in := application("ada.lovelace")
	in.Password, in.ConfirmPassword = "ada.lov", "other"
	in.FullName = "\u00a0"
	in.DOB = f.clock.Now().AddDate(-12, 0, 0)
	_, err := f.SignUp(t.Context(), in, here)
	requireFields(t, err, "/password min_length", "/confirm_password mismatch", "/full_name required", "/dob too_young")
	require.Zero(t, f.hasher.Hashes(), "nothing is hashed for a form that is refused")
}

func TestSignUp_400_password(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for plain, want := range map[string]string{
		"short-1": "min_length", "password": "too_common", "my.ada.lovelace.99": "contains_username",
		strings.Repeat("x", 129): "max_length", "MugShot-2026-fun": "contains_product", "for-example-99": "contains_email",
	} {
		in := application("ada.lovelace")
		in.Email = "someone@example.com"
		in.Password, in.ConfirmPassword = plain, plain
		_, err := f.SignUp(t.Context(), in, here)
		requireFields(t, err, "/password "+want)
	}
}

func TestCheckDOB_atTheEdges(t *testing.T) {
	t.Parallel()
	date := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	now := time.Date(2026, time.November, 22, 23, 59, 0, 0, time.UTC)
	for _, tc := range []struct {
		dob  time.Time
		now  time.Time
		want string
	}{
		{date(2013, time.November, 22), now, ""},
		{date(2013, time.November, 23), now, "too_young"},
		{date(2030, time.January, 1), now, "too_young"},
		{date(1905, time.November, 23), now, ""},
		{date(1905, time.November, 22), now, "too_old"},
		{date(1, time.January, 1), now, "too_old"},
		{date(2012, time.February, 29), date(2025, time.February, 28), "too_young"},
		{date(2012, time.February, 29), date(2025, time.March, 1), ""},
		// In Auckland it is the 23rd already; the rule goes by UTC wherever the server stands.
		{date(2013, time.November, 23), now.In(time.FixedZone("", 13*3600)), "too_young"},
	} {
		var got string
		for _, f := range auth.CheckDOB(tc.dob, tc.now) {
			got += f.Code
		}
		require.Equal(t, tc.want, got, "%s as of %s", tc.dob.Format(time.DateOnly), tc.now)
	}
}

func TestSignUp_409(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.member(t, "ada")
	in := application("grace")
	in.Email = "ADA@example.com"
	_, err := f.SignUp(t.Context(), in, here)
	require.ErrorIs(t, err, auth.ErrEmailTaken)
	in = application("ADA")
	in.Email = "grace@example.com"
	_, err = f.SignUp(t.Context(), in, here)
	require.ErrorIs(t, err, auth.ErrUsernameTaken)
	require.Empty(t, f.events(t, nil))
}

// requireFields fails unless err is a validation error of exactly these "field code" pairs.
func requireFields(t *testing.T, err error, want ...string) {
	t.Helper()
	require.Error(t, err)
	e := apperr.From(err)
	require.Equal(t, apperr.CodeValidationFailed, e.Code, "%v", err)
	var got []string
	for _, f := range e.Fields {
		require.Equal(t, "body", f.In)
		require.NotEmpty(t, f.Message)
		got = append(got, f.Field+" "+f.Code)
	}
	require.ElementsMatch(t, want, got)
}
