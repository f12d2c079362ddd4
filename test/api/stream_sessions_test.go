package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// watched are the streams of one session of an account, in another process than the one that ends the session.
type watched struct {
	who   *apptest.Account
	ended chan struct{} // one for each stream that has ended
}

// watch opens a stream of a job and one of a chat through a process.
func watch(t *testing.T, app *apptest.App, who *apptest.Account, job client.QueuedJob, chat client.ChatCreated) watched {
	t.Helper()
	w := watched{who: who, ended: make(chan struct{}, 2)}
	through := app.Client(who.Session.SessionToken)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	jobs, err := through.StreamJobEvents(ctx, job.JobID, nil)
	require.NoError(t, err)
	chats, err := through.StreamChatEvents(ctx, chat.ChatID, nil)
	require.NoError(t, err)
	for _, res := range []*http.Response{jobs, chats} {
		require.Equal(t, http.StatusOK, res.StatusCode)
		s := apptest.NewStream(t, res)
		_, ok := s.Next(t) // the greeting
		require.True(t, ok)
		go func() {
			defer func() { w.ended <- struct{}{} }()
			buffer := make([]byte, 1024)
			for {
				if _, err := res.Body.Read(buffer); err != nil {
					return
				}
			}
		}()
	}
	return w
}

// requireEnd waits for the streams' end, which comes sooner than the first heartbeat.
func (w watched) requireEnd(t *testing.T) {
	t.Helper()
	for range 2 {
		select {
		case <-w.ended:
		case <-time.After(10 * time.Second):
			require.Fail(t, "a stream goes on")
		}
	}
}

func TestStreams_endWithTheirSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, mine, other *apptest.Account) (status int){
		"signed out": func(t *testing.T, mine, _ *apptest.Account) int {
			res, err := mine.SignOutWithResponse(t.Context(), nil)
			require.NoError(t, err)
			return res.StatusCode()
		},
		"revoked": func(t *testing.T, mine, other *apptest.Account) int {
			res, err := other.RevokeSessionWithResponse(t.Context(), mine.Session.SessionID)
			require.NoError(t, err)
			return res.StatusCode()
		},
		"all others revoked": func(t *testing.T, _, other *apptest.Account) int {
			res, err := other.RevokeOtherSessionsWithResponse(t.Context())
			require.NoError(t, err)
			return res.StatusCode()
		},
		"password changed": func(t *testing.T, _, other *apptest.Account) int {
			res, err := other.ChangePasswordWithResponse(t.Context(), client.ChangePasswordRequest{
				CurrentPassword: apptest.Password, NewPassword: "another-" + apptest.Password, ConfirmPassword: "another-" + apptest.Password,
			})
			require.NoError(t, err)
			return res.StatusCode()
		},
		"account deleted": func(t *testing.T, _, other *apptest.Account) int {
			res, err := other.DeleteMeWithResponse(t.Context(), client.DeleteMeRequest{Password: apptest.Password})
			require.NoError(t, err)
			return res.StatusCode()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			beside := apptest.New(t, apptest.Beside(app))
			mine, job := queuedJob(t, app, 1)
			chat, err := mine.NewChatWithResponse(t.Context(), client.ChatCreate{})
			require.NoError(t, err)
			require.NotNil(t, chat.JSON201, "%s", chat.Body)
			other := app.SignIn(t, mine.Email)
			ending := watch(t, beside, mine, job, *chat.JSON201)
			going := watch(t, beside, other, job, *chat.JSON201)

			require.Less(t, end(t, mine, other), 300)
			ending.requireEnd(t)
			if name == "account deleted" {
				going.requireEnd(t)
				return
			}
			select {
			case <-going.ended:
				require.Fail(t, "a stream of another session has ended")
			default:
			}
		})
	}
}
