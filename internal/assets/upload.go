package assets

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// incoming names the folder of an account's uploads, where it would name their type once they are checked. A row is ready
// under another name: whatever an address of an upload writes afterwards belongs to no row, and [Service.Sweep] removes it.
const incoming = "incoming"

// uploadLifetime is how long a client has to send the file and say so.
const uploadLifetime = time.Hour

// Upload is a file that a client wants to send.
type Upload struct {
	Type        string // any type but Render
	ContentType string // image/jpeg, image/png or image/webp
	Size        int64  // bytes, exactly; 1 to inspect.MaxBytes
}

// Ticket is the permission to send it, by the request that the storage asks for.
type Ticket struct {
	AssetID uuid.UUID
	storage.SignedUpload
}

// CreateUpload promises an upload of the account, to be ended by Complete within an hour. It fails with
// catalog.ErrQuotaExceeded.
func (s *Service) CreateUpload(ctx context.Context, userID uuid.UUID, u Upload) (Ticket, error) {
	kept, err := s.Kept(ctx, userID)
	if err != nil {
		return Ticket{}, err
	}
	if err := catalog.CheckPicture(kept.Plan, kept.Pictures, kept.Bytes, u.Size); err != nil {
		return Ticket{}, err
	}
	return s.createUpload(ctx, &userID, u)
}

// Kept tells how many pictures the account keeps, drawn and uploaded and announced, their size, and its plan.
func (s *Service) Kept(ctx context.Context, userID uuid.UUID) (db.AssetsKeptRow, error) {
	kept, err := s.store.Queries().AssetsKept(ctx, db.AssetsKeptParams{UserID: userID, Most: catalog.MostKept})
	if err != nil {
		return kept, fmt.Errorf("count pictures: %w", err)
	}
	return kept, nil
}

// CreateSignupUpload promises an upload of a profile photo for an account that does not exist yet. Within an hour, a
// sign-up that knows the id takes it over; see ClaimSignupPhoto.
func (s *Service) CreateSignupUpload(ctx context.Context, contentType string, size int64) (Ticket, error) {
	return s.createUpload(ctx, nil, Upload{Type: ProfilePhoto, ContentType: contentType, Size: size})
}

func (s *Service) createUpload(ctx context.Context, userID *uuid.UUID, u Upload) (Ticket, error) {
	id, now := s.newID(), s.now()
	owner := uuid.Nil // names the folder of those who have no account yet
	if userID != nil {
		owner = *userID
	}
	object := storage.Object{
		Bucket: bucketOf(u.Type), Path: storage.ObjectName(owner, incoming, id, now, u.ContentType),
	}
	expires := now.Add(uploadLifetime)
	err := s.store.Queries().AssetCreate(ctx, db.AssetCreateParams{
		ID: id, UserID: userID, Type: u.Type, Bucket: object.Bucket, StoragePath: object.Path, ContentType: u.ContentType,
		SizeBytes: u.Size, ExpiresAt: &expires, Now: now,
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("promise upload: %w", err)
	}
	signed, err := s.objects.SignUpload(ctx, object, storage.UploadPolicy{
		ContentType: u.ContentType, Size: u.Size, Expires: uploadLifetime,
	})
	if err != nil {
		return Ticket{}, unavailable(fmt.Errorf("sign upload: %w", err))
	}
	if signed.ExpiresAt.After(expires) { // the storage's own, longer lifetime does not prolong ours
		signed.ExpiresAt = expires
	}
	return Ticket{AssetID: id, SignedUpload: signed}, nil
}

func bucketOf(assetType string) string {
	if assetType == ProfilePhoto {
		return storage.BucketProfilePhotos
	}
	return storage.BucketUserAssets
}
