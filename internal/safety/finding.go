package safety

import (
	"context"
	"crypto/md5" //nolint:gosec // the sum by which assets know a picture; another one beside it protects
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
)

const (
	// findingLifetime is for how long a picture is not moderated again: long enough for all variants that a creator tries, short
	// enough that a mistake, or what is known of a picture, does not stay for good.
	findingLifetime = 30 * 24 * time.Hour
	// moderationTimeout bounds one call. A creator is waiting, and a moderator that is late is asked again later.
	moderationTimeout = 30 * time.Second
	// expireBatch bounds one Expire.
	expireBatch = 1000
)

// recall is what is known of a picture of the account, by its md5 alone. Two pictures of one md5 can be made on purpose,
// so it may refuse, and says nothing about what is allowed.
func (s *Service) recall(
	ctx context.Context, q *db.Queries, userID, assetID uuid.UUID,
) (finding providers.Finding, known bool, err error) {
	stored, err := q.FindingGetByAsset(ctx, db.FindingGetByAssetParams{
		AssetID: assetID, UserID: &userID, Judge: s.moderator.Name(), Now: s.now(),
	})
	return read(stored, err)
}

// look returns the finding on a picture: the stored one, or else the moderator's. Of simultaneous calls all go by the finding
// that is stored first.
func (s *Service) look(ctx context.Context, picture providers.Picture) (finding providers.Finding, known bool, err error) {
	short, long := md5.Sum(picture.Data), sha256.Sum256(picture.Data) //nolint:gosec // see the import
	sum, moderator := hex.EncodeToString(short[:]), s.moderator.Name()
	q := s.store.Queries()
	stored, err := q.FindingGet(ctx, db.FindingGetParams{MD5: sum, Judge: moderator, Sha256: long[:], Now: s.now()})
	if finding, known, err = read(stored, err); known || err != nil {
		return finding, known, err
	}
	moderating, cancel := context.WithTimeout(ctx, moderationTimeout)
	defer cancel()
	if finding, err = s.moderator.Moderate(moderating, picture); err != nil {
		return providers.Finding{}, false, fmt.Errorf("moderate picture: %w", err)
	}
	encoded, err := json.Marshal(finding)
	if err != nil {
		return providers.Finding{}, false, fmt.Errorf("encode finding: %w", err)
	}
	stored, err = q.FindingStore(ctx, db.FindingStoreParams{
		MD5: sum, Judge: moderator, Sha256: long[:], Finding: encoded, Now: s.now(), ExpiresAt: s.now().Add(findingLifetime),
	})
	finding, _, err = read(stored, err)
	return finding, false, err
}

func read(stored json.RawMessage, err error) (finding providers.Finding, known bool, _ error) {
	switch {
	case postgres.IsNotFound(err):
		return providers.Finding{}, false, nil
	case err != nil:
		return providers.Finding{}, false, fmt.Errorf("read finding: %w", err)
	}
	if err := json.Unmarshal(stored, &finding); err != nil {
		return providers.Finding{}, false, fmt.Errorf("decode finding: %w", err)
	}
	return finding, true, nil
}

// Expire deletes findings past their time, at most expireBatch at a time. Repeating it is harmless.
func (s *Service) Expire(ctx context.Context) error {
	if _, err := s.store.Queries().FindingExpire(ctx, db.FindingExpireParams{Now: s.now(), Batch: expireBatch}); err != nil {
		return fmt.Errorf("expire findings: %w", err)
	}
	return nil
}
