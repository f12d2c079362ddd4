package assets

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// ClaimSignupPhoto gets the photo of CreateSignupUpload ready for an account that is about to be created under userID:
// it is checked as by Complete, and redrawn under the account's own prefix. The caller runs attach in the transaction
// that creates the account, after it, and finish once that is committed. The photo that was uploaded and its row stay
// until then, so that a sign-up that fails may be tried again; what was redrawn for it, Sweep removes.
//
// It fails with a validation error of profile_photo_asset_id when there is no such upload, with ErrUploadMissing, and with
// what package inspect finds; attach fails with the same validation error when another sign-up was faster.
func (s *Service) ClaimSignupPhoto(
	ctx context.Context, userID, assetID uuid.UUID,
) (attach func(ctx context.Context, q *db.Queries) error, finish func(ctx context.Context), err error) {
	upload, err := s.store.Queries().AssetGetUnowned(ctx, db.AssetGetUnownedParams{ID: assetID, Now: s.now()})
	switch {
	case postgres.IsNotFound(err):
		return nil, nil, errPhotoUnknown
	case err != nil:
		return nil, nil, fmt.Errorf("read photo of sign-up: %w", err)
	}
	photo, err := s.check(ctx, userID, upload)
	switch {
	case errors.Is(err, errEnded):
		return nil, nil, ErrUploadMissing
	case err != nil:
		return nil, nil, err
	}
	attach = func(ctx context.Context, q *db.Queries) error {
		_, _, err := s.adopt(ctx, q, userID, photo)
		if errors.Is(err, errEnded) {
			return errPhotoUnknown
		}
		return err
	}
	return attach, func(ctx context.Context) { s.remove(ctx, objectOf(photo.upload)) }, nil
}
