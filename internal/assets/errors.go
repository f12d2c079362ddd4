package assets

import (
	"errors"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// The failures of this domain. What a picture itself may be refused for is in package inspect.
var (
	ErrNotFound      = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such picture.")
	ErrUploadMissing = apperr.New(apperr.Invalid, apperr.CodeUploadMissing,
		"Nothing has been uploaded yet. Send the file to the address of the upload first.")
	ErrInUse = apperr.New(apperr.Conflict, apperr.CodeAssetInUse,
		"A job that has not ended needs this picture. Wait for it, or cancel it first.")
	// ErrUnbound says that a bucket is not bound to this database. Only operators see it.
	ErrUnbound = errors.New("the bucket is not bound to this database (mugshot storage bind)")

	errPhotoUnknown = apperr.Validation(apperr.Body("profile_photo_asset_id", "not_found",
		"This photo is not known any more. Please upload it again."))
)

// unavailable marks the storage's passing faults as apperr.ErrUnavailable and leaves everything else alone.
func unavailable(err error) error {
	if errors.Is(err, storage.ErrUnavailable) {
		return apperr.ErrUnavailable.WithRetryAfter(2 * time.Second).With(err)
	}
	return err
}
