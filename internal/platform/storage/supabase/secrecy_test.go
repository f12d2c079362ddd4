package supabase_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/supabase"
)

const token = "eyJhbGciOiJIUzI1NiJ9.eyJ1cmwiOiJhIn0.signed-download-token"

// talkative is an error of a careless transport or proxy: its text contains the whole request.
type talkative struct{ header, url string }

func (e talkative) Error() string { return "dial " + e.url + " with " + e.header }

// TestSecrets_reachNoErrorAndNoLog has everything around the Client quote its key and a token back at it.
func TestSecrets_reachNoErrorAndNoLog(t *testing.T) {
	t.Parallel()
	echo := func(r *http.Request) string {
		return fmt.Sprintf("%v https://ref.supabase.co/object/sign/a?token=%s", r.Header, token)
	}
	answer := func(status int, body func(*http.Request) string) inMemory {
		return func(r *http.Request) (*http.Response, error) {
			res := ok(body(r))
			res.StatusCode = status
			res.Header.Set("Location", "https://evil.example/?token="+token)
			res.Header.Set("Retry-After", r.Header.Get("Apikey"))
			return res, nil
		}
	}
	surroundings := map[string]inMemory{
		"transport error": func(r *http.Request) (*http.Response, error) {
			return nil, talkative{fmt.Sprint(r.Header), r.URL.String() + "?token=" + token}
		},
		"wrapped transport error": func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("proxy: %s: %w", echo(r), io.ErrUnexpectedEOF)
		},
		"body error": func(r *http.Request) (*http.Response, error) {
			res := ok("")
			res.ContentLength = 10
			res.Header.Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{errors.New(echo(r))}))
			return res, nil
		},
		"refusal in text": answer(400, echo),
		"refusal in JSON": answer(400, func(r *http.Request) string {
			return fmt.Sprintf(`{"statusCode":%q,"error":%q,"message":%q,"code":%q}`, echo(r), echo(r), echo(r), echo(r))
		}),
		"code that is the key": answer(400, func(r *http.Request) string {
			return `{"statusCode":"403","code":"` + r.Header.Get("Apikey") + `"}`
		}),
		"server error":     answer(503, echo),
		"redirect":         answer(302, echo),
		"unreadable":       answer(200, echo),
		"of a wrong form":  answer(200, func(r *http.Request) string { return `{"size":"` + r.Header.Get("Apikey") + `"}` }),
		"signed elsewhere": answer(200, func(*http.Request) string { return `{"url":"https://evil.example/?token=` + token + `"}` }),
		"signed many elsewhere": answer(200, func(*http.Request) string {
			return `[{"path":"` + picture.Path + `","signedURL":"https://evil.example/?token=` + token + `"}]`
		}),
	}
	for name, transport := range surroundings {
		for _, key := range []string{secretKey, jwtKey} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				client, err := supabase.New(supabase.Config{
					URL: "https://ref.supabase.co", Key: key, Now: time.Now, Transport: transport,
					RetryInterval: time.Millisecond, Log: logger,
				})
				require.NoError(t, err)
				for operation, do := range operations {
					err := do(t.Context(), client)
					if err != nil {
						logger.Error("as the caller would log it", "operation", operation, "error", err)
						_, _ = fmt.Fprintf(&log, "%+v %#v", err, err)
						walk(err, func(link error) { _, _ = fmt.Fprintf(&log, "%v %+v", link, link) })
					}
				}
				body, _, err := client.Open(t.Context(), picture)
				if err == nil {
					_, err = io.ReadAll(body)
					_, _ = fmt.Fprint(&log, err)
					require.NoError(t, body.Close())
				}
				logger.Error("the client itself", "client", client)
				_, _ = fmt.Fprintf(&log, "%v %+v %#v", client, client, *client)
				require.NotEmpty(t, log.String())
				for _, secret := range []string{key, key[10:30], token, "signed-download-token"} {
					require.NotContains(t, log.String(), secret)
				}
			})
		}
	}
}

type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// walk visits each error of a chain, as error reporters do.
func walk(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch e := err.(type) { //nolint:errorlint // the chain itself is what is looked at
	case interface{ Unwrap() error }:
		walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			walk(inner, visit)
		}
	}
}

func TestNew_refusesWithoutQuoting(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]supabase.Config{
		"no URL":         {Key: secretKey},
		"no scheme":      {URL: "ref.supabase.co", Key: secretKey},
		"no host":        {URL: "https:///x", Key: secretKey},
		"a password":     {URL: "https://user:" + token + "@ref.supabase.co", Key: secretKey},
		"not a URL":      {URL: "https://" + token + "\x7f", Key: secretKey},
		"no key":         {URL: "https://ref.supabase.co"},
		"key with break": {URL: "https://ref.supabase.co", Key: secretKey + "\n"},
	} {
		_, err := supabase.New(cfg)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), secretKey, name)
		require.NotContains(t, err.Error(), token, name)
	}
}

func TestKey_isSentAsTheGatewayTakesIt(t *testing.T) {
	t.Parallel()
	for _, key := range []string{secretKey, jwtKey} {
		for operation, do := range operations {
			b := setupWith(t, key)
			require.NoError(t, do(t.Context(), b.Store), operation)
			for _, request := range b.fake.Requests() {
				require.Equal(t, []string{key}, request.Header["Apikey"])
				if key == jwtKey {
					require.Equal(t, []string{"Bearer " + key}, request.Header["Authorization"])
				} else {
					require.NotContains(t, request.Header, "Authorization")
				}
			}
		}
	}
}

func TestKey_thatIsWrongIsForbidden(t *testing.T) {
	t.Parallel()
	s, _ := open(t, secretKey)
	require.NoError(t, s.Store.EnsureBuckets(t.Context(), storage.Buckets()))
	for _, key := range []string{"sb_secret_another", anonKey} {
		client, err := supabase.New(supabase.Config{URL: s.Server.URL, Key: key, Now: s.Clock.Now})
		require.NoError(t, err)
		t.Cleanup(client.Close)
		err = client.Put(t.Context(), picture, "image/png", strings.NewReader("picture"), 7)
		require.ErrorIs(t, err, storage.ErrForbidden)
		require.ErrorIs(t, client.EnsureBuckets(t.Context(), storage.Buckets()), storage.ErrForbidden)
		require.Error(t, client.Ping(t.Context()))
	}
}

// A redirect would send the key to another host.
func TestRedirects_areNotFollowed(t *testing.T) {
	t.Parallel()
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect} {
		gateway := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		t.Cleanup(gateway.Close)
		client, err := supabase.New(supabase.Config{URL: gateway.URL, Key: secretKey, Now: time.Now})
		require.NoError(t, err)
		t.Cleanup(client.Close)
		for operation, do := range operations {
			require.Error(t, do(context.WithoutCancel(t.Context()), client), operation)
		}
	}
	elsewhere.Close()
	require.False(t, reached)
}
