package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

var objectTests = map[string]func(*testing.T, Subject){
	"what is put can be read":            testPut,
	"put replaces":                       testPutReplaces,
	"put keeps to the bucket's limits":   testPutLimits,
	"put takes a body of the exact size": testPutSize,
	"put that is cut off leaves nothing": testPutCancelled,
	"concurrent puts leave one whole":    testConcurrentPuts,
	"missing objects and buckets":        testMissing,
	"hostile names are refused":          testNames,
	"remove":                             testRemove,
	"move":                               testMove,
	"list pages through everything":      testList,
	"an ended context ends a read":       testOpenCancelled,
}

func testPut(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "u-1/ref/a_20261122T191529Z.png"}
	for _, content := range [][]byte{[]byte("picture"), {}, bytes.Repeat([]byte{0, 0xff, '\n'}, 100_000)} {
		s.put(t, object, "image/png", content)
		body, opened, err := s.Store.Open(t.Context(), object)
		require.NoError(t, err)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		require.True(t, bytes.Equal(content, got))
		head, err := s.Store.Head(t.Context(), object)
		require.NoError(t, err)
		for _, info := range []storage.Info{opened, head} {
			require.Equal(t, int64(len(content)), info.Size)
			require.Equal(t, "image/png", info.ContentType)
			require.Regexp(t, `^"[^"]+"$`, info.ETag)
			require.False(t, info.Modified.IsZero())
		}
		require.Equal(t, opened.ETag, head.ETag)
	}
}

func testPutReplaces(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a"}
	s.put(t, object, "image/png", []byte("first"))
	before, err := s.Store.Head(t.Context(), object)
	require.NoError(t, err)
	reading, _, err := s.Store.Open(t.Context(), object)
	require.NoError(t, err)
	s.put(t, object, "image/webp", []byte("later"))
	old, err := io.ReadAll(reading)
	require.NoError(t, err)
	require.NoError(t, reading.Close())
	require.Equal(t, "first", string(old), "a reader sees one version")
	require.Equal(t, "later", string(s.get(t, object)))
	after, err := s.Store.Head(t.Context(), object)
	require.NoError(t, err)
	require.Equal(t, "image/webp", after.ContentType)
	require.NotEqual(t, before.ETag, after.ETag)
}

func testPutLimits(t *testing.T, s Subject) {
	object := storage.Object{Bucket: narrow, Path: "a.png"}
	s.put(t, object, "image/png", make([]byte, narrowBytes))
	err := s.Store.Put(t.Context(), object, "image/png", bytes.NewReader(make([]byte, narrowBytes+1)), narrowBytes+1)
	require.ErrorIs(t, err, storage.ErrTooLarge)
	err = s.Store.Put(t.Context(), object, "text/html", strings.NewReader("<p>"), 3)
	require.ErrorIs(t, err, storage.ErrUnsupportedType)
	require.Len(t, s.get(t, object), narrowBytes, "a refused put changes nothing")
}

func testPutSize(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a"}
	broken := errors.New("the source broke")
	bodies := map[string]io.Reader{
		"shorter": strings.NewReader("1234"),
		"longer":  strings.NewReader("123456"),
		"empty":   strings.NewReader(""),
		"broken":  io.MultiReader(strings.NewReader("123"), readerFunc(func([]byte) (int, error) { return 0, broken })),
	}
	for name, body := range bodies {
		err := s.Store.Put(t.Context(), object, "image/png", body, 5)
		require.ErrorIs(t, err, storage.ErrBody, name)
		if name == "broken" {
			require.ErrorIs(t, err, broken)
		}
		s.Server.Settle()
		s.requireMissing(t, object)
	}
	require.ErrorIs(t, s.Store.Put(t.Context(), object, "image/png", strings.NewReader("x"), 0), storage.ErrBody)
	s.requireMissing(t, object)
}

func testPutCancelled(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const size = 20 << 20
	sent := 0
	body := readerFunc(func(p []byte) (int, error) {
		if sent += len(p); sent > size/2 {
			cancel()
		}
		return len(p), nil
	})
	require.ErrorIs(t, s.Store.Put(ctx, object, "image/png", body, size), context.Canceled)
	s.Server.Settle()
	s.requireMissing(t, object)
	page, err := s.Store.List(t.Context(), plain, "", "", 10)
	require.NoError(t, err)
	require.Empty(t, page.Entries)
}

func testConcurrentPuts(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "deep/er/a"}
	const writers, size = 8, 200_000
	var wait sync.WaitGroup
	errs := make(chan error, writers)
	for i := range writers {
		wait.Go(func() {
			content := bytes.Repeat([]byte{byte('a' + i)}, size)
			errs <- s.Store.Put(t.Context(), object, "image/png", bytes.NewReader(content), size)
		})
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	content := s.get(t, object)
	require.Len(t, content, size)
	require.Equal(t, bytes.Repeat(content[:1], size), content)
}

func testMissing(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "u-1/none.png"}
	s.requireMissing(t, object)
	_, _, err := s.Store.Open(t.Context(), object)
	require.ErrorIs(t, err, storage.ErrMissing)
	s.put(t, storage.Object{Bucket: plain, Path: "u-2/a.png"}, "image/png", []byte("x"))
	s.requireMissing(t, storage.Object{Bucket: plain, Path: "u-2"})

	nowhere := storage.Object{Bucket: "nowhere", Path: "a.png"}
	_, err = s.Store.Head(t.Context(), nowhere)
	require.ErrorIs(t, err, storage.ErrNoBucket)
	require.NotErrorIs(t, err, storage.ErrMissing)
	err = s.Store.Put(t.Context(), nowhere, "image/png", strings.NewReader("x"), 1)
	require.ErrorIs(t, err, storage.ErrNoBucket)
	_, err = s.Store.SignUpload(t.Context(), nowhere, pngPolicy(1))
	require.ErrorIs(t, err, storage.ErrNoBucket)
}

func testNames(t *testing.T, s Subject) {
	ctx, good := t.Context(), storage.Object{Bucket: plain, Path: "a"}
	s.put(t, good, "image/png", []byte("x"))
	names := []storage.Object{
		{Bucket: "", Path: "a"},
		{Bucket: "..", Path: "a"},
		{Bucket: "a/b", Path: "a"},
		{Bucket: "A", Path: "a"},
		{Bucket: ".tmp", Path: "a"},
		{Bucket: "a.json", Path: "a"},
	}
	for _, p := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", ".hidden", "a/.tmp/b", `a\..\b`, "a\x00b",
		"a\nb", "a b", "a?b", "a#b", "a%2e%2e", "ä", "a:b", strings.Repeat("a", 129), strings.Repeat("a/", 256) + "a",
	} {
		names = append(names, storage.Object{Bucket: plain, Path: p})
	}
	for _, bad := range names {
		_, headErr := s.Store.Head(ctx, bad)
		_, _, openErr := s.Store.Open(ctx, bad)
		_, uploadErr := s.Store.SignUpload(ctx, bad, pngPolicy(1))
		_, downloadErr := s.Store.SignDownloads(ctx, bad.Bucket, []string{bad.Path}, minute)
		for _, err := range []error{
			headErr, openErr, uploadErr, downloadErr,
			s.Store.Put(ctx, bad, "image/png", strings.NewReader("x"), 1),
			s.Store.Remove(ctx, bad.Bucket, bad.Path),
			s.Store.Move(ctx, good, bad),
			s.Store.Move(ctx, bad, good),
		} {
			require.ErrorIs(t, err, storage.ErrInvalidName, "%+v", bad)
		}
	}
	for _, prefix := range []string{"..", "../", "/", "a/../", "a//", ".", `\`} {
		_, err := s.Store.List(ctx, plain, prefix, "", 1)
		require.ErrorIs(t, err, storage.ErrInvalidName, prefix)
	}
	require.Equal(t, "x", string(s.get(t, good)))
}

func testRemove(t *testing.T, s Subject) {
	ctx := t.Context()
	for _, p := range []string{"u-1/a", "u-1/b", "u-1/c"} {
		s.put(t, storage.Object{Bucket: plain, Path: p}, "image/png", []byte(p))
	}
	require.NoError(t, s.Store.Remove(ctx, plain))
	require.NoError(t, s.Store.Remove(ctx, plain, "u-1/a", "u-1/none", "u-1/b", "u-1", "u-2/none"))
	require.NoError(t, s.Store.Remove(ctx, plain, "u-1/a"))
	s.requireMissing(t, storage.Object{Bucket: plain, Path: "u-1/a"})
	s.requireMissing(t, storage.Object{Bucket: plain, Path: "u-1/b"})
	require.Equal(t, "u-1/c", string(s.get(t, storage.Object{Bucket: plain, Path: "u-1/c"})))

	many := []string{"u-1/c"}
	for i := range 1200 { // more than a server may take in one call
		many = append(many, fmt.Sprintf("none/%d", i))
	}
	require.NoError(t, s.Store.Remove(ctx, plain, many...))
	s.requireMissing(t, storage.Object{Bucket: plain, Path: "u-1/c"})
}

func testMove(t *testing.T, s Subject) {
	ctx := t.Context()
	a, b := storage.Object{Bucket: plain, Path: "pending/a"}, storage.Object{Bucket: plain, Path: "u-1/a"}
	far := storage.Object{Bucket: other, Path: "u-1/a"}
	require.ErrorIs(t, s.Store.Move(ctx, a, b), storage.ErrMissing)

	s.put(t, a, "image/png", []byte("photo"))
	require.NoError(t, s.Store.Move(ctx, a, b))
	s.requireMissing(t, a)
	require.Equal(t, "photo", string(s.get(t, b)))
	require.NoError(t, s.Store.Move(ctx, a, b), "a repeated move is done")

	require.NoError(t, s.Store.Move(ctx, b, far), "into another bucket")
	s.requireMissing(t, b)
	info, err := s.Store.Head(ctx, far)
	require.NoError(t, err)
	require.Equal(t, "image/png", info.ContentType)
	require.NoError(t, s.Store.Move(ctx, far, far), "onto itself")
	require.Equal(t, "photo", string(s.get(t, far)))

	s.put(t, a, "image/png", []byte("another"))
	require.ErrorIs(t, s.Store.Move(ctx, a, far), storage.ErrExists)
	require.Equal(t, "another", string(s.get(t, a)))
	require.Equal(t, "photo", string(s.get(t, far)))
}

func testOpenCancelled(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a"}
	const size = 20 << 20 // more than what may wait in buffers on the way
	require.NoError(t, s.Store.Put(t.Context(), object, "image/png", zeros(size), size))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body, _, err := s.Store.Open(ctx, object)
	require.NoError(t, err)
	_, err = io.ReadFull(body, make([]byte, 1000))
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, body)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, body.Close())
}

// readerFunc is a reader made of a function.
type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
