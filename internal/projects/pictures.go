package projects

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// HasPictures tells whether a prompt refers to pictures.
func HasPictures(p db.Prompt) bool { return len(promptOf(p).assets()) > 0 }

// RequirePictures fails with ErrAssetMissing where a picture of the account's prompt is gone. It runs in the caller's
// transaction, and locks the account, so that none is deleted until that ends.
func RequirePictures(ctx context.Context, q *db.Queries, userID uuid.UUID, p db.Prompt) error {
	wanted := promptOf(p).assets()
	if len(wanted) == 0 {
		return nil
	}
	// A statement before the look, which has to see what was deleted while this one waited for the lock.
	if err := q.AssetLockOwner(ctx, userID); err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	rows, err := q.AssetListByIDs(ctx, db.AssetListByIDsParams{Ids: idsOf(wanted), UserID: &userID})
	if err != nil {
		return fmt.Errorf("look for pictures: %w", err)
	}
	present := make(map[uuid.UUID]bool, len(rows))
	for _, row := range rows {
		present[row.ID] = true
	}
	var gone []apperr.Field
	for _, w := range wanted {
		if !present[w.id] {
			gone = append(gone, apperr.Body(w.field, "not_found", "This picture was deleted."))
		}
	}
	if len(gone) > 0 {
		return ErrAssetMissing.WithFields(gone...)
	}
	return nil
}

func idsOf(wanted []wantedAsset) []uuid.UUID {
	ids := make([]uuid.UUID, len(wanted))
	for i, w := range wanted {
		ids[i] = w.id
	}
	return ids
}
