package gemini_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
)

func question() providers.TextRequest {
	return providers.TextRequest{
		MessageID: uuid.MustParse("0192f0c1-7a3b-7c4d-8e5f-0123456789ab"), Model: "gemini-3.8-flash",
		System: "You help with thumbnails.", MaxTokens: 300,
		Turns: []providers.Turn{
			{FromCreator: true, Text: "Hi"}, {Text: "Hello!"}, {FromCreator: true, Text: "Ideas? " + providertest.PromptSecret},
		},
	}
}

func TestText_streams(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	fake.Answer(func(geminifake.Request) geminifake.Reply {
		return geminifake.Reply{Pieces: []string{"More ", "contrast", " – größer 🎉"}}
	})
	var pieces []string
	meta, err := provider(t, fake).Reply(t.Context(), question(), func(piece string) error {
		pieces = append(pieces, piece)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"More ", "contrast", " – größer 🎉"}, pieces)
	require.Equal(t, "gemini", meta.ProviderName)
	require.Equal(t, "gemini-3.8-flash", meta.Model)
	require.Equal(t, "fake-response-id", meta.RequestID)
	require.Positive(t, meta.CostEstimate)

	asked := fake.Requests()[0]
	require.True(t, asked.Stream)
	require.Equal(t, "You help with thumbnails.", asked.System)
	require.EqualValues(t, 300, asked.MaxTokens)
	var roles []string
	for _, turn := range asked.Turns {
		roles = append(roles, turn.Role)
	}
	require.Equal(t, []string{"user", "model", "user"}, roles)
}

// What was said before the fault has been passed on; the caller decides what it is worth.
func TestText_faults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault providertest.Fault
		after int
		class providers.Class
	}{
		{providertest.TooManyRequests, 0, providers.Transient},
		{providertest.TooManyRequests, 1, providers.Transient},
		{providertest.InternalError, 0, providers.Transient},
		{providertest.Unavailable, 2, providers.Transient},
		{providertest.BadKey, 0, providers.Permanent},
		{providertest.BadRequest, 0, providers.Permanent},
		{providertest.UnknownModel, 0, providers.Permanent},
		{providertest.BlockedBefore, 0, providers.Blocked},
		{providertest.BlockedAfter, 0, providers.Blocked},
		{providertest.BlockedAfter, 2, providers.Blocked},
		{providertest.Empty, 0, providers.Transient},
		{providertest.Malformed, 0, providers.Transient},
		{providertest.Malformed, 1, providers.Transient},
		{providertest.Reset, 0, providers.Transient},
		{providertest.Reset, 1, providers.Transient},
		{providertest.Oversized, 0, providers.Transient},
		{providertest.WrongType, 1, providers.Transient}, // the stream just ends
	} {
		t.Run(string(c.fault)+" after "+strings.Repeat("I", c.after), func(t *testing.T) {
			t.Parallel()
			fake := geminifake.New(t)
			fake.Answer(func(geminifake.Request) geminifake.Reply { return geminifake.Reply{Fault: c.fault, After: c.after} })
			said := 0
			_, err := provider(t, fake).Reply(t.Context(), question(), func(piece string) error {
				require.NotEmpty(t, piece)
				said++
				return nil
			})
			var vendor *providers.Error
			require.ErrorAs(t, err, &vendor)
			require.Equal(t, c.class.String(), vendor.Class.String(), "%v", err)
			require.Equal(t, c.after, said)
			if c.fault == providertest.TooManyRequests {
				require.Equal(t, providertest.RetryDelay, vendor.RetryAfter)
			}
			for _, secret := range []string{providertest.Key, providertest.BodySecret, providertest.PromptSecret} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestText_endsWithItsContext(t *testing.T) {
	t.Parallel()
	for after := range 2 {
		fake := geminifake.New(t)
		fake.Answer(func(geminifake.Request) geminifake.Reply {
			return geminifake.Reply{Fault: providertest.Hang, After: after}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		begun := time.Now()
		_, err := provider(t, fake).Reply(ctx, question(), func(string) error { return nil })
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var vendor *providers.Error
		require.NotErrorAs(t, err, &vendor)
		require.Less(t, time.Since(begun), 2*time.Second)
	}
}

func TestText_stopsWhenItsReaderFails(t *testing.T) {
	t.Parallel()
	gone := errors.New("the reader has gone")
	_, err := provider(t, geminifake.New(t)).Reply(t.Context(), question(), func(string) error { return gone })
	require.ErrorIs(t, err, gone)
	var vendor *providers.Error
	require.NotErrorAs(t, err, &vendor)
}

// The client library takes the form of answers for granted.
func TestProvider_survivesAnswersOfAnotherForm(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `[]`, `null`, `7`, `""`, `{"candidates":"x"}`, `{"candidates":[null]}`, `{"candidates":[7]}`, `{"candidates":{}}`,
		`{"candidates":[{"content":7}]}`, `{"candidates":[{"content":{"parts":[null]}}]}`, `{"candidates":[{"content":{"parts":"x"}}]}`,
		`{"candidates":[{"content":{"parts":[{"inlineData":7}]}}]}`, `{"candidates":[{"content":{"parts":[{"inlineData":{"data":"%%"}}]}}]}`,
		`{"candidates":[{"finishReason":7}]}`, `{"promptFeedback":7}`, `{"promptFeedback":{"blockReason":7}}`, `{"error":7}`,
		`{"usageMetadata":"x"}`, `{"candidates":[{"content":{"parts":[{"text":7}]},"finishReason":"STOP"}]}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("alt") == "sse" {
					_, _ = w.Write([]byte("data: " + body + "\n\n"))
					return
				}
				_, _ = w.Write([]byte(body))
			}))
			defer server.Close()
			p, err := gemini.New(gemini.Config{BaseURL: server.URL, Key: "k", Now: time.Now})
			require.NoError(t, err)
			defer p.Close()
			var vendor *providers.Error
			_, err = p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
			require.ErrorAs(t, err, &vendor)
			_, err = p.Reply(t.Context(), question(), func(string) error { return nil })
			require.ErrorAs(t, err, &vendor)
		})
	}
}
