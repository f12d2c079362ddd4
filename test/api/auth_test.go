package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	openapi_types "github.com/oapi-codegen/runtime/types"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func signUp(t testing.TB, app *apptest.App, wish client.SignUpRequest) *client.SignUpResponse {
	t.Helper()
	res, err := app.Client("").SignUpWithResponse(t.Context(), wish)
	require.NoError(t, err)
	return res
}

func signIn(t testing.TB, app *apptest.App, email, password string) *client.SignInResponse {
	t.Helper()
	res, err := app.Client("").SignInWithResponse(t.Context(), client.SignInRequest{Email: email, Password: password})
	require.NoError(t, err)
	return res
}

func confirm(t testing.TB, app *apptest.App, email, code string) *client.ConfirmEmailResponse {
	t.Helper()
	res, err := app.Client("").ConfirmEmailWithResponse(t.Context(), client.ConfirmRequest{Email: email, Code: code})
	require.NoError(t, err)
	return res
}

// otherThan is a code that is wrong.
func otherThan(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestStartAuth_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	for email, want := range map[string]client.AuthStart{
		who.Email:                  {Exists: true, Next: client.AuthStartNextPassword},
		strings.ToUpper(who.Email): {Exists: true, Next: client.AuthStartNextPassword},
		"stranger@example.com":     {Exists: false, Next: client.AuthStartNextCreateAccount},
	} {
		res, err := app.Client("").StartAuthWithResponse(t.Context(), client.EmailRequest{Email: email})
		require.NoError(t, err)
		require.Equal(t, &want, res.JSON200, "%s", res.Body)
	}
}

func TestCheckUsername_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	taken := app.SignUp(t).Session.User.Username
	invalid := new(client.UsernameCheckReasonInvalid)
	for username, want := range map[string]client.UsernameCheck{
		"ada.lovelace": {Available: true}, strings.ToUpper(taken): {Reason: new(client.UsernameCheckReasonTaken)},
		"ad": {Reason: invalid}, "ada lovelace": {Reason: invalid}, "ada/": {Reason: invalid}, "/": {Reason: invalid}, "../me": {Reason: invalid},
		"?x#y%": {Reason: invalid}, "ädä": {Reason: invalid},
	} {
		res, err := app.Client("").CheckUsernameWithResponse(t.Context(), username)
		require.NoError(t, err)
		require.Equal(t, &want, res.JSON200, "%q: %s", username, res.Body)
	}
}

func TestSignUp_201(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	wish := apptest.NewAccount()
	res := signUp(t, app, wish)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	require.Equal(t, client.SignedUpNextConfirmEmail, res.JSON201.Next)
	started, err := app.Client("").StartAuthWithResponse(t.Context(), client.EmailRequest{Email: wish.Email})
	require.NoError(t, err)
	require.True(t, started.JSON200.Exists)
}

func TestSignUp_400_everyFieldAtOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res := signUp(t, app, client.SignUpRequest{Email: "ada", Password: "short", Username: "a b", FullName: "\t"})
	require.Equal(t, []string{
		"body /confirm_password: min_length", "body /email: min_length", "body /full_name: pattern",
		"body /password: min_length", "body /username: pattern",
	}, fields(t, refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)), "what the spec can say")

	wish := apptest.NewAccount()
	wish.Password, wish.ConfirmPassword = "password1", "password2"
	wish.Dob = openapi_types.Date{Time: app.Clock.Now().AddDate(-12, 0, 0)}
	res = signUp(t, app, wish)
	require.Equal(t, []string{"body /password: too_common", "body /confirm_password: mismatch", "body /dob: too_young"},
		fields(t, refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)), "what only the rules can, in the same form")
}

// Addresses that no mail server takes are refused at the door, in every operation that takes one.
func TestStartAuth_400_addressesThatCannotBeMailed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for _, email := range []string{
		".dot@example.com", "dot.@example.com", "a..b@example.com", "ada@exa_mple.com", "ada@-example.com", "ada@xn--a.example", "ädä@example.com",
		"ada@example.com ", "ada@\u202eexample.com",
	} {
		started, err := app.Client("").StartAuthWithResponse(t.Context(), client.EmailRequest{Email: email})
		require.NoError(t, err)
		refused(t, started.JSON400, started.Body, client.ErrorCodeValidationFailed)
		forgot, err := app.Client("").ForgotPasswordWithResponse(t.Context(), client.EmailRequest{Email: email})
		require.NoError(t, err)
		refused(t, forgot.JSON400, forgot.Body, client.ErrorCodeValidationFailed)
	}
	started, err := app.Client("").StartAuthWithResponse(t.Context(), client.EmailRequest{Email: "ada@bücher.example"})
	require.NoError(t, err)
	require.NotNil(t, started.JSON200, "%s", started.Body)
}

func TestSignUp_409(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	taken := app.SignUp(t)

	wish := apptest.NewAccount()
	wish.Email = strings.ToUpper(taken.Email)
	res := signUp(t, app, wish)
	refused(t, res.JSON409, res.Body, client.ErrorCodeEmailTaken)

	wish = apptest.NewAccount()
	wish.Username = strings.ToUpper(taken.Session.User.Username)
	res = signUp(t, app, wish)
	refused(t, res.JSON409, res.Body, client.ErrorCodeUsernameTaken)
}

// A stranger signs up with an address first: its owner signs up as if the stranger had not, and has an account of her own.
func TestSignUp_201_ofAnAddressThatAStrangerHasSignedUpWith(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker())
	strangers, mine := apptest.NewAccount(), apptest.NewAccount()
	strangers.Password, strangers.ConfirmPassword = "the-strangers-own-1", "the-strangers-own-1"
	mine.Email = strangers.Email
	first := signUp(t, app, strangers)
	require.NotNil(t, first.JSON201, "%s", first.Body)
	old := app.Code(t, mine.Email)
	second := signUp(t, app, mine)
	require.NotNil(t, second.JSON201, "%s", second.Body)
	code := app.Code(t, mine.Email)
	if old != code { // one in a million is the same
		res := confirm(t, app, mine.Email, old)
		refused(t, res.JSON400, res.Body, client.ErrorCodeInvalidCode)
	}
	res, err := app.Client("").ConfirmEmailWithResponse(t.Context(),
		client.ConfirmRequest{Email: mine.Email, Code: code, UserID: &first.JSON201.UserID})
	require.NoError(t, err)
	refused(t, res.JSON400, res.Body, client.ErrorCodeInvalidCode)
	res, err = app.Client("").ConfirmEmailWithResponse(t.Context(),
		client.ConfirmRequest{Email: mine.Email, Code: code, UserID: &second.JSON201.UserID})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	guessed := signIn(t, app, mine.Email, strangers.Password)
	refused(t, guessed.JSON401, guessed.Body, client.ErrorCodeInvalidCredentials)
	require.NotNil(t, signIn(t, app, mine.Email, mine.Password).JSON200)
}

func TestConfirmEmail_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker(), apptest.With("SIGNUP_BONUS_CREDITS", "7"))
	wish := apptest.NewAccount()
	require.NotNil(t, signUp(t, app, wish).JSON201)
	code := app.Code(t, wish.Email)
	res := confirm(t, app, wish.Email, code)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.Equal(t, client.ConfirmedNextSignin, res.JSON200.Next)

	who := app.SignIn(t, wish.Email)
	ledger, err := who.ListCreditsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, ledger.JSON200.Items, 1)
	require.Equal(t, client.CreditReasonSignupBonus, ledger.JSON200.Items[0].Reason)
	require.EqualValues(t, 7, ledger.JSON200.Balance)

	again := confirm(t, app, wish.Email, "\t"+code[:3]+"\u2013"+code[3:]+"\n")
	require.NotNil(t, again.JSON200, "a double click, however it is typed: %s", again.Body)
	require.EqualValues(t, 7, balance(t, who), "the bonus is given once")
}

// A new account for an address that was deleted gets the same answers, and no second bonus.
func TestConfirmEmail_200_noSecondBonusAfterDeleteMe(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker(), apptest.With("SIGNUP_BONUS_CREDITS", "7"))
	wish := apptest.NewAccount()
	for _, want := range []int64{7, 0} {
		require.NotNil(t, signUp(t, app, wish).JSON201)
		res := confirm(t, app, wish.Email, app.Code(t, wish.Email))
		require.NotNil(t, res.JSON200, "%s", res.Body)
		require.Equal(t, client.ConfirmedNextSignin, res.JSON200.Next)
		who := app.SignIn(t, wish.Email)
		require.Equal(t, want, who.Session.User.Credits)
		gone, err := who.DeleteMeWithResponse(t.Context(), client.DeleteMeRequest{Password: apptest.Password})
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, gone.StatusCode())
	}
}

func TestConfirmEmail_400(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker())
	wish := apptest.NewAccount()
	require.NotNil(t, signUp(t, app, wish).JSON201)
	code := app.Code(t, wish.Email)
	wrong, unknown := confirm(t, app, wish.Email, otherThan(code)), confirm(t, app, "stranger@example.com", code)
	refused(t, wrong.JSON400, wrong.Body, client.ErrorCodeInvalidCode)
	require.Equal(t, string(wrong.Body), string(unknown.Body), "nothing tells whether there is an account")

	for _, typed := range []string{"", "12345", "1234567", "12345x", strings.Repeat(" ", 40) + code} {
		res := confirm(t, app, wish.Email, typed)
		refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)
	}
	app.Clock.Advance(10 * time.Minute)
	late := confirm(t, app, wish.Email, code)
	refused(t, late.JSON400, late.Body, client.ErrorCodeInvalidCode)
}

func TestResendConfirmation_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker())
	wish := apptest.NewAccount()
	require.NotNil(t, signUp(t, app, wish).JSON201)
	old := app.Code(t, wish.Email)
	_, err := app.Store.Pool().Exec(t.Context(), "update outbox_mails set created_at = created_at - interval '2 minutes'")
	require.NoError(t, err, "within a minute no other mail is sent")
	resend := func(email string) *client.ResendConfirmationResponse {
		res, err := app.Client("").ResendConfirmationWithResponse(t.Context(), client.EmailRequest{Email: email})
		require.NoError(t, err)
		require.NotNil(t, res.JSON200, "%s", res.Body)
		return res
	}
	known, unknown := resend(wish.Email), resend("stranger@example.com")
	require.Equal(t, string(known.Body), string(unknown.Body))
	if code := app.Code(t, wish.Email); code != old { // one in a million is the same
		res := confirm(t, app, wish.Email, old)
		refused(t, res.JSON400, res.Body, client.ErrorCodeInvalidCode)
		require.NotNil(t, confirm(t, app, wish.Email, code).JSON200, "the newest counts")
	}
}
