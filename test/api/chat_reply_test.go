package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// scribe is a text provider made of a function.
type scribe func(ctx context.Context, req providers.TextRequest, emit func(string) error) error

func (s scribe) Reply(ctx context.Context, req providers.TextRequest, emit func(string) error) (providers.Meta, error) {
	return providers.Meta{ProviderName: "scribe"}, s(ctx, req, emit)
}

// says makes a scribe that writes some pieces.
func says(pieces ...string) scribe {
	return func(_ context.Context, _ providers.TextRequest, emit func(string) error) error {
		for _, piece := range pieces {
			if err := emit(piece); err != nil {
				return err
			}
		}
		return nil
	}
}

func openChat(t testing.TB, who *apptest.Account, chatID uuid.UUID, seen *string) *apptest.Stream {
	t.Helper()
	res, err := who.StreamChatEvents(t.Context(), chatID, &client.StreamChatEventsParams{LastEventID: seen})
	require.NoError(t, err)
	return apptest.NewStream(t, res)
}

// event is an event of a chat; either message or delta is set.
type event struct {
	message *client.Message
	delta   *client.MessageDelta
	id      string
}

// listen waits for the next event of a chat and checks its form. It returns false at the end of the stream.
func listen(t testing.TB, s *apptest.Stream) (event, bool) {
	t.Helper()
	var raw json.RawMessage
	read, ok := s.Read(t, &raw)
	if !ok {
		return event{}, false
	}
	if read.Name == "delta" {
		var d client.MessageDelta
		require.NoError(t, json.Unmarshal(raw, &d))
		require.Empty(t, read.ID)
		require.NotEmpty(t, d.Text)
		return event{delta: &d}, true
	}
	require.Equal(t, "message", read.Name)
	var m client.Message
	require.NoError(t, json.Unmarshal(raw, &m))
	require.Regexp(t, `^\d+\.\d+$`, read.ID)
	return event{message: &m, id: read.ID}, true
}

// await reads events until a reply has ended, as clients do.
func await(t testing.TB, s *apptest.Stream, id uuid.UUID) (last client.Message, lastID string) {
	t.Helper()
	for {
		h, ok := listen(t, s)
		require.True(t, ok, "the stream ended before the reply")
		switch {
		case h.message != nil && h.message.ID == id:
			last, lastID = *h.message, h.id
		case h.delta != nil && h.delta.MessageID == id:
			last.Content += h.delta.Text
		}
		if last.Status == client.MessageStatusComplete || last.Status == client.MessageStatusFailed {
			return last, lastID
		}
	}
}

// From a question to a project, with the built-in provider. The stream is opened in one process and the reply written in
// another.
func TestStreamChatEvents_200_builtInProvider(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	apptest.New(t, apptest.Beside(app), apptest.WithWorker())
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	reply := ask(t, ada, chat, "A thumbnail for my video about building a robot in 24 hours, neon and dark")
	written, lastID := await(t, openChat(t, ada, chat, nil), reply.ID)
	require.Equal(t, client.MessageStatusComplete, written.Status)
	require.Contains(t, written.Content, "Headline: Building a robot")
	suggestion := written.Suggestion.MustGet()
	require.Equal(t, "Building a robot", suggestion.Prompt.Headline)
	project, err := ada.CreateProjectWithResponse(t.Context(), nil, suggestion)
	require.NoError(t, err)
	require.NotNil(t, project.JSON201, "%s", project.Body)

	// A client that has seen all of the chat is sent only what comes next.
	again := openChat(t, ada, chat, &lastID)
	said := say(t, ada, chat, "Thanks")
	h, _ := listen(t, again)
	require.Equal(t, said, *h.message)

	export := app.Do(t, "GET", apptest.BasePath+"/me/export", "", "Authorization", "Bearer "+ada.Session.SessionToken)
	require.Contains(t, string(export.Body), "Headline: Building a robot")
	gone, err := ada.DeleteMeWithResponse(t.Context(), client.DeleteMeRequest{Password: apptest.Password})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, gone.StatusCode())
	left, err := app.Store.Pool().Exec(t.Context(), "select from messages where chat_id = $1", chat)
	require.NoError(t, err)
	require.Zero(t, left.RowsAffected())
}

// A block becomes a suggestion only if createProject would accept it from this very account.
func TestStreamChatEvents_200_suggestion(t *testing.T) {
	t.Parallel()
	blocks := make(chan string, 1)
	app := apptest.New(t, apptest.WithWorker(), apptest.WithText(scribe(
		func(_ context.Context, _ providers.TextRequest, emit func(string) error) error {
			return emit("Look:\n```suggestion\n" + <-blocks + "\n```")
		})))
	ada, bob := app.SignUp(t), app.SignUp(t)
	foreign := app.Picture(t, bob, client.AssetTypeRef)
	chat := newChat(t, ada)
	for block, good := range map[string]bool{
		`{"mode":"design","platform":"tiktok","prompt":{"headline":"Cats"},"seed":7}`:                                true,
		`{"mode":"design","platform":"myspace","prompt":{"headline":"Cats"}}`:                                        false,
		`{"mode":"design","platform":"x","prompt":{"headline":"Cats","size":1}}`:                                     false,
		`{"mode":"design","platform":"x","prompt":{}}`:                                                               false,
		`{"mode":"copy","platform":"x","prompt":{"headline":"Cats"}}`:                                                false,
		`{"mode":"design","platform":"x","prompt":{"headline":"Cats\u0000"}}`:                                        false,
		`{"mode":"design","platform":"x","prompt":{"headline":"Cats","ref_asset_ids":["` + foreign.String() + `"]}}`: false,
		`draw cats`: false,
		``:          false,
	} {
		blocks <- block
		reply := ask(t, ada, chat, "Cats?")
		written, _ := await(t, openChat(t, ada, chat, nil), reply.ID)
		require.Equal(t, "Look:", written.Content)
		require.Equal(t, good, !written.Suggestion.IsNull(), block)
		if good {
			project, err := ada.CreateProjectWithResponse(t.Context(), nil, written.Suggestion.MustGet())
			require.NoError(t, err)
			require.NotNil(t, project.JSON201, "%s", project.Body)
			require.EqualValues(t, 7, project.JSON201.Seed.MustGet())
		}
	}
}

// A client that opens the stream in the middle of a reply receives the text so far, and then the deltas.
func TestStreamChatEvents_200_openedInTheMiddle(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	app := apptest.New(t, apptest.WithWorker(), apptest.WithText(scribe(
		func(_ context.Context, _ providers.TextRequest, emit func(string) error) error {
			for _, piece := range []string{"One ", "two ", "three"} {
				if err := emit(piece); err != nil {
					return err
				}
				<-proceed
			}
			return nil
		})))
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	first := openChat(t, ada, chat, nil)
	reply := ask(t, ada, chat, "Count")
	text := ""
	for !strings.HasPrefix(text, "One") {
		if h, _ := listen(t, first); h.delta != nil {
			text += h.delta.Text
		}
	}
	second := openChat(t, ada, chat, nil)
	h, _ := listen(t, second)
	require.EqualValues(t, 1, h.message.Seq)
	h, _ = listen(t, second)
	require.Equal(t, reply.ID, h.message.ID)
	require.Equal(t, client.MessageStatusStreaming, h.message.Status)
	require.Contains(t, []string{"", "One"}, h.message.Content, "white space may be the end, or come before a block")
	close(proceed)
	for _, s := range []*apptest.Stream{first, second} {
		written, _ := await(t, s, reply.ID)
		require.Equal(t, "One two three", written.Content)
	}
}

func TestStopReply_200_keepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	aborted := make(chan error, 1)
	app := apptest.New(t, apptest.WithWorker(), apptest.WithText(scribe(
		func(ctx context.Context, _ providers.TextRequest, emit func(string) error) error {
			if err := emit("So far so good"); err != nil {
				return err
			}
			<-ctx.Done()
			aborted <- ctx.Err()
			return ctx.Err()
		})))
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	stream := openChat(t, ada, chat, nil)
	reply := ask(t, ada, chat, "Go on for ever")
	for {
		if h, _ := listen(t, stream); h.delta != nil {
			break
		}
	}
	begun := time.Now()
	stopped, err := ada.StopReplyWithResponse(t.Context(), chat, reply.ID)
	require.NoError(t, err)
	require.NotNil(t, stopped.JSON200, "%s", stopped.Body)
	require.Equal(t, "So far so good", stopped.JSON200.Content)
	require.Equal(t, client.MessageStatusComplete, stopped.JSON200.Status)
	require.Error(t, <-aborted)
	t.Logf("stopped after %s", time.Since(begun))
	written, _ := await(t, stream, reply.ID)
	require.Equal(t, *stopped.JSON200, written)
}

func TestRetryReply_200_failed(t *testing.T) {
	t.Parallel()
	fails := make(chan error, 1)
	app := apptest.New(t, apptest.WithWorker(), apptest.WithText(scribe(
		func(ctx context.Context, req providers.TextRequest, emit func(string) error) error {
			select {
			case err := <-fails:
				return err
			default:
				return says("Better now")(ctx, req, emit)
			}
		})))
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	fails <- &providers.Error{Provider: "scribe", Class: providers.Blocked, Reason: "SAFETY", Cause: errors.New("blocked by the test")}
	reply := ask(t, ada, chat, "Something nasty")
	stream := openChat(t, ada, chat, nil)
	refused, _ := await(t, stream, reply.ID)
	require.Equal(t, client.MessageStatusFailed, refused.Status)
	require.Equal(t, client.MessageErrorCodeContentBlocked, refused.Error.MustGet().Code)
	retried, err := ada.RetryReplyWithResponse(t.Context(), chat, reply.ID)
	require.NoError(t, err)
	require.NotNil(t, retried.JSON200, "%s", retried.Body)
	require.Equal(t, client.MessageStatusPending, retried.JSON200.Status)
	require.True(t, retried.JSON200.Error.IsNull())
	written, _ := await(t, stream, reply.ID)
	require.Equal(t, "Better now", written.Content)
}

func TestRetryReply_409_complete(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker(), apptest.WithText(says("Good as it is")))
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	reply := ask(t, ada, chat, "Something nice")
	written, _ := await(t, openChat(t, ada, chat, nil), reply.ID)
	require.Equal(t, client.MessageStatusComplete, written.Status)
	retried, err := ada.RetryReplyWithResponse(t.Context(), chat, reply.ID)
	require.NoError(t, err)
	refused(t, retried.JSON409, retried.Body, client.ErrorCodeVersionConflict)
}

// The stream of a chat ends with it.
func TestStreamChatEvents_200_deleted(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	chat := newChat(t, ada)
	say(t, ada, chat, "Bye")
	stream := openChat(t, ada, chat, nil)
	_, ok := listen(t, stream)
	require.True(t, ok)
	gone, err := ada.DeleteChatWithResponse(t.Context(), chat)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, gone.StatusCode())
	_, ok = listen(t, stream)
	require.False(t, ok)
}
