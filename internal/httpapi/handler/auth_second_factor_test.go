package handler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestSecondFactor_fromSetupToDisable(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	set, err := account.SetUpSecondFactorWithResponse(t.Context(), client.SecondFactorSetUpRequest{})
	require.NoError(t, err)
	require.NotNil(t, set.JSON200, "%s", set.Body)
	code := func() string {
		app.Clock.Advance(time.Minute) // each code counts once
		code, err := totp.GenerateCode(set.JSON200.Secret, app.Clock.Now())
		require.NoError(t, err)
		return code
	}
	enabled, err := account.EnableSecondFactorWithResponse(t.Context(), client.SecondFactorEnableRequest{Code: code()})
	require.NoError(t, err)
	require.NotNil(t, enabled.JSON200, "%s", enabled.Body)
	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.True(t, me.JSON200.SecondFactorEnabled)

	challenge := challenge(t, app, account.Email, false)
	stranger := app.Client("")
	none, err := stranger.VerifySecondFactorWithResponse(t.Context(), client.SecondFactorVerifyRequest{Challenge: challenge})
	require.NoError(t, err)
	require.Equal(t, []string{"/code one_of"}, fields(none.JSON400))
	right := code()
	session, err := stranger.VerifySecondFactorWithResponse(t.Context(),
		client.SecondFactorVerifyRequest{Challenge: challenge, Code: &right})
	require.NoError(t, err)
	require.NotNil(t, session.JSON200, "%s", session.Body)
	require.NotNil(t, session.JSON200.RefreshToken)
	replayed, err := stranger.VerifySecondFactorWithResponse(t.Context(),
		client.SecondFactorVerifyRequest{Challenge: challenge, Code: &right})
	require.NoError(t, err)
	require.NotNil(t, replayed.JSON400)
	require.Equal(t, client.ErrorCodeInvalidCode, replayed.JSON400.Error.Code)

	off, err := account.DisableSecondFactorWithResponse(t.Context(), client.SecondFactorDisableRequest{
		Password: apptest.Password, RecoveryCode: &enabled.JSON200.RecoveryCodes[0],
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, off.StatusCode(), "%s", off.Body)
	app.SignIn(t, account.Email)
}

// challenge signs in with the password, which answers 403 second_factor_required.
func challenge(t *testing.T, app *apptest.App, email string, cookie bool) string {
	t.Helper()
	answer := app.Do(t, http.MethodPost, apptest.BasePath+"/auth/signin",
		fmt.Sprintf(`{"email":%q,"password":%q,"cookie":%t}`, email, apptest.Password, cookie), "Content-Type", "application/json")
	require.Empty(t, answer.Header["Set-Cookie"], "no session until the second factor is there")
	answer.Problem(t, http.StatusForbidden, client.ErrorCodeSecondFactorRequired)
	var envelope struct {
		Error struct{ Details struct{ Challenge string } }
	}
	require.NoError(t, json.Unmarshal(answer.Body, &envelope))
	require.NotEmpty(t, envelope.Error.Details.Challenge)
	return envelope.Error.Details.Challenge
}

func TestVerifySecondFactor_200_byCookie(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	set, err := account.SetUpSecondFactorWithResponse(t.Context(), client.SecondFactorSetUpRequest{})
	require.NoError(t, err)
	require.NotNil(t, set.JSON200, "%s", set.Body)
	code, err := totp.GenerateCode(set.JSON200.Secret, app.Clock.Now())
	require.NoError(t, err)
	enabled, err := account.EnableSecondFactorWithResponse(t.Context(), client.SecondFactorEnableRequest{Code: code})
	require.NoError(t, err)
	require.NotNil(t, enabled.JSON200, "%s", enabled.Body)

	b := &browser{app: app}
	b.take(t, app.Do(t, http.MethodPost, apptest.BasePath+"/auth/2fa/verify", fmt.Sprintf(`{"challenge":%q,"recovery_code":%q}`,
		challenge(t, app, account.Email, true), enabled.JSON200.RecoveryCodes[1]), "Content-Type", "application/json"))
	b.take(t, b.post(t, "/auth/refresh", b.csrf.Value))
}

func TestEnableSecondFactor_400_invalidCode(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	res, err := account.EnableSecondFactorWithResponse(t.Context(), client.SecondFactorEnableRequest{Code: "123456"})
	require.NoError(t, err)
	require.NotNil(t, res.JSON400, "%s", res.Body)
	require.Equal(t, client.ErrorCodeInvalidCode, res.JSON400.Error.Code)
}
