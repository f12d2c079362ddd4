package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	openapi_types "github.com/oapi-codegen/runtime/types"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/testkit/apptest"
)

const otherPassword = "paint-the-sea-8"

// generous keeps the rate limits out of tests that are not about them.
func generous() apptest.Option { return apptest.With("RATE_LIMIT_FACTOR", "1000") }

func fields(e *client.ErrorEnvelope) (list []string) {
	if e == nil || e.Error.Details == nil {
		return nil
	}
	for _, f := range e.Error.Details.Fields {
		list = append(list, f.Field+" "+f.Code)
	}
	return list
}

func TestStartAuth_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	for email, want := range map[string]client.AuthStart{
		account.Email:        {Exists: true, Next: client.AuthStartNextPassword},
		"nobody@example.com": {Exists: false, Next: client.AuthStartNextCreateAccount},
	} {
		res, err := app.Client("").StartAuthWithResponse(t.Context(), client.EmailRequest{Email: email})
		require.NoError(t, err)
		require.Equal(t, &want, res.JSON200)
	}
}

func TestSignUp_201_to_SignIn_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker(), apptest.With("SIGNUP_BONUS_CREDITS", "5"))
	wish, stranger := apptest.NewAccount(), app.Client("")
	created, err := stranger.SignUpWithResponse(t.Context(), wish)
	require.NoError(t, err)
	require.NotNil(t, created.JSON201, "%s", created.Body)
	require.Equal(t, client.SignedUpNextConfirmEmail, created.JSON201.Next)

	credentials := client.SignInRequest{Email: wish.Email, Password: wish.Password}
	early, err := stranger.SignInWithResponse(t.Context(), credentials)
	require.NoError(t, err)
	require.NotNil(t, early.JSON403, "%s", early.Body)
	require.Equal(t, client.ErrorCodeEmailNotConfirmed, early.JSON403.Error.Code)

	confirmed, err := stranger.ConfirmEmailWithResponse(t.Context(),
		client.ConfirmRequest{Email: wish.Email, Code: app.Code(t, wish.Email)})
	require.NoError(t, err)
	require.NotNil(t, confirmed.JSON200, "%s", confirmed.Body)

	session, err := stranger.SignInWithResponse(t.Context(), credentials)
	require.NoError(t, err)
	require.NotNil(t, session.JSON200, "%s", session.Body)
	require.Equal(t, created.JSON201.UserID, session.JSON200.User.ID)
	require.EqualValues(t, 5, session.JSON200.User.Credits)
	require.Empty(t, session.HTTPResponse.Cookies())
	require.NotEmpty(t, session.HTTPResponse.Header.Get("RateLimit-Remaining"))

	ledger, err := app.Client(session.JSON200.SessionToken).ListCreditsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, ledger.JSON200, "%s", ledger.Body)
	require.Len(t, ledger.JSON200.Items, 1)
	require.EqualValues(t, "signup_bonus", ledger.JSON200.Items[0].Reason)
}

func TestSignUp_400_rules_of_the_spec_and_of_the_domain_look_alike(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	wish := apptest.NewAccount()
	wish.Email, wish.Username = "no address", "no name"
	res, err := app.Client("").SignUpWithResponse(t.Context(), wish)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"/email pattern", "/username pattern"}, fields(res.JSON400))

	wish = apptest.NewAccount()
	wish.ConfirmPassword = "something else"
	wish.Dob = openapi_types.Date{Time: time.Now().AddDate(-5, 0, 0)}
	res, err = app.Client("").SignUpWithResponse(t.Context(), wish)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"/confirm_password mismatch", "/dob too_young"}, fields(res.JSON400))
}

func TestSignUp_409(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	first := apptest.NewAccount()
	created, err := app.Client("").SignUpWithResponse(t.Context(), first)
	require.NoError(t, err)
	require.NotNil(t, created.JSON201)
	second := apptest.NewAccount()
	second.Email = first.Email
	res, err := app.Client("").SignUpWithResponse(t.Context(), second)
	require.NoError(t, err)
	require.NotNil(t, res.JSON409)
	require.Equal(t, client.ErrorCodeEmailTaken, res.JSON409.Error.Code)
	second = apptest.NewAccount()
	second.Username = first.Username
	res, err = app.Client("").SignUpWithResponse(t.Context(), second)
	require.NoError(t, err)
	require.NotNil(t, res.JSON409)
	require.Equal(t, client.ErrorCodeUsernameTaken, res.JSON409.Error.Code)
}

func TestConfirmEmail_400(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res, err := app.Client("").ConfirmEmailWithResponse(t.Context(),
		client.ConfirmRequest{Email: "nobody@example.com", Code: "123456"})
	require.NoError(t, err)
	require.NotNil(t, res.JSON400)
	require.Equal(t, client.ErrorCodeInvalidCode, res.JSON400.Error.Code)
}

func TestResendConfirmation_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res, err := app.Client("").ResendConfirmationWithResponse(t.Context(), client.EmailRequest{Email: "nobody@example.com"})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
}

func TestSignIn_401_and_429_locked(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, generous())
	account := app.SignUp(t)
	try := func(password string) *client.SignInResponse {
		res, err := app.Client("").SignInWithResponse(t.Context(), client.SignInRequest{Email: account.Email, Password: password})
		require.NoError(t, err)
		return res
	}
	for range 5 {
		res := try("not the password")
		require.NotNil(t, res.JSON401, "%s", res.Body)
		require.Equal(t, client.ErrorCodeInvalidCredentials, res.JSON401.Error.Code)
	}
	locked := try(apptest.Password)
	require.NotNil(t, locked.JSON429, "%s", locked.Body)
	require.Equal(t, client.ErrorCodeAccountLocked, locked.JSON429.Error.Code)
	require.NotEmpty(t, locked.HTTPResponse.Header.Get("Retry-After"))
}

func TestSignIn_429_rate_limited(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("RATE_LIMIT_FACTOR", "0.01"))
	req := client.SignInRequest{Email: "nobody@example.com", Password: "not the password"}
	first, err := app.Client("").SignInWithResponse(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, first.StatusCode())
	second, err := app.Client("").SignInWithResponse(t.Context(), req)
	require.NoError(t, err)
	require.NotNil(t, second.JSON429, "%s", second.Body)
	require.Equal(t, client.ErrorCodeRateLimited, second.JSON429.Error.Code)
}

func TestRefreshSession_200_and_401(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	refresh := func(token *string) *client.RefreshSessionResponse {
		res, err := app.Client("").RefreshSessionWithResponse(t.Context(), nil, client.RefreshRequest{RefreshToken: token})
		require.NoError(t, err)
		return res
	}
	next := refresh(account.Session.RefreshToken)
	require.NotNil(t, next.JSON200, "%s", next.Body)
	require.Equal(t, account.Session.SessionID, next.JSON200.SessionID)
	require.NotEqual(t, account.Session.RefreshToken, next.JSON200.RefreshToken)
	again := refresh(account.Session.RefreshToken)
	require.NotNil(t, again.JSON200, "%s", again.Body)
	require.Equal(t, next.JSON200.RefreshToken, again.JSON200.RefreshToken, "two tabs")

	app.Clock.Advance(time.Minute)
	stolen := refresh(account.Session.RefreshToken)
	require.NotNil(t, stolen.JSON401, "%s", stolen.Body)
	require.Equal(t, client.ErrorCodeInvalidRefreshToken, stolen.JSON401.Error.Code)
	require.NotNil(t, refresh(next.JSON200.RefreshToken).JSON401, "the whole session is over")
	me, err := app.Client(next.JSON200.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON401)
	require.NotNil(t, refresh(nil).JSON401, "neither body nor cookie")
}

func TestSignOut_204(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	out, err := account.SignOutWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, out.StatusCode(), "%s", out.Body)
	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON401)
	require.Equal(t, client.ErrorCodeUnauthenticated, me.JSON401.Error.Code)
	require.NotEmpty(t, me.HTTPResponse.Header.Get("WWW-Authenticate"))
}
