package supabase_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/fakes/supabasefake"
)

func TestPassingFaults_areOutlasted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b fixture, do func(context.Context, storage.Store) error) {
		b.fake.Inject(supabasefake.Status(http.StatusInternalServerError, 0), supabasefake.Reset(),
			supabasefake.Status(http.StatusTooManyRequests, 0))
		require.NoError(t, do(t.Context(), b.Store))
		b.fake.Inject(supabasefake.Answer(http.StatusBadRequest, `{"statusCode":"423","error":"x","code":"ResourceLocked"}`),
			supabasefake.Status(http.StatusGatewayTimeout, 0),
			supabasefake.Answer(http.StatusTooManyRequests, `{"statusCode":"429","error":"too_many_connections","code":"SlowDown"}`))
		require.NoError(t, do(t.Context(), b.Store))
	})
}

func TestLostAnswers_areAskedForAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b fixture, do func(context.Context, storage.Store) error) {
		b.fake.Inject(supabasefake.LoseAnswer(), supabasefake.LoseAnswer())
		require.NoError(t, do(t.Context(), b.Store), "what was done counts, and is not done again")
	})
}

func TestLastingFaults_endAsUnavailable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b fixture, do func(context.Context, storage.Store) error) {
		before := len(b.fake.Requests())
		for range 20 {
			b.fake.Inject(supabasefake.Status(http.StatusBadGateway, 0))
		}
		err := do(t.Context(), b.Store)
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.NotErrorIs(t, err, storage.ErrMissing)
		require.Len(t, b.fake.Requests(), before+4, "it gives up")
	})
}

func TestClient_givesUpAtOnceWhereRetryAfterIsTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := len(b.fake.Requests())
	b.fake.Inject(supabasefake.Status(http.StatusTooManyRequests, time.Hour))
	_, err := b.Store.Head(t.Context(), picture)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.Len(t, b.fake.Requests(), before+1)
}

func TestRefusals_areNotRepeated(t *testing.T) {
	t.Parallel()
	body := func(status, code string) string {
		return `{"statusCode":"` + status + `","error":"e","message":"m","code":"` + code + `"}`
	}
	cases := []struct {
		name   string
		status int
		body   string
		want   error // nil: a defect, none of package storage's
	}{
		{"missing", 400, body("404", "NoSuchKey"), storage.ErrMissing},
		{"no bucket", 400, body("404", "NoSuchBucket"), storage.ErrNoBucket},
		{"exists", 400, body("409", "KeyAlreadyExists"), storage.ErrExists},
		{"forbidden", 400, body("403", "AccessDenied"), storage.ErrForbidden},
		{"bad JWT", 400, body("400", "InvalidJWT"), storage.ErrForbidden},
		{"too large", 400, body("413", "EntityTooLarge"), storage.ErrTooLarge},
		{"type", 400, body("415", "InvalidMimeType"), storage.ErrUnsupportedType},
		{"name", 400, body("400", "InvalidKey"), storage.ErrInvalidName},
		{"the code counts, not the status", 400, body("404", "AccessDenied"), storage.ErrForbidden},
		{"an unknown code goes by its status", 400, body("403", "Novel"), storage.ErrForbidden},
		{"no code goes by its status", 400, `{"statusCode":"404","error":"not_found","message":"m"}`, storage.ErrMissing},
		{"a status may be a number", 400, `{"statusCode":404,"error":"not_found","message":"m"}`, storage.ErrMissing},
		{"no code, no bucket", 400, `{"statusCode":"404","error":"Bucket not found"}`, storage.ErrNoBucket},
		{"the gateway's key check", 401, `{"message":"Invalid API key"}`, storage.ErrForbidden},
		{"the gateway's limit", 413, "<html>too large</html>", storage.ErrTooLarge},
		{"a missing route is no missing object", 404, `{"message":"no Route matched with those values"}`, nil},
		{"a missing host is no missing object", 404, "<html>not found</html>", nil},
		{"a redirect", 302, "", nil},
		{"a bad request", 400, body("400", "InvalidRequest"), nil},
		{"nothing to go by", 400, "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			before := len(b.fake.Requests())
			b.fake.Inject(supabasefake.Answer(c.status, c.body))
			_, err := b.Store.Head(t.Context(), picture)
			require.Error(t, err)
			for _, kind := range []error{
				storage.ErrMissing, storage.ErrNoBucket, storage.ErrExists, storage.ErrForbidden, storage.ErrTooLarge,
				storage.ErrUnsupportedType, storage.ErrInvalidName, storage.ErrBody, storage.ErrUnavailable,
			} {
				require.Equal(t, errors.Is(c.want, kind), errors.Is(err, kind), "%v: %v", kind, err)
			}
			require.Len(t, b.fake.Requests(), before+1)
		})
	}
}

func TestUnreadableAnswers_areAFaultOfTheStorage(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]supabasefake.Fault{
		"not JSON":     supabasefake.Answer(200, "<html>"),
		"another form": supabasefake.Answer(200, `{"size":"many"}`),
		"cut off":      supabasefake.Truncate(),
		"endless":      supabasefake.Answer(200, `{"x":"`+strings.Repeat("x", 5<<20)+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.Inject(answer)
			info, err := b.Store.Head(t.Context(), picture)
			require.NoError(t, err, "the next answer is good")
			require.Equal(t, int64(7), info.Size)
			for range 20 {
				b.fake.Inject(answer)
			}
			_, err = b.Store.Head(t.Context(), picture)
			require.ErrorIs(t, err, storage.ErrUnavailable)
		})
	}
}

func TestSignedURLs_mustBeForWhatWasAsked(t *testing.T) {
	t.Parallel()
	for name, relative := range map[string]string{
		"another host": "https://evil.example/object/sign/renders/u-1/render/a.png?token=x",
		"another path": "/object/sign/renders/u-2/render/a.png?token=x",
		"no token":     "/object/sign/renders/u-1/render/a.png",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.Inject(supabasefake.Answer(200, `[{"path":"u-1/render/a.png","signedURL":"`+relative+`","error":null}]`))
			_, err := b.Store.SignDownloads(t.Context(), picture.Bucket, []string{picture.Path}, time.Minute)
			require.ErrorIs(t, err, storage.ErrUnavailable)
			b.fake.Inject(supabasefake.Answer(200, `{"url":"`+relative+`","token":"x"}`))
			_, err = b.Store.SignUpload(t.Context(), picture, storage.UploadPolicy{ContentType: "image/png", Size: 1})
			require.ErrorIs(t, err, storage.ErrUnavailable)
		})
	}
	b := setup(t)
	b.fake.Inject(supabasefake.Answer(200, `[]`))
	_, err := b.Store.SignDownloads(t.Context(), picture.Bucket, []string{picture.Path}, time.Minute)
	require.ErrorIs(t, err, storage.ErrUnavailable, "a short answer is not a missing object")
}

func TestOpen_thatBreaksOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := strings.Repeat("picture", 10_000)
	require.NoError(t, b.Store.Put(t.Context(), picture, "image/png", strings.NewReader(content), int64(len(content))))
	b.fake.Inject(supabasefake.Truncate())
	body, info, err := b.Store.Open(t.Context(), picture)
	require.NoError(t, err)
	require.Equal(t, int64(len(content)), info.Size)
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NoError(t, body.Close())
}

func TestPut_sendsABodyAgainOnlyIfItCan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := bytes.Repeat([]byte("picture"), 100_000)
	seekable := bytes.NewReader(append([]byte("skipped"), content...))
	_, err := seekable.Seek(7, io.SeekStart)
	require.NoError(t, err)
	b.fake.Inject(supabasefake.Status(http.StatusBadGateway, 0), supabasefake.Reset(), supabasefake.LoseAnswer())
	require.NoError(t, b.Store.Put(t.Context(), picture, "image/png", seekable, int64(len(content))))
	body, _, err := b.Store.Open(t.Context(), picture)
	require.NoError(t, err)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.True(t, bytes.Equal(content, got), "each try starts where the body stood")

	before := len(b.fake.Requests())
	b.fake.Inject(supabasefake.Status(http.StatusBadGateway, 0))
	once := io.MultiReader(strings.NewReader("picture"))
	require.ErrorIs(t, b.Store.Put(t.Context(), picture, "image/png", once, 7), storage.ErrUnavailable)
	require.Len(t, b.fake.Requests(), before+1)
}
