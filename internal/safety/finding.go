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
	// findingLifetime is for how long a picture is not judged again: long enough for all variants that somebody tries, short
	// enough that a mistake, or what is known of a picture, does not stay for good.
	findingLifetime = 30 * 24 * time.Hour
	// moderationTimeout bounds one look. A creator is waiting, and a judge that is late is asked again later.
	moderationTimeout = 30 * time.Second
	// expireBatch bounds one Expire.
	expireBatch = 1000
)

// recall is what is known of a picture of the account, by its md5 alone. Two pictures of one md5 can be made on purpose,
// so it may refuse, and says nothing about what is allowed.
func (s *Service) recall(
	ctx context.Context, q *db.Queries, userID, assetID uuid.UUID,
) (finding providers.Finding, known bool, err error) {
	stored, err := q.VerdictGetByAsset(ctx, db.VerdictGetByAssetParams{
		AssetID: assetID, UserID: &userID, Judge: s.moderator.Name(), Now: s.now(),
	})
	return read(stored, err)
}

// look finds out what is in a picture: what is known of it, or what the judge says. Of those who look at the same time
// all go by what is written down first.
func (s *Service) look(ctx context.Context, picture providers.Picture) (finding providers.Finding, known bool, err error) {
	short, long := md5.Sum(picture.Data), sha256.Sum256(picture.Data) //nolint:gosec // see the import
	sum, judge := hex.EncodeToString(short[:]), s.moderator.Name()
	q := s.store.Queries()
	stored, err := q.VerdictGet(ctx, db.VerdictGetParams{MD5: sum, Judge: judge, Sha256: long[:], Now: s.now()})
	if finding, known, err = read(stored, err); known || err != nil {
		return finding, known, err
	}
	judging, cancel := context.WithTimeout(ctx, moderationTimeout)
	defer cancel()
	if finding, err = s.moderator.Moderate(judging, picture); err != nil {
		return providers.Finding{}, false, fmt.Errorf("judge picture: %w", err)
	}
	encoded, err := json.Marshal(finding)
	if err != nil {
		return providers.Finding{}, false, fmt.Errorf("encode finding: %w", err)
	}
	stored, err = q.VerdictKeep(ctx, db.VerdictKeepParams{
		MD5: sum, Judge: judge, Sha256: long[:], Finding: encoded, Now: s.now(), ExpiresAt: s.now().Add(findingLifetime),
	})
	finding, _, err = read(stored, err)
	return finding, false, err
}

func read(stored json.RawMessage, err error) (finding providers.Finding, known bool, _ error) {
	switch {
	case postgres.IsNotFound(err):
		return providers.Finding{}, false, nil
	case err != nil:
		return providers.Finding{}, false, fmt.Errorf("read verdict: %w", err)
	}
	if err := json.Unmarshal(stored, &finding); err != nil {
		return providers.Finding{}, false, fmt.Errorf("decode verdict: %w", err)
	}
	return finding, true, nil
}

// Expire forgets verdicts past their time, some at a time.
func (s *Service) Expire(ctx context.Context) error {
	if _, err := s.store.Queries().VerdictExpire(ctx, db.VerdictExpireParams{Now: s.now(), Batch: expireBatch}); err != nil {
		return fmt.Errorf("expire verdicts: %w", err)
	}
	return nil
}
