package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
)

func TestUsernames_thatStandForTheProductAreTaken(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, name := range []string{
		"admin", "Support", "ROOT", "api", "me", "mugshot", "MugShot.Studio", "a.d-m_i.n", "...", "___", "-.-", "studio", "no-reply", "postmaster",
	} {
		if len(name) >= 3 {
			obstacle, err := f.CheckUsername(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, auth.UsernameTaken, obstacle, name)
		}
		in := application("ada")
		in.Username = name
		_, err := f.SignUp(t.Context(), in, here)
		require.ErrorIs(t, err, auth.ErrUsernameTaken, name)
	}
	for _, name := range []string{"ada", "admiral", "supporter", "mugs", "a.b", "meg"} {
		obstacle, err := f.CheckUsername(t.Context(), name)
		require.NoError(t, err)
		require.Empty(t, obstacle, name)
	}
}

func TestSignUp_400_namesThatShowNothingOrSomethingElse(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, want := range map[string]string{
		"\u200b\u200d": "required", "\u3164": "required", "\u2800": "required", "\u00a0\u3000": "required",
		"Ada\u202eecalevoL": "invalid_characters", "\u2066Ada\u2069": "invalid_characters", "A\u0085da": "invalid_characters",
	} {
		in := application("ada")
		in.FullName = name
		_, err := f.SignUp(t.Context(), in, here)
		requireFields(t, err, "/full_name "+want)
	}
}

func TestSignUp_400_addressesThatCannotBeMailed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, email := range []string{".dot@example.com", "a..b@example.com", "dot.@example.com", "ada@exa_mple.com", "ada@xn--a.example"} {
		in := application("charles")
		in.Email = email
		_, err := f.SignUp(t.Context(), in, here)
		requireFields(t, err, "/email format")
	}
}

// Both spellings of a domain are one mailbox, and so one account.
func TestSignUp_201_anInternationalDomainHasOneSpelling(t *testing.T) {
	t.Parallel()
	f := setup(t)
	in := application("ada")
	in.Email = "ada@Bücher.example"
	id, err := f.SignUp(t.Context(), in, here)
	require.NoError(t, err)
	require.Equal(t, "ada@xn--bcher-kva.example", f.user(t, id).Email)
	f.deliver(t)
	require.Equal(t, "ada@xn--bcher-kva.example", f.inbox.last(t).To)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: "ADA@bücher.example", Code: f.inbox.code(t)}, here))
	for _, email := range []string{"ada@bücher.example", "ada@xn--bcher-kva.example", "ada@XN--BCHER-KVA.example"} {
		require.NoError(t, f.signInWith(t, email, goodPassword), email)
		in := application("grace")
		in.Email = email
		_, err := f.SignUp(t.Context(), in, here)
		require.ErrorIs(t, err, auth.ErrEmailTaken, email)
	}
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, "ada@bücher.example"), again(otherPassword), here))
}
