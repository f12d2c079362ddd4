// Package assets keeps pictures: which account owns them, what they are for, and how they are uploaded, read and removed.
//
// A picture is a row and an object. Its row is pending (an upload was promised), ready (the file was checked) or rejected (the
// file was refused; the answer stays for a while). Pending ends once, as ready or rejected, or expires. Invariants:
//
//   - The row is authoritative: an object to which no row refers belongs to no account, and [Service.Sweep] removes it, from
//     buckets that are bound to this database alone.
//   - An object is written before its row becomes ready, and a row is removed before its object. A crash in between leaves an
//     object too many, never one too few.
//   - The name of an object is never used twice.
//   - A ready row points at the bytes that were checked, under a name that no address of an upload can write.
//   - An uploaded profile photo becomes the account's, and the one before is removed, in one transaction.
//   - A picture that a queued or running job needs can't be deleted.
package assets

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

const (
	defaultParallel = 4
	defaultMaxWait  = 10 * time.Second
)

// URLLifetime is for how long a signed address can be fetched.
const URLLifetime = time.Hour

// Types of assets.
const (
	Selfie       = "selfie"
	Reference    = "ref"
	CopyTarget   = "copy_target"
	Render       = "render"
	ProfilePhoto = "profile_photo"
)

// Checker checks an uploaded file; see [inspect.Checker].
type Checker interface {
	Check(ctx context.Context, body io.Reader, want inspect.Wanted) (inspect.Picture, error)
}

// Deps are what a Service stands on.
type Deps struct {
	Store   *postgres.Store
	Objects storage.Store
	Checker Checker
	Now     func() time.Time
	NewID   func() uuid.UUID
	Log     *slog.Logger
	// Parallel is how many uploads are checked at one time, one at a time of an account; 0: 4.
	Parallel int64
	// MaxWait is how long a check may take, with waiting for its turn and reading the file. After that it fails, and the
	// client is told to try again after the same time; 0: 10 s.
	MaxWait time.Duration
	// OrphanAge is how old an object without a row has to be before it is removed. It must exceed the longest attempt at a
	// job, which stores objects before it writes their rows; 0: an hour.
	OrphanAge time.Duration
	// SweepGrace is how long no orphans are removed after a bucket was bound to the database, and after a restore; 0: not
	// at all.
	SweepGrace time.Duration
	// OnRefusedSweep is told that orphans of a bucket are not looked for; nil: nothing is.
	OnRefusedSweep func(bucket string, reason RefusedSweep)
}

// Service takes uploads in, and reads and deletes assets. It is safe for concurrent use.
type Service struct {
	store   *postgres.Store
	objects storage.Store
	checker Checker
	now     func() time.Time
	newID   func() uuid.UUID
	log     *slog.Logger

	turns   *turns
	maxWait time.Duration

	orphanAge      time.Duration
	sweepGrace     time.Duration
	onRefusedSweep func(bucket string, reason RefusedSweep)

	sweeping sync.Mutex
	walks    map[string]*walk // by bucket
}

// New returns a service.
func New(d Deps) *Service {
	return &Service{
		store: d.Store, objects: d.Objects, checker: d.Checker, now: d.Now, newID: d.NewID, log: d.Log,
		turns: newTurns(cmp.Or(d.Parallel, defaultParallel)), maxWait: cmp.Or(d.MaxWait, defaultMaxWait),
		orphanAge: cmp.Or(d.OrphanAge, defaultOrphanAge), sweepGrace: d.SweepGrace,
		onRefusedSweep: d.OnRefusedSweep, walks: map[string]*walk{},
	}
}

// NewService returns a service that can only read.
func NewService(s *postgres.Store, objects storage.Store) *Service {
	return New(Deps{Store: s, Objects: objects})
}

// Get reads a ready asset of the account, or fails with ErrNotFound.
func (s *Service) Get(ctx context.Context, userID, id uuid.UUID) (db.Asset, error) {
	asset, err := s.store.Queries().AssetGet(ctx, db.AssetGetParams{ID: id, UserID: &userID})
	return found(asset, err)
}

// List reads at most limit ready assets of the account whose ids are below before, newest first; assetType, unless nil,
// picks those of one type.
func (s *Service) List(
	ctx context.Context, userID uuid.UUID, assetType *string, before uuid.UUID, limit int,
) ([]db.Asset, error) {
	var rows []db.Asset
	var err error
	if q := s.store.Queries(); assetType == nil {
		rows, err = q.AssetList(ctx, db.AssetListParams{UserID: userID, BeforeID: before, PageSize: int32(limit)})
	} else {
		rows, err = q.AssetListByType(ctx, db.AssetListByTypeParams{
			UserID: userID, Type: *assetType, BeforeID: before, PageSize: int32(limit),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	return rows, nil
}

// ByIDs reads those of the assets that are ready and belong to the account. The caller bounds the list.
func (s *Service) ByIDs(ctx context.Context, userID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]db.Asset, error) {
	found := make(map[uuid.UUID]db.Asset, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	rows, err := s.store.Queries().AssetListByIDs(ctx, db.AssetListByIDsParams{Ids: ids, UserID: &userID})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// Sign makes an address for each asset, in one call for each bucket. An asset whose object is missing gets none.
func (s *Service) Sign(ctx context.Context, assets []db.Asset) (map[uuid.UUID]storage.SignedURL, error) {
	type batch struct {
		ids   []uuid.UUID
		paths []string
	}
	buckets := map[string]batch{}
	for _, a := range assets {
		b := buckets[a.Bucket]
		b.ids, b.paths = append(b.ids, a.ID), append(b.paths, a.StoragePath)
		buckets[a.Bucket] = b
	}
	signed := make(map[uuid.UUID]storage.SignedURL, len(assets))
	for bucket, b := range buckets {
		urls, err := s.objects.SignDownloads(ctx, bucket, b.paths, URLLifetime)
		if err != nil {
			return nil, unavailable(fmt.Errorf("sign assets: %w", err))
		}
		for i, id := range b.ids {
			signed[id] = urls[i]
		}
	}
	return signed, nil
}

// found tells a missing row from a failure to read.
func found(asset db.Asset, err error) (db.Asset, error) {
	switch {
	case postgres.IsNotFound(err):
		return db.Asset{}, ErrNotFound
	case err != nil:
		return db.Asset{}, fmt.Errorf("read asset: %w", err)
	}
	return asset, nil
}
