package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"slices"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, object storage.Object, contentType string, body io.Reader, size int64) error {
	return s.write(ctx, object, contentType, body, size, s.root.Rename)
}

// write stores an object; place is that of [Store.publish].
func (s *Store) write(ctx context.Context, object storage.Object, contentType string, body io.Reader, size int64,
	place func(oldname, newname string) error,
) error {
	if err := object.Validate(); err != nil {
		return err
	}
	doing := "write " + file(object)
	bucket, err := s.bucket(object.Bucket)
	if err != nil {
		return err
	}
	contentType, err = mediaType(contentType)
	if err != nil || bucket.ContentTypes != nil && !slices.Contains(bucket.ContentTypes, contentType) {
		return fmt.Errorf("%s: %w", doing, storage.ErrUnsupportedType)
	}
	if bucket.MaxBytes > 0 && size > bucket.MaxBytes {
		return fmt.Errorf("%s: %d bytes, limit %d: %w", doing, size, bucket.MaxBytes, storage.ErrTooLarge)
	}
	err = s.save(file(object), place, func(f *os.File) error {
		return writeRecord(f, contentType, storage.Exactly(ctx, body, size))
	})
	if err != nil {
		return fault(doing, err)
	}
	return nil
}

// mediaType removes parameters and converts to lower case. It fails for a type that does not fit into the trailer.
func mediaType(contentType string) (string, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || len(media) > maxTypeBytes {
		return "", storage.ErrUnsupportedType
	}
	return media, nil
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, object storage.Object) (io.ReadCloser, storage.Info, error) {
	found, err := s.open(object)
	if err != nil {
		return nil, storage.Info{}, err
	}
	return &reader{record: found, ctx: ctx}, found.info, nil
}

// reader is a record whose reads fail once its context has ended.
type reader struct {
	*record
	ctx context.Context //nolint:containedctx // Read has no context parameter
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.record.Read(p)
}

// Head implements storage.Store.
func (s *Store) Head(_ context.Context, object storage.Object) (storage.Info, error) {
	found, err := s.open(object)
	if err != nil {
		return storage.Info{}, err
	}
	return found.info, found.Close()
}

func (s *Store) open(object storage.Object) (*record, error) {
	if err := object.Validate(); err != nil {
		return nil, err
	}
	found, err := s.openRecord(file(object))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := s.bucket(object.Bucket); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, fault("open "+file(object), err)
	}
	return found, nil
}

// Remove implements storage.Store. Empty folders stay: removing one would race with a write that has just created it.
func (s *Store) Remove(ctx context.Context, bucket string, paths ...string) error {
	for _, p := range paths {
		object := storage.Object{Bucket: bucket, Path: p}
		if err := errors.Join(ctx.Err(), object.Validate()); err != nil {
			return err
		}
		// A file that this storage did not write is removed too: what List returns can be removed.
		found, err := s.root.Stat(file(object))
		if err = notFolder(err); err == nil && !found.IsDir() { // a folder of objects is no object
			err = s.root.Remove(file(object))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault("remove "+file(object), err)
		}
	}
	return nil
}

// Move implements storage.Store. For a moment the object has both names; after a crash in that moment, the next call
// completes the move.
func (s *Store) Move(ctx context.Context, from, to storage.Object) error {
	if err := errors.Join(ctx.Err(), from.Validate(), to.Validate()); err != nil {
		return err
	}
	if _, err := s.bucket(to.Bucket); err != nil {
		return err
	}
	_, err := s.Head(ctx, from)
	if err == nil && from != to {
		err = s.rename(from, to)
	}
	if errors.Is(err, storage.ErrMissing) {
		_, err = s.Head(ctx, to) // moved already, perhaps a moment ago
	}
	return err
}

func (s *Store) rename(from, to storage.Object) error {
	err := s.publish(file(from), file(to), s.root.Link)
	if err == nil || errors.Is(err, fs.ErrExist) && s.sameFile(from, to) {
		err = s.root.Remove(file(from))
	}
	if err != nil {
		return fault(fmt.Sprintf("move %s to %s", file(from), file(to)), err)
	}
	return nil
}

func (s *Store) sameFile(a, b storage.Object) bool {
	first, errA := s.root.Stat(file(a))
	second, errB := s.root.Stat(file(b))
	return errA == nil && errB == nil && os.SameFile(first, second)
}

// file returns the path of an object below the root.
func file(o storage.Object) string { return o.Bucket + "/" + o.Path }
