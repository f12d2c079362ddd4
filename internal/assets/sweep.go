package assets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

const (
	// expiryGrace is how long after its time an upload may still be completed: a request may be about to.
	expiryGrace = 10 * time.Minute
	// rejectedLifetime is how long a refusal can be asked for again.
	rejectedLifetime = 24 * time.Hour
	// defaultOrphanAge is the age from which an object without a row will not get one any more: far longer than any attempt at
	// a job, and than any check of an upload.
	defaultOrphanAge = time.Hour
	// walkEvery is how often a bucket is looked through at the most; walkPages bounds one Sweep's part of it.
	walkEvery = time.Hour
	walkPages = 10

	sweepBatch = 500
)

// walk is the position up to which a bucket has been looked through. It lives in the memory of the sweeping process: another
// process starts from the beginning.
type walk struct {
	cursor string
	next   time.Time // when to begin again, once at the end
}

// Sweep tidies up as of now, by a clock that all processes share, since an object that a wrong clock takes for old may be
// about to get its row: uploads whose time is over, refusals long ago, and objects to which no row refers. It is to be
// run about once a minute, and does a bounded part of the work; running it side by side is harmless.
func (s *Service) Sweep(ctx context.Context, now time.Time) error {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	errs := []error{s.expire(ctx, now), s.forget(ctx, now)}
	for _, bucket := range storage.Buckets() {
		errs = append(errs, s.sweepBucket(ctx, bucket.Name, now))
	}
	return errors.Join(errs...)
}

func (s *Service) expire(ctx context.Context, now time.Time) error {
	rows, err := s.store.Queries().AssetExpire(ctx, db.AssetExpireParams{Before: now.Add(-expiryGrace), Batch: sweepBatch})
	if err != nil {
		return fmt.Errorf("expire uploads: %w", err)
	}
	gone := map[string][]string{}
	for _, row := range rows {
		gone[row.Bucket] = append(gone[row.Bucket], row.StoragePath)
	}
	return s.removeAll(ctx, gone)
}

func (s *Service) forget(ctx context.Context, now time.Time) error {
	rows, err := s.store.Queries().AssetForget(ctx, db.AssetForgetParams{
		Before: now.Add(-rejectedLifetime), Batch: sweepBatch,
	})
	if err != nil {
		return fmt.Errorf("forget refused uploads: %w", err)
	}
	gone := map[string][]string{}
	for _, row := range rows { // removed at the refusal; the address of the upload was good for a while more
		gone[row.Bucket] = append(gone[row.Bucket], row.StoragePath)
	}
	return s.removeAll(ctx, gone)
}

func (s *Service) removeAll(ctx context.Context, paths map[string][]string) error {
	var errs []error
	for bucket, list := range paths {
		if err := s.objects.Remove(ctx, bucket, list...); err != nil {
			errs = append(errs, fmt.Errorf("remove objects: %w", err))
		}
	}
	return errors.Join(errs...)
}

// sweepBucket looks through the next pages of a bucket.
func (s *Service) sweepBucket(ctx context.Context, bucket string, now time.Time) error {
	at := s.walks[bucket]
	if at == nil {
		at = &walk{}
		s.walks[bucket] = at
	}
	if now.Before(at.next) {
		return nil
	}
	for range walkPages {
		page, err := s.objects.List(ctx, bucket, "", at.cursor, storage.MaxPage)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", bucket, err)
		}
		if err := s.removeOrphans(ctx, bucket, page.Entries, now); err != nil {
			return err
		}
		if at.cursor = page.Next; at.cursor == "" {
			at.next = now.Add(min(walkEvery, s.orphanAge))
			break
		}
	}
	return nil
}

// removeOrphans removes those of some objects that are old and to which no row refers. Names are never used again, and a
// row is written before or soon after its object: so an object without a row at the orphan age never gets one.
func (s *Service) removeOrphans(ctx context.Context, bucket string, entries []storage.Entry, now time.Time) error {
	var paths []string
	for _, e := range entries {
		if e.Modified.Before(now.Add(-s.orphanAge)) {
			paths = append(paths, e.Path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	kept, err := s.store.Queries().AssetListKept(ctx, db.AssetListKeptParams{Bucket: bucket, Paths: paths})
	if err != nil {
		return fmt.Errorf("look for the rows of objects: %w", err)
	}
	slices.Sort(kept)
	orphans := slices.DeleteFunc(paths, func(p string) bool {
		_, found := slices.BinarySearch(kept, p)
		return found
	})
	if len(orphans) == 0 {
		return nil
	}
	s.log.WarnContext(ctx, "removing objects without a row", "bucket", bucket, "objects", len(orphans))
	if err := s.objects.Remove(ctx, bucket, orphans...); err != nil {
		return fmt.Errorf("remove orphans of bucket %s: %w", bucket, err)
	}
	return nil
}
