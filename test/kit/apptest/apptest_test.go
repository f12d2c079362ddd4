package apptest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestNew_isForOneTestAlone(t *testing.T) {
	t.Parallel()
	one, other := apptest.New(t), apptest.New(t)
	account := one.SignUp(t)
	known, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, known.JSON200)
	stranger, err := other.Client(account.Session.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, stranger.JSON401)
}

func TestBeside_isTheSameDeployment(t *testing.T) {
	t.Parallel()
	one := apptest.New(t)
	other := apptest.New(t, apptest.Beside(one))
	require.NotEqual(t, one.URL, other.URL)
	account := one.SignUp(t)
	one.Grant(t, account.Email, 3)
	known, err := other.Client(account.Session.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, known.JSON200)
	require.EqualValues(t, 3, known.JSON200.Credits)

	one.Clock.Advance(time.Hour)
	late, err := other.Client(account.Session.SessionToken).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, late.JSON401, "the clock is the same")
}

func TestCode_isTakenFromTheMail(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker())
	wish := apptest.NewAccount()
	created, err := app.Client("").SignUpWithResponse(t.Context(), wish)
	require.NoError(t, err)
	require.NotNil(t, created.JSON201)
	confirmed, err := app.Client("").ConfirmEmailWithResponse(t.Context(),
		client.ConfirmRequest{Email: wish.Email, Code: app.Code(t, wish.Email)})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, confirmed.StatusCode(), "%s", confirmed.Body)
	app.SignIn(t, wish.Email)
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		apptest.New(b)
	}
}
