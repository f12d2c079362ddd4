package storagetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

func testList(t *testing.T, s Subject) {
	ctx := t.Context()
	paths := []string{
		"a", "a-b/c", "a.b", "b/1", "b/2", "b/3/4", "b-1", "b_/1", "c/d/e/f", "u1/ref/x.png", "u1/ref/y.png", "u10/ref/x.png",
	}
	for _, p := range paths {
		s.put(t, storage.Object{Bucket: plain, Path: p}, "image/png", []byte(p))
	}
	s.put(t, storage.Object{Bucket: other, Path: "elsewhere"}, "image/png", []byte("x"))

	for _, limit := range []int{0, 1, 2, 5, len(paths), 5000} {
		require.ElementsMatch(t, paths, s.list(t, "", limit), "limit %d", limit)
	}
	under := map[string][]string{
		"b":           {"b/1", "b/2", "b/3/4", "b-1", "b_/1"},
		"b/":          {"b/1", "b/2", "b/3/4"},
		"u1":          {"u1/ref/x.png", "u1/ref/y.png", "u10/ref/x.png"},
		"u1/":         {"u1/ref/x.png", "u1/ref/y.png"},
		"u1/ref/x":    {"u1/ref/x.png"},
		"none/":       {},
		"a/b/c/":      {},
		"c/d/e/f":     {"c/d/e/f"},
		"c/d/e/f/g/h": {},
	}
	for prefix, want := range under {
		require.ElementsMatch(t, want, s.list(t, prefix, 2), "prefix %q", prefix)
	}

	page, err := s.Store.List(ctx, plain, "u1/ref/x", "", 10)
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	require.Equal(t, int64(len("u1/ref/x.png")), page.Entries[0].Size)
	require.False(t, page.Entries[0].Modified.IsZero())

	// Removing listed objects does not disturb the next page, as when the sweeper removes what it lists.
	page, err = s.Store.List(ctx, plain, "b/", "", 1)
	require.NoError(t, err)
	require.NoError(t, s.Store.Remove(ctx, plain, page.Entries[0].Path))
	next, err := s.Store.List(ctx, plain, "b/", page.Next, 10)
	require.NoError(t, err)
	require.Len(t, next.Entries, 2)
	require.Empty(t, next.Next)
}

// list reads all pages.
func (s Subject) list(t *testing.T, prefix string, limit int) []string {
	t.Helper()
	paths, cursor := []string{}, ""
	for {
		page, err := s.Store.List(t.Context(), plain, prefix, cursor, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Entries), max(limit, 1))
		for _, entry := range page.Entries {
			paths = append(paths, entry.Path)
		}
		if cursor = page.Next; cursor == "" {
			return paths
		}
	}
}
