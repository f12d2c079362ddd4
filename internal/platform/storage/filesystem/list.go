package filesystem

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// List implements storage.Store. It walks folder by folder, and the cursor is the last path of a page, so that a page reads
// only the folders that its objects are in and those above them.
func (s *Store) List(ctx context.Context, bucket, prefix, cursor string, limit int) (storage.Page, error) {
	if err := errors.Join(storage.ValidateBucket(bucket), storage.ValidatePrefix(prefix)); err != nil {
		return storage.Page{}, err
	}
	if _, err := s.bucket(bucket); err != nil {
		return storage.Page{}, err
	}
	limit = min(max(limit, 1), storage.MaxPage)
	var page storage.Page
	top := path.Join(bucket, prefix[:strings.LastIndexByte(prefix, '/')+1])
	err := fs.WalkDir(s.root.FS(), top, func(name string, entry fs.DirEntry, err error) error {
		p := strings.TrimPrefix(strings.TrimPrefix(name, bucket), "/")
		switch {
		case errors.Is(notFolder(err), fs.ErrNotExist):
			return nil // no such folder, or gone since its parent was read
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir():
			return enterFolder(p, prefix, cursor)
		case !strings.HasPrefix(p, prefix) || walkOrder(p) <= walkOrder(cursor):
			return nil
		case len(page.Entries) == limit:
			page.Next = page.Entries[limit-1].Path
			return fs.SkipAll
		}
		info, err := entry.Info()
		if err == nil && (storage.Object{Bucket: bucket, Path: p}).Validate() == nil {
			size := max(info.Size()-trailerBytes, 0)
			page.Entries = append(page.Entries, storage.Entry{Path: p, Size: size, Modified: info.ModTime()})
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	if err != nil {
		return storage.Page{}, fault("list "+bucket, err)
	}
	return page, nil
}

// enterFolder skips a folder without a path under prefix and after cursor.
func enterFolder(folder, prefix, cursor string) error {
	if folder == "" {
		return nil
	}
	folder += "/"
	relevant := strings.HasPrefix(folder, prefix) || strings.HasPrefix(prefix, folder)
	passed := walkOrder(folder) < walkOrder(cursor) && !strings.HasPrefix(cursor, folder)
	if !relevant || passed {
		return fs.SkipDir
	}
	return nil
}

// walkOrder is a key that compares as a walk visits: the slash sorts before every other character of a path.
func walkOrder(p string) string { return strings.ReplaceAll(p, "/", "\x00") }
