// Package filesystem is a storage.Store on a local disk, for development and tests. Its signed URLs are served by the
// Store itself, an http.Handler, and refuse what the real storage refuses, so that a client that works here works there.
//
// On the disk a bucket is a folder with its limits beside it in <bucket>.json, and an object is one file that any viewer
// opens (see record.go). Two processes may share a root. As on any disk, a path can't be an object and a folder of
// objects at once.
package filesystem

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// MinKeyBytes is the shortest signing key: as long as the output of HMAC-SHA256 (RFC 2104, section 3).
const MinKeyBytes = 32

const (
	tempDir = ".tmp"         // no bucket has this name; in the root, so that a rename never crosses file systems
	tempAge = 24 * time.Hour // no transfer takes as long: an older temporary file was left by a crash
)

// Config is what a Store needs.
type Config struct {
	Root           string           // the folder; made when it is not there
	BaseURL        string           // where clients reach the Store's handler, such as http://127.0.0.1:8080/storage
	Key            []byte           // signs URLs; at least MinKeyBytes, and the same in every process that shares Root
	Now            func() time.Time // the clock
	AllowedOrigins []string         // browser origins that may upload and read, compared exactly
	UploadTime     time.Duration    // for a client to send an object; 0: DefaultUploadTime
	Log            *slog.Logger     // faults of the disk behind a signed URL; nil: none
}

// Store is a storage.Store on a local disk, and the http.Handler of the URLs that it signs.
type Store struct {
	root    *os.Root
	base    *url.URL
	key     []byte
	now     func() time.Time
	origins []string
	log     *slog.Logger

	uploadTime time.Duration
}

var _ storage.Store = (*Store)(nil)

// New opens the root, and removes the remains of crashed uploads that are older than a day. The caller closes the Store.
func New(cfg Config) (*Store, error) {
	base, err := url.Parse(strings.TrimSuffix(cfg.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("filesystem storage: base URL %q is not http(s)://host", cfg.BaseURL)
	}
	if len(cfg.Key) < MinKeyBytes {
		return nil, fmt.Errorf("filesystem storage: the key has %d bytes, fewer than %d", len(cfg.Key), MinKeyBytes)
	}
	if err = os.MkdirAll(cfg.Root, 0o750); err != nil {
		return nil, fmt.Errorf("filesystem storage: make the root: %w", err)
	}
	root, err := os.OpenRoot(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("filesystem storage: open the root: %w", err)
	}
	s := &Store{
		root: root, base: base, key: slices.Clone(cfg.Key), now: cfg.Now,
		origins: slices.Clone(cfg.AllowedOrigins), log: cfg.Log, uploadTime: cmp.Or(cfg.UploadTime, DefaultUploadTime),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err = s.sweepTemp(); err != nil {
		return nil, errors.Join(fmt.Errorf("filesystem storage: sweep temporary files: %w", err), root.Close())
	}
	return s, nil
}

// Close releases the root. Readers that Open returned stay usable.
func (s *Store) Close() error { return s.root.Close() }

func (s *Store) sweepTemp() error {
	if err := s.root.MkdirAll(tempDir, 0o750); err != nil {
		return err
	}
	left, err := fs.ReadDir(s.root.FS(), tempDir)
	if err != nil {
		return err
	}
	for _, entry := range left {
		info, err := entry.Info()
		if err != nil || s.now().Sub(info.ModTime()) < tempAge {
			continue // in use, or gone meanwhile
		}
		if err := s.root.Remove(path.Join(tempDir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// EnsureBuckets implements storage.Store.
func (s *Store) EnsureBuckets(_ context.Context, buckets []storage.Bucket) error {
	for _, b := range buckets {
		if err := storage.ValidateBucket(b.Name); err != nil {
			return err
		}
		rules, err := json.MarshalIndent(b, "", "  ")
		if err != nil {
			return fmt.Errorf("ensure bucket %s: %w", b.Name, err)
		}
		err = s.save(rulesFile(b.Name), s.root.Rename, func(f *os.File) error {
			_, err := f.Write(rules)
			return err
		})
		if err != nil {
			return fault("ensure bucket "+b.Name, err)
		}
	}
	return nil
}

// Ping implements storage.Store.
func (s *Store) Ping(_ context.Context) error {
	_, err := s.bucket(storage.BucketRenders)
	return err
}

// bucket reads a bucket's limits from the disk each time, since another process may have changed them.
func (s *Store) bucket(name string) (storage.Bucket, error) {
	var b storage.Bucket
	rules, err := s.root.ReadFile(rulesFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return b, fmt.Errorf("bucket %s: %w", name, storage.ErrNoBucket)
	}
	if err != nil {
		return b, fault("bucket "+name, err)
	}
	if err = json.Unmarshal(rules, &b); err != nil {
		return b, fmt.Errorf("read the limits of bucket %s: %w", name, err)
	}
	return b, nil
}

func rulesFile(bucket string) string { return bucket + ".json" }

// fault turns an error of the disk into one of package storage, ErrUnavailable where it is not about the object. The end of a
// context stays what it is.
func fault(doing string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", doing, storage.ErrMissing)
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s: %w", doing, storage.ErrExists)
	case errors.Is(err, storage.ErrBody), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, err)
	default:
		return fmt.Errorf("%s: %w: %w", doing, storage.ErrUnavailable, err)
	}
}
