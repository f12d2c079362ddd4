package assets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

const (
	ready    = "ready"
	rejected = "rejected"
)

// Complete checks what was uploaded and makes it an asset; created is false when it was one already. The bytes that were
// checked are stored under a name of their own, and those that were uploaded are removed. A profile photo is redrawn
// without metadata and becomes that of the account, whose old one is removed. It fails with ErrNotFound,
// ErrUploadMissing, and with what package inspect finds: then the object is removed, and so the answer stays.
func (s *Service) Complete(ctx context.Context, userID, id uuid.UUID) (asset db.Asset, created bool, err error) {
	// A request that loses a race reads the row once more: the state that it finds then is final.
	for range 2 {
		upload, err := found(s.store.Queries().AssetGetUpload(ctx, db.AssetGetUploadParams{ID: id, UserID: &userID}))
		switch {
		case err != nil:
			return db.Asset{}, false, err
		case upload.Status == ready:
			return upload, false, nil
		case upload.Status == rejected:
			return db.Asset{}, false, inspect.Refusal(inspect.Reason(*upload.RejectReason))
		}
		asset, err = s.complete(ctx, userID, upload)
		if !errors.Is(err, errEnded) {
			return asset, err == nil, err
		}
	}
	return db.Asset{}, false, ErrUploadMissing
}

// errEnded says that another request has ended an upload meanwhile, or that there is nothing to end.
var errEnded = errors.New("upload is not pending")

// complete ends a pending upload one way or the other, or fails with errEnded.
func (s *Service) complete(ctx context.Context, userID uuid.UUID, upload db.Asset) (db.Asset, error) {
	checked, err := s.check(ctx, userID, upload)
	if err != nil {
		return db.Asset{}, err
	}
	var asset db.Asset
	var old []storage.Object
	err = s.store.InTx(ctx, func(q *db.Queries) (err error) {
		asset, old, err = s.adopt(ctx, q, userID, checked)
		return err
	})
	switch {
	case errors.Is(err, errEnded):
		s.remove(ctx, checked.kept)
		return db.Asset{}, errEnded
	case err != nil: // whether it was committed is not known, so what was stored is left to Sweep
		return db.Asset{}, err
	}
	s.remove(ctx, append(old, objectOf(checked.upload))...)
	return asset, nil
}

// checked is an upload that was found good, and the object that is kept of it.
type checked struct {
	upload db.Asset
	kept   storage.Object
	inspect.Picture
}

// check inspects the uploaded file, and stores what it has inspected under the account's prefix. A file that is refused ends
// the upload. Without a file it fails with errEnded, since a faster request may have removed it. One deadline holds for the
// wait, the download and the check; the turn lasts until the file is stored and its memory is free.
func (s *Service) check(ctx context.Context, userID uuid.UUID, upload db.Asset) (checked, error) {
	limited, cancel := context.WithTimeout(ctx, s.maxWait)
	defer cancel()
	release, err := s.turns.take(limited, ownerOf(upload))
	if err != nil {
		return checked{}, s.tooSlow(ctx, limited, fmt.Errorf("wait for a turn to check an upload: %w", err))
	}
	defer release()
	picture, err := s.read(limited, upload)
	switch {
	case errors.Is(err, storage.ErrMissing):
		return checked{}, errEnded
	case errors.Is(err, inspect.ErrInvalidImage), errors.Is(err, inspect.ErrFaceCheck):
		return checked{}, s.reject(ctx, upload, err)
	case err != nil:
		return checked{}, s.tooSlow(ctx, limited, unavailable(err))
	}
	// The storage may let the signed address of the upload replace its object at any time (docs/security.md). So the very
	// bytes that were checked are stored, under a new name, for which no address was ever signed to write.
	kept := storage.Object{
		Bucket: upload.Bucket, Path: storage.ObjectName(userID, upload.Type, s.newID(), s.now(), picture.ContentType),
	}
	if err := s.objects.Put(ctx, kept, picture.ContentType, bytes.NewReader(picture.Data), picture.Size); err != nil {
		return checked{}, unavailable(fmt.Errorf("store checked picture: %w", err))
	}
	picture.Data = nil // not needed any more
	return checked{upload: upload, kept: kept, Picture: picture}, nil
}

// ownerOf is the account whose turn a check takes. Photos of sign-ups, whose accounts are to be made, share one.
func ownerOf(upload db.Asset) uuid.UUID {
	if upload.UserID == nil {
		return uuid.Nil
	}
	return *upload.UserID
}

// tooSlow is the error of what has not ended in time, while the caller still waits.
func (s *Service) tooSlow(ctx, limited context.Context, err error) error {
	if limited.Err() != nil && ctx.Err() == nil {
		return apperr.ErrUnavailable.WithRetryAfter(s.maxWait).With(err)
	}
	return err
}

// read downloads the uploaded file and inspects it.
func (s *Service) read(ctx context.Context, upload db.Asset) (inspect.Picture, error) {
	body, stored, err := s.objects.Open(ctx, objectOf(upload))
	if err != nil {
		return inspect.Picture{}, fmt.Errorf("open upload: %w", err)
	}
	picture, err := s.inspect(ctx, body, stored, upload)
	if closed := body.Close(); err == nil && closed != nil {
		err = fmt.Errorf("close upload: %w", closed)
	}
	return picture, err
}

func (s *Service) inspect(ctx context.Context, body io.Reader, stored storage.Info, upload db.Asset) (inspect.Picture, error) {
	// It is what the storage will call the object in every download.
	if contentType, _, _ := strings.Cut(stored.ContentType, ";"); contentType != upload.ContentType {
		return inspect.Picture{}, inspect.Refusal(inspect.TypeMismatch)
	}
	return s.checker.Check(ctx, body, inspect.Wanted{
		ContentType: upload.ContentType, Size: upload.SizeBytes,
		Portrait: upload.Type == Selfie || upload.Type == ProfilePhoto, Redraw: upload.Type == ProfilePhoto,
	})
}

// reject ends an upload for a reason, and returns it as the error that it is.
func (s *Service) reject(ctx context.Context, upload db.Asset, refusal error) error {
	reason, _ := apperr.From(refusal).Details["reason"].(string)
	n, err := s.store.Queries().AssetReject(ctx, db.AssetRejectParams{ID: upload.ID, Reason: reason, Now: s.now()})
	switch {
	case err != nil:
		return fmt.Errorf("reject upload: %w", err)
	case n == 0:
		return errEnded
	}
	s.remove(ctx, objectOf(upload))
	return refusal
}

// adopt makes a checked upload an asset of the account, or fails with errEnded. It returns the objects that are then
// needed no more.
func (s *Service) adopt(
	ctx context.Context, q *db.Queries, userID uuid.UUID, c checked,
) (asset db.Asset, old []storage.Object, err error) {
	if err := q.AssetLockOwner(ctx, userID); err != nil {
		return db.Asset{}, nil, fmt.Errorf("lock account: %w", err)
	}
	width, height := int32(c.Width), int32(c.Height)
	asset, err = q.AssetReady(ctx, db.AssetReadyParams{
		ID: c.upload.ID, Owner: c.upload.UserID, UserID: &userID, StoragePath: c.kept.Path, ContentType: c.ContentType,
		SizeBytes: c.Size, Width: &width, Height: &height, MD5: &c.MD5, Now: s.now(),
	})
	switch {
	case postgres.IsNotFound(err):
		return db.Asset{}, nil, errEnded
	case err != nil:
		return db.Asset{}, nil, fmt.Errorf("make asset ready: %w", err)
	case asset.Type != ProfilePhoto:
		return asset, nil, nil
	}
	before, err := q.AssetSetPhoto(ctx, db.AssetSetPhotoParams{UserID: userID, AssetID: asset.ID, Now: s.now()})
	if err != nil {
		return db.Asset{}, nil, fmt.Errorf("set profile photo: %w", err)
	}
	if before == nil {
		return asset, nil, nil
	}
	gone, err := q.AssetDelete(ctx, db.AssetDeleteParams{ID: *before, UserID: &userID})
	if err != nil {
		return db.Asset{}, nil, fmt.Errorf("delete old profile photo: %w", err)
	}
	return asset, []storage.Object{{Bucket: gone.Bucket, Path: gone.StoragePath}}, nil
}

// removeTimeout bounds what is done after the answer is certain.
const removeTimeout = 10 * time.Second

// remove removes objects to which no row refers any more. What can't be removed now is left to Sweep.
func (s *Service) remove(ctx context.Context, objects ...storage.Object) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	for _, o := range objects {
		if err := s.objects.Remove(ctx, o.Bucket, o.Path); err != nil {
			s.log.WarnContext(ctx, "object is left to the sweeper", "bucket", o.Bucket, "path", o.Path, "error", err)
		}
	}
}

func objectOf(a db.Asset) storage.Object {
	return storage.Object{Bucket: a.Bucket, Path: a.StoragePath}
}
