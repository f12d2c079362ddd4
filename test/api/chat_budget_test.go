package api_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// A fifth of the free plan's fifty replies a day.
func TestSendMessage_429_theDaysReplies(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.With("RATE_LIMIT_FACTOR", "0.2"), apptest.With("CHAT_USER_REPLIES", "20"))
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	for range 10 {
		ask(t, ada, chat, "Louder!")
	}
	before := len(allMessages(t, ada, chat, client.ListMessagesParamsOrderAsc, 50))
	res, err := ada.SendMessageWithResponse(t.Context(), chat, nil, client.MessageCreate{Content: "Louder!"})
	require.NoError(t, err)
	require.NotNil(t, res.JSON429, "%s", res.Body)
	require.Equal(t, client.ErrorCodeRateLimited, res.JSON429.Error.Code)
	require.Contains(t, string(res.Body), "replies_per_day")
	seconds, err := strconv.Atoi(res.HTTPResponse.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.InDelta(t, 24*60*60/10, seconds, 600, "one comes back after a tenth of the day")
	require.Len(t, allMessages(t, ada, chat, client.ListMessagesParamsOrderAsc, 50), before, "nothing is stored")

	_, err = app.Store.Pool().Exec(t.Context(), "update users set plan = 'pro' where id = $1", ada.Session.User.ID)
	require.NoError(t, err)
	res, err = ada.SendMessageWithResponse(t.Context(), chat, nil, client.MessageCreate{Content: "Louder!"})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, res.StatusCode(), "a larger plan counts at once: %s", res.Body)
}
