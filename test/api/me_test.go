package api_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestGetMe_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 42)
	res, err := who.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	me := *res.JSON200
	require.EqualValues(t, 42, me.Credits)
	require.True(t, me.EmailConfirmed)
	require.Equal(t, who.Email, me.Email)
	require.Equal(t, "Ada Lovelace", me.FullName)
	require.Equal(t, "1995-12-10", me.Dob.String(), "a day, whatever the time zone of the database")
	require.Equal(t, client.UserPlanFree, me.Plan)
	require.True(t, me.ProfilePhoto.IsNull())
}

func TestGetMe_401(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	token := who.Session.SessionToken
	parts := strings.Split(token, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	for name, header := range map[string]string{
		"nothing":            "",
		"no token":           "Bearer",
		"another scheme":     "Basic " + base64.StdEncoding.EncodeToString([]byte(who.Email+":"+apptest.Password)),
		"garbage":            "Bearer x",
		"unsigned":           "Bearer " + unsigned,
		"another signature":  "Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"another's claims":   "Bearer " + parts[0] + "." + parts[1] + "x." + parts[2],
		"the refresh token":  "Bearer " + *who.Session.RefreshToken,
		"two tokens":         "Bearer " + token + "," + token,
		"longer than any is": "Bearer " + strings.Repeat("x", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if header != "" {
				headers = []string{"Authorization", header}
			}
			res := app.Do(t, "GET", apptest.BasePath+"/me", "", headers...)
			res.Problem(t, 401, client.ErrorCodeUnauthenticated)
			challenge := `Bearer realm="mugshot"`
			if header != "" { // RFC 6750, 3.1
				challenge += `, error="invalid_token"`
			}
			require.Equal(t, challenge, res.Header.Get("WWW-Authenticate"))
		})
	}
}

func TestGetMe_401_expired(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Clock.Advance(time.Duration(who.Session.ExpiresIn)*time.Second - 5*time.Second)
	res, err := who.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	app.Clock.Advance(time.Minute) // a leeway for clocks that differ included
	res, err = who.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	refused(t, res.JSON401, res.Body, client.ErrorCodeUnauthenticated)
}

func TestListCredits_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 5)
	_, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	res, err := who.ListCreditsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.EqualValues(t, 5, res.JSON200.Balance)
	type entry struct {
		reason       client.CreditReason
		delta, after int64
		job          *uuid.UUID
	}
	var got []entry
	for _, e := range res.JSON200.Items {
		got = append(got, entry{e.Reason, e.Delta, e.BalanceAfter, e.JobID})
	}
	require.Equal(t, []entry{
		{client.CreditReasonJobRefund, 1, 5, &queued.JobID},
		{client.CreditReasonJobCharge, -1, 4, &queued.JobID},
		{client.CreditReasonGrant, 5, 5, nil},
	}, got, "newest first")
}

func TestListCredits_200_pages(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	for n := range int64(7) {
		app.Grant(t, who.Email, n+1)
	}
	var got []int64
	params := &client.ListCreditsParams{Limit: new(int64(3))}
	for {
		res, err := who.ListCreditsWithResponse(t.Context(), params)
		require.NoError(t, err)
		require.NotNil(t, res.JSON200, "%s", res.Body)
		for _, e := range res.JSON200.Items {
			got = append(got, e.Delta)
		}
		if res.JSON200.NextCursor.IsNull() {
			break
		}
		params.Cursor = new(res.JSON200.NextCursor.MustGet())
		app.Grant(t, who.Email, 100) // what comes meanwhile neither repeats nor hides anything
	}
	require.Equal(t, []int64{7, 6, 5, 4, 3, 2, 1}, got)
}

func TestListCredits_400_invalidCursor(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	for range 2 {
		createProject(t, who, draft())
		app.Grant(t, who.Email, 1)
	}
	mine, err := who.ListCreditsWithResponse(t.Context(), &client.ListCreditsParams{Limit: new(int64(1))})
	require.NoError(t, err)
	good := mine.JSON200.NextCursor.MustGet()
	projects, err := who.ListProjectsWithResponse(t.Context(), &client.ListProjectsParams{Limit: new(int64(1))})
	require.NoError(t, err)
	for name, cursor := range map[string]string{
		"garbage":      "garbage",
		"not base64":   "%%%",
		"cut short":    good[:len(good)-1],
		"longer":       good + "A",
		"another list": projects.JSON200.NextCursor.MustGet(),
		"tampered":     "A" + good[1:],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := who.ListCreditsWithResponse(t.Context(), &client.ListCreditsParams{Cursor: &cursor})
			require.NoError(t, err)
			refused(t, res.JSON400, res.Body, client.ErrorCodeInvalidCursor)
		})
	}
}

func TestListCredits_400_limit(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	for limit, rule := range map[int64]string{0: "minimum", -1: "minimum", 101: "maximum"} {
		res, err := who.ListCreditsWithResponse(t.Context(), &client.ListCreditsParams{Limit: &limit})
		require.NoError(t, err)
		problem := refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)
		require.Equal(t, []string{"query limit: " + rule}, fields(t, problem))
	}
}
