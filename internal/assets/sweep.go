package assets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

	// manyObjects is from how many old objects of a page on it is suspicious when most of them have no row.
	manyObjects = 20
)

// walk is the position up to which a bucket has been looked through. It lives in the memory of the sweeping process: another
// process starts from the beginning.
type walk struct {
	cursor string
	next   time.Time // when to begin again, once at the end
}

// Sweep tidies up as of now, by a clock that all processes share, since an object that a wrong clock takes for old may be
// about to get its row: uploads whose time is over, refusals long ago, and objects to which no row refers, in buckets that
// are bound to this database ([Service.Bind]). It is to be
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
	if at.cursor == "" {
		may, err := s.mayRemove(ctx, bucket, now)
		if err != nil {
			return err
		}
		if !may {
			at.next = now.Add(min(walkEvery, s.orphanAge))
			return nil
		}
	}
	for range walkPages {
		page, err := s.objects.List(ctx, bucket, "", at.cursor, storage.MaxPage)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", bucket, err)
		}
		stopped, err := s.removeOrphans(ctx, bucket, page.Entries, now)
		if err != nil {
			return err
		}
		at.cursor = page.Next
		if stopped || at.cursor == "" {
			at.cursor, at.next = "", now.Add(min(walkEvery, s.orphanAge))
			if stopped {
				return nil
			}
			return s.swept(ctx, bucket)
		}
	}
	return nil
}

// removeOrphans removes those of some objects that are old and to which no row refers. Names are never used again, and a
// row is written before or soon after its object: so an object without a row at the orphan age never gets one. Where most of
// many are unknown, it is not they that are wrong but the database: then stopped is true, and nothing is removed.
func (s *Service) removeOrphans(ctx context.Context, bucket string, entries []storage.Entry, now time.Time) (stopped bool, err error) {
	old := slices.DeleteFunc(slices.Clone(entries), func(e storage.Entry) bool { return !e.Modified.Before(now.Add(-s.orphanAge)) })
	known, orphans, err := s.known(ctx, bucket, old)
	if err != nil || len(orphans) == 0 {
		return false, err
	}
	if unknown := kept(orphans); unknown > known && unknown+known >= manyObjects {
		s.refuseSweep(ctx, bucket, UnknownObjects, "most of a page is unknown to the database", "known", known, "unknown", unknown)
		return true, nil
	}
	s.log.WarnContext(ctx, "removing objects without a row", "bucket", bucket, "objects", len(orphans))
	if err := s.objects.Remove(ctx, bucket, orphans...); err != nil {
		return false, fmt.Errorf("remove orphans of bucket %s: %w", bucket, err)
	}
	return false, nil
}

// known counts those of some objects to which rows refer, and lists the others. Markers are neither.
func (s *Service) known(ctx context.Context, bucket string, entries []storage.Entry) (known int, orphans []string, err error) {
	for _, e := range entries {
		if !IsMarker(e.Path) {
			orphans = append(orphans, e.Path)
		}
	}
	if len(orphans) == 0 {
		return 0, nil, nil
	}
	kept, err := s.store.Queries().AssetListKept(ctx, db.AssetListKeptParams{Bucket: bucket, Paths: orphans})
	if err != nil {
		return 0, nil, fmt.Errorf("look for the rows of objects: %w", err)
	}
	slices.Sort(kept)
	orphans = slices.DeleteFunc(orphans, func(p string) bool {
		_, found := slices.BinarySearch(kept, p)
		return found
	})
	return len(kept), orphans, nil
}

// kept counts those of some paths that are no uploads: what a client uploads, and never completes, says nothing about whose
// bucket it is.
func kept(paths []string) int {
	n := 0
	for _, p := range paths {
		if !strings.Contains(p, "/"+incoming+"/") {
			n++
		}
	}
	return n
}

// Orphans looks through all buckets and counts, for each, the objects that are old and to which no row refers; with remove it
// removes them, also where they are most of what is there. It is for operators, and fails for a bucket that is not bound to
// this database.
func (s *Service) Orphans(ctx context.Context, now time.Time, remove bool) (map[string]int, error) {
	row, err := s.binding(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for _, b := range storage.Buckets() {
		entries, err := s.markersIn(ctx, b.Name)
		if err != nil {
			return nil, err
		}
		if len(entries) != 1 || entries[0].Path != markerOf(b.Name, row).Path {
			return nil, fmt.Errorf("bucket %s: %w", b.Name, ErrUnbound)
		}
		for cursor, more := "", true; more; more = cursor != "" {
			page, err := s.objects.List(ctx, b.Name, "", cursor, storage.MaxPage)
			if err != nil {
				return nil, fmt.Errorf("list bucket %s: %w", b.Name, err)
			}
			cursor = page.Next
			old := slices.DeleteFunc(page.Entries, func(e storage.Entry) bool { return !e.Modified.Before(now.Add(-s.orphanAge)) })
			_, orphans, err := s.known(ctx, b.Name, old)
			if err != nil {
				return nil, err
			}
			found[b.Name] += len(orphans)
			if remove && len(orphans) > 0 {
				if err := s.objects.Remove(ctx, b.Name, orphans...); err != nil {
					return nil, fmt.Errorf("remove orphans of bucket %s: %w", b.Name, err)
				}
			}
		}
	}
	return found, nil
}
