package assets

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// markers is the folder of a bucket's marker: a picture of one pixel, since the buckets take nothing else, whose name is that
// of the database whose pictures the bucket holds.
const markers = "mugshot-database/"

// rewound is by how much a marker has to be newer than the database's own record for the database to be taken for a restored
// one: more than clocks differ.
const rewound = 10 * time.Minute

// RefusedSweep is a reason for which orphans of a bucket are not looked for.
type RefusedSweep string

// The reasons.
const (
	// ForeignBucket: the bucket is bound to another database.
	ForeignBucket RefusedSweep = "foreign"
	// UnknownObjects: the database knows less than half of what is there.
	UnknownObjects RefusedSweep = "unknown"
)

// IsMarker tells whether an object of a bucket is the marker that ties the bucket to a database.
func IsMarker(path string) bool { return strings.HasPrefix(path, markers) }

func markerOf(bucket string, row db.StorageBinding) storage.Object {
	return storage.Object{Bucket: bucket, Path: markers + row.DatabaseID.String() + ".png"}
}

// Bind ties all buckets to this database, whatever they were bound to, and returns from when on orphans are removed. It is
// for operators, who know whose pictures the buckets hold.
func (s *Service) Bind(ctx context.Context) (from time.Time, err error) {
	row, err := s.binding(ctx)
	if err != nil {
		return time.Time{}, err
	}
	for _, bucket := range storage.Buckets() {
		entries, err := s.markersIn(ctx, bucket.Name)
		if err != nil {
			return time.Time{}, err
		}
		if err := s.mark(ctx, bucket.Name, row); err != nil {
			return time.Time{}, err
		}
		for _, e := range entries {
			if e.Path == markerOf(bucket.Name, row).Path {
				continue
			}
			if err := s.objects.Remove(ctx, bucket.Name, e.Path); err != nil {
				return time.Time{}, fmt.Errorf("unbind bucket %s: %w", bucket.Name, err)
			}
		}
	}
	if err := s.store.Queries().StorageBound(ctx); err != nil {
		return time.Time{}, fmt.Errorf("date the binding: %w", err)
	}
	if row, err = s.binding(ctx); err != nil {
		return time.Time{}, err
	}
	return row.BoundAt.Add(s.sweepGrace), nil
}

func (s *Service) binding(ctx context.Context) (db.StorageBinding, error) {
	row, err := s.store.Queries().StorageBindingGet(ctx)
	if err != nil {
		return db.StorageBinding{}, fmt.Errorf("read the binding of the buckets: %w", err)
	}
	return row, nil
}

// mayRemove tells whether orphans of a bucket may be removed: it is bound to this database, and has been for the grace. A
// bucket without a marker is bound, unless most of what is in it is unknown here.
func (s *Service) mayRemove(ctx context.Context, bucket string, now time.Time) (bool, error) {
	row, err := s.binding(ctx)
	if err != nil {
		return false, err
	}
	found, err := s.markersIn(ctx, bucket)
	if err != nil {
		return false, err
	}
	switch {
	case len(found) == 0:
		return s.adoptBucket(ctx, bucket, row)
	case len(found) > 1 || found[0].Path != markerOf(bucket, row).Path:
		s.refuseSweep(ctx, bucket, ForeignBucket, "the bucket is bound to another database", "markers", len(found))
		return false, nil
	case found[0].Modified.After(row.SweptAt.Add(rewound)):
		s.log.WarnContext(ctx, "the database is older than the bucket: it was restored; no orphans are removed for a while",
			"bucket", bucket, "for", s.sweepGrace)
		return false, s.rebind(ctx, bucket, row)
	}
	return !now.Before(row.BoundAt.Add(s.sweepGrace)), nil
}

// adoptBucket binds a bucket without a marker, where at least half of its first page is known.
func (s *Service) adoptBucket(ctx context.Context, bucket string, row db.StorageBinding) (bool, error) {
	page, err := s.objects.List(ctx, bucket, "", "", storage.MaxPage)
	if err != nil {
		return false, fmt.Errorf("list bucket %s: %w", bucket, err)
	}
	known, orphans, err := s.known(ctx, bucket, page.Entries)
	if err != nil {
		return false, err
	}
	if unknown := kept(orphans); unknown > known {
		s.refuseSweep(ctx, bucket, UnknownObjects, "the bucket is bound to no database, and most of it is unknown to this one",
			"known", known, "unknown", unknown)
		return false, nil
	}
	if err := s.rebind(ctx, bucket, row); err != nil {
		return false, err
	}
	return s.sweepGrace == 0, nil
}

// rebind lets the grace begin anew. The row is dated before the marker, which must not look newer.
func (s *Service) rebind(ctx context.Context, bucket string, row db.StorageBinding) error {
	if err := s.store.Queries().StorageBound(ctx); err != nil {
		return fmt.Errorf("date the binding: %w", err)
	}
	return s.mark(ctx, bucket, row)
}

// swept dates a look through a bucket, in the row and then in the marker.
func (s *Service) swept(ctx context.Context, bucket string) error {
	if err := s.store.Queries().StorageSwept(ctx); err != nil {
		return fmt.Errorf("date the sweep: %w", err)
	}
	row, err := s.binding(ctx)
	if err != nil {
		return err
	}
	return s.mark(ctx, bucket, row)
}

func (s *Service) mark(ctx context.Context, bucket string, row db.StorageBinding) error {
	var pixel bytes.Buffer
	if err := png.Encode(&pixel, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		return fmt.Errorf("encode marker: %w", err)
	}
	err := s.objects.Put(ctx, markerOf(bucket, row), "image/png", bytes.NewReader(pixel.Bytes()), int64(pixel.Len()))
	if err != nil {
		return fmt.Errorf("mark bucket %s: %w", bucket, err)
	}
	return nil
}

func (s *Service) markersIn(ctx context.Context, bucket string) ([]storage.Entry, error) {
	page, err := s.objects.List(ctx, bucket, markers, "", storage.MaxPage)
	if err != nil {
		return nil, fmt.Errorf("look for the marker of bucket %s: %w", bucket, err)
	}
	return slices.DeleteFunc(page.Entries, func(e storage.Entry) bool { return !IsMarker(e.Path) }), nil
}

// refuseSweep reports that orphans of a bucket are not looked for, and why.
func (s *Service) refuseSweep(ctx context.Context, bucket string, reason RefusedSweep, what string, about ...any) {
	s.log.ErrorContext(ctx, "orphans are not removed: "+what, append([]any{"bucket", bucket, "reason", string(reason)}, about...)...)
	if s.onRefusedSweep != nil {
		s.onRefusedSweep(bucket, reason)
	}
}
