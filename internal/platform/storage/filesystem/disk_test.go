package filesystem_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
)

// files lists the files under a root, without the limits of the buckets.
func files(t *testing.T, root string) []string {
	t.Helper()
	found := []string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".json" {
			name, _ := filepath.Rel(root, path)
			found = append(found, name)
		}
		return err
	}))
	return found
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	good := filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://host/storage/", Key: make([]byte, filesystem.MinKeyBytes), Now: time.Now,
	}
	store, err := filesystem.New(good)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	for name, spoil := range map[string]func(*filesystem.Config){
		"short key":   func(c *filesystem.Config) { c.Key = c.Key[1:] },
		"no base URL": func(c *filesystem.Config) { c.BaseURL = "" },
		"no host":     func(c *filesystem.Config) { c.BaseURL = "/storage" },
		"scheme":      func(c *filesystem.Config) { c.BaseURL = "ftp://host" },
		"no root":     func(c *filesystem.Config) { c.Root = "" },
	} {
		cfg := good
		spoil(&cfg)
		_, err := filesystem.New(cfg)
		require.Error(t, err, name)
	}
}

func TestPut_leavesNoTemporaryFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := files(t, b.root)
	object := storage.Object{Bucket: storage.BucketRenders, Path: "x/y.png"}
	broken := errors.New("broken")
	body := io.MultiReader(strings.NewReader("pic"), iotest.ErrReader(broken))
	require.ErrorIs(t, b.Store.Put(t.Context(), object, "image/png", body, 7), broken)
	require.Equal(t, before, files(t, b.root))

	require.NoError(t, b.Store.Put(t.Context(), object, "image/png", strings.NewReader("picture"), 7))
	require.NoError(t, b.Store.Put(t.Context(), object, "image/png", strings.NewReader("pixture"), 7))
	require.ElementsMatch(t, append(before, "renders/x/y.png"), files(t, b.root))
}

func TestPut_fileStartsWithTheObject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content, err := os.ReadFile(filepath.Join(b.root, "renders", b.stored.Path))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(content), "picture\nmugshot-object/1 "))
	require.Len(t, content, 7+128)
}

func TestPut_types(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.Store.EnsureBuckets(t.Context(), []storage.Bucket{{Name: "any"}}))
	object := storage.Object{Bucket: "any", Path: "a"}
	for sent, kept := range map[string]string{
		"image/png":                    "image/png",
		"Text/HTML; charset=utf-8":     "text/html",
		"a/" + strings.Repeat("b", 62): "a/" + strings.Repeat("b", 62),
	} {
		require.NoError(t, b.Store.Put(t.Context(), object, sent, strings.NewReader("x"), 1))
		info, err := b.Store.Head(t.Context(), object)
		require.NoError(t, err)
		require.Equal(t, kept, info.ContentType)
	}
	for _, bad := range []string{"", "a b", "image/png\nx", "a/" + strings.Repeat("b", 63)} {
		err := b.Store.Put(t.Context(), object, bad, strings.NewReader("x"), 1)
		require.ErrorIs(t, err, storage.ErrUnsupportedType, bad)
	}
}

// An object's path can't also be a folder, as it can in the cloud: the Store refuses that and damages neither.
func TestPut_objectOrFolder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside := storage.Object{Bucket: b.stored.Bucket, Path: b.stored.Path + "/inside.png"}
	err := b.Store.Put(t.Context(), inside, "image/png", strings.NewReader("x"), 1)
	require.ErrorIs(t, err, storage.ErrExists)
	folder := storage.Object{Bucket: b.stored.Bucket, Path: "u-1"}
	err = b.Store.Put(t.Context(), folder, "image/png", strings.NewReader("x"), 1)
	require.ErrorIs(t, err, storage.ErrExists)
	_, err = b.Store.Head(t.Context(), inside)
	require.ErrorIs(t, err, storage.ErrMissing)
	require.ErrorIs(t, b.Store.Move(t.Context(), folder, storage.Object{Bucket: "renders", Path: "u-2"}), storage.ErrMissing)
	info, err := b.Store.Head(t.Context(), b.stored)
	require.NoError(t, err)
	require.Equal(t, int64(7), info.Size)
	require.Equal(t, []string{"renders/" + b.stored.Path}, files(t, b.root))
}

func TestSymlinks_doNotEscape(t *testing.T) {
	t.Parallel()
	b := setup(t)
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.png")
	content, err := os.ReadFile(filepath.Join(b.root, "renders", b.stored.Path))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, content, 0o600)) // it would be a well-formed object inside of the root
	require.NoError(t, os.Symlink(outside, filepath.Join(b.root, "renders", "out")))
	require.NoError(t, os.Symlink(secret, filepath.Join(b.root, "renders", "link.png")))

	for _, path := range []string{"out/secret.png", "link.png"} {
		_, err = b.Store.Head(t.Context(), storage.Object{Bucket: "renders", Path: path})
		require.Error(t, err, path)
		require.Error(t, b.Store.Remove(t.Context(), "renders", path))
	}
	err = b.Store.Put(t.Context(), storage.Object{Bucket: "renders", Path: "out/new.png"}, "image/png", strings.NewReader("x"), 1)
	require.Error(t, err)
	require.Equal(t, []string{"secret.png"}, files(t, outside))
}

func TestNew_sweepsOldTemporaryFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.Clock.Now()
	for name, age := range map[string]time.Duration{"young": time.Hour, "old": 25 * time.Hour} {
		path := filepath.Join(b.root, ".tmp", name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, now.Add(-age), now.Add(-age)))
	}
	again, _ := openIn(t, b.root)
	require.ElementsMatch(t, []string{".tmp/young", "renders/" + b.stored.Path}, files(t, b.root))
	info, err := again.Store.Head(t.Context(), b.stored)
	require.NoError(t, err, "objects and buckets outlast the process")
	require.Equal(t, int64(7), info.Size)
	require.NoError(t, again.Store.Ping(t.Context()))
}

func TestMove_completesWhatWasCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	to := storage.Object{Bucket: storage.BucketRenders, Path: "u-1/render/moved.png"}
	at := func(o storage.Object) string { return filepath.Join(b.root, o.Bucket, o.Path) }
	require.NoError(t, os.Link(at(b.stored), at(to))) // as after a crash between the two steps
	require.NoError(t, b.Store.Move(t.Context(), b.stored, to))
	require.Equal(t, []string{"renders/" + to.Path}, files(t, b.root))
}

// Two processes on one root see each other's objects and limits, and accept each other's signed URLs.
func TestStores_shareARoot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other, _ := openIn(t, b.root)
	require.NoError(t, other.Store.EnsureBuckets(t.Context(), []storage.Bucket{{Name: storage.BucketRenders, MaxBytes: 3}}))
	require.ErrorIs(t, b.Store.Put(t.Context(), b.stored, "image/png", strings.NewReader("four"), 4), storage.ErrTooLarge)
	link := strings.Replace(b.link, b.Server.URL, other.Server.URL, 1)
	res, content := b.do(t, "GET", link, nil)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "picture", content)
}

func TestList_leavesOutForeignFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, os.WriteFile(filepath.Join(b.root, "renders", ".DS_Store"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(b.root, "renders", "a b.png"), nil, 0o600))
	page, err := b.Store.List(t.Context(), storage.BucketRenders, "", "", 10)
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	require.Equal(t, b.stored.Path, page.Entries[0].Path)
	_, err = b.Store.List(t.Context(), "nowhere", "", "", 10)
	require.ErrorIs(t, err, storage.ErrNoBucket)
}

// What is listed can be removed: otherwise the sweeper would stop at it each time.
func TestRemove_filesOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	foreign := filepath.Join(b.root, "renders", "foreign.png")
	for _, content := range []string{"", "short", strings.Repeat("long", 100)} {
		require.NoError(t, os.WriteFile(foreign, []byte(content), 0o600))
		require.NoError(t, b.Store.Remove(t.Context(), storage.BucketRenders, "foreign.png", b.stored.Path))
		require.NoFileExists(t, foreign)
	}
	_, err := b.Store.Head(t.Context(), b.stored)
	require.ErrorIs(t, err, storage.ErrMissing, "and what stands behind it went as well")
}
