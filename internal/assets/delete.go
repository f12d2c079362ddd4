package assets

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// Delete removes an asset of the account, or gives up an upload. It fails with ErrNotFound, and with ErrInUse while a
// queued or running job needs the picture.
func (s *Service) Delete(ctx context.Context, userID, id uuid.UUID) error {
	var object storage.Object
	err := s.store.InTx(ctx, func(q *db.Queries) error {
		// No job is queued between the look and the deletion.
		if err := q.AssetLockOwner(ctx, userID); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		inUse, err := q.AssetInUse(ctx, db.AssetInUseParams{UserID: userID, AssetID: id})
		switch {
		case err != nil:
			return fmt.Errorf("look for jobs: %w", err)
		case inUse:
			return ErrInUse
		}
		gone, err := q.AssetDelete(ctx, db.AssetDeleteParams{ID: id, UserID: &userID})
		switch {
		case postgres.IsNotFound(err):
			return ErrNotFound
		case err != nil:
			return fmt.Errorf("delete asset: %w", err)
		}
		object = storage.Object{Bucket: gone.Bucket, Path: gone.StoragePath}
		return nil
	})
	if err != nil {
		return err
	}
	s.remove(ctx, object)
	return nil
}
