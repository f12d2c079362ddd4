package assets

import (
	"errors"
	"time"

	"github.com/mugshot-studio/backend/internal/apperr"
	"github.com/mugshot-studio/backend/internal/storage"
)

// unavailable marks the storage's passing faults as apperr.ErrUnavailable and leaves everything else alone.
func unavailable(err error) error {
	if errors.Is(err, storage.ErrUnavailable) {
		return apperr.ErrUnavailable.WithRetryAfter(2 * time.Second).With(err)
	}
	return err
}
