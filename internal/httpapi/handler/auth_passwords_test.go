package handler_test

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

const otherPassword = "paint-the-sea-8"

// fields lists what a validation error says of each field.
func fields(e *client.ErrorEnvelope) (list []string) {
	if e == nil || e.Error.Details == nil {
		return nil
	}
	for _, f := range e.Error.Details.Fields {
		list = append(list, f.Field+" "+f.Code)
	}
	return list
}

var resetLink = regexp.MustCompile(`/reset-password#token=(\S+)`)

// resetToken waits for a mail with a reset link in the development folder, and returns its token.
func resetToken(t *testing.T, devDir, email string) (token string) {
	t.Helper()
	require.Eventually(t, func() bool {
		files, err := filepath.Glob(filepath.Join(devDir, "mail", "*.eml"))
		require.NoError(t, err)
		for _, file := range files {
			if !strings.Contains(file, email) {
				continue
			}
			if found := resetLink.FindStringSubmatch(plainText(t, file)); found != nil {
				token, err = url.QueryUnescape(found[1])
				require.NoError(t, err)
				return true
			}
		}
		return false
	}, 20*time.Second, 10*time.Millisecond)
	return token
}

// plainText reads the text part of a mail.
func plainText(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	message, err := mail.ReadMessage(f)
	require.NoError(t, err)
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	part, err := multipart.NewReader(message.Body, params["boundary"]).NextPart() // decodes quoted-printable
	require.NoError(t, err)
	text, err := io.ReadAll(part)
	require.NoError(t, err)
	return string(text)
}

func TestResetPassword_200_byTheMailedLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := apptest.New(t, apptest.WithWorker(), apptest.With("DEV_DIR", dir))
	account, stranger := app.SignUp(t), app.Client("")
	for _, email := range []string{account.Email, "stranger@example.com"} {
		res, err := stranger.ForgotPasswordWithResponse(t.Context(), client.EmailRequest{Email: email})
		require.NoError(t, err)
		require.Equal(t, &client.ResetRequested{Next: client.ResetRequestedNextCheckEmail}, res.JSON200, "%s", res.Body)
	}
	reset := func(token, password string) *client.ResetPasswordResponse {
		res, err := stranger.ResetPasswordWithResponse(t.Context(), client.ResetPasswordRequest{
			Token: token, NewPassword: password, ConfirmPassword: password,
		})
		require.NoError(t, err)
		return res
	}
	token := resetToken(t, dir, account.Email)
	require.Equal(t, []string{"/new_password too_common"}, fields(reset(token, "password1").JSON400))
	done := reset(token, otherPassword)
	require.NotNil(t, done.JSON200, "%s", done.Body)
	spent := reset(token, apptest.Password)
	require.NotNil(t, spent.JSON400)
	require.Equal(t, client.ErrorCodeInvalidResetToken, spent.JSON400.Error.Code)

	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON401, "every session is over")
	in, err := stranger.SignInWithResponse(t.Context(), client.SignInRequest{Email: account.Email, Password: otherPassword})
	require.NoError(t, err)
	require.NotNil(t, in.JSON200, "%s", in.Body)
}

func TestChangePassword_401(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	wrong, err := account.ChangePasswordWithResponse(t.Context(), client.ChangePasswordRequest{
		CurrentPassword: "not the password", NewPassword: otherPassword, ConfirmPassword: otherPassword,
	})
	require.NoError(t, err)
	require.NotNil(t, wrong.JSON401, "%s", wrong.Body)
	require.Equal(t, client.ErrorCodeInvalidCredentials, wrong.JSON401.Error.Code)

	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON200, "the session is still there")
}

func TestChangePassword_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	other := app.SignIn(t, account.Email)
	right, err := account.ChangePasswordWithResponse(t.Context(), client.ChangePasswordRequest{
		CurrentPassword: apptest.Password, NewPassword: otherPassword, ConfirmPassword: otherPassword,
	})
	require.NoError(t, err)
	require.NotNil(t, right.JSON200, "%s", right.Body)
	mine, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, mine.JSON200)
	theirs, err := other.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, theirs.JSON401)
}

func TestCheckUsername_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	taken, invalid := client.UsernameCheckReasonTaken, client.UsernameCheckReasonInvalid
	for username, want := range map[string]client.UsernameCheck{
		app.SignUp(t).Session.User.Username: {Available: false, Reason: &taken},
		"no spaces please":                  {Available: false, Reason: &invalid},
		"never-seen":                        {Available: true},
	} {
		res, err := app.Client("").CheckUsernameWithResponse(t.Context(), username)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode(), "%s", res.Body)
		require.Equal(t, want, *res.JSON200, username)
	}
}
