package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

const (
	// eraseFirst bounds the pass that the owner waits for. Until it is over the sweeper, which runs EraseDue, leaves the
	// erasure alone.
	eraseFirst = 10 * time.Second
	// eraseFinal is when the last pass is: by then no signed upload and no job of the account can add an object.
	eraseFinal = 24 * time.Hour
	// eraseBatch and eraseRetry bound EraseDue; the wait doubles with each failure, up to eraseRetryMax.
	eraseBatch    = 10
	eraseRetry    = time.Minute
	eraseRetryMax = 6 * time.Hour
)

// Delete removes an account with everything that belongs to it, given its password. Ledger and audit rows stay, without
// a name and without where they came from. It fails with auth.ErrInvalidCredentials and ratelimit.ErrLocked.
//
// What is in the database goes in one transaction, which also writes down that the objects in storage are to go. Those
// are removed right away, as far as storage answers; the rest, and what arrives late, is left to [Service.EraseDue].
func (s *Service) Delete(ctx context.Context, userID uuid.UUID, password string, client auth.Client) error {
	user, err := s.auth.ConfirmPassword(ctx, userID, password, client)
	if err != nil {
		return err
	}
	var astray []storage.Object
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		astray, err = s.remove(ctx, q, user)
		return err
	})
	if err != nil {
		return err
	}
	s.onSessionsEnd(ctx, userID)
	// The account is gone: its objects should go now, even if the client has stopped waiting for the answer.
	erasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseFirst)
	defer cancel()
	if err := s.erase(erasing, userID, astray); err != nil {
		s.log.WarnContext(ctx, "objects of a deleted account are left to a later pass", "user_id", userID, "error", err)
	}
	return nil
}

// remove deletes an account's rows. It returns the objects that do not lie under its prefix.
func (s *Service) remove(ctx context.Context, q *db.Queries, user db.User) ([]storage.Object, error) {
	// From here on no other transaction can add an event that would keep the owner's address.
	_, err := q.UserLock(ctx, db.UserLockParams{ID: user.ID, CredentialsVersion: user.CredentialsVersion})
	switch {
	case postgres.IsNotFound(err): // the password was changed, or another request has deleted the account
		return nil, auth.ErrInvalidCredentials
	case err != nil:
		return nil, fmt.Errorf("lock account: %w", err)
	}
	if err := s.auth.KeepBonusClaim(ctx, q, user); err != nil {
		return nil, err
	}
	astray, err := promiseErasure(ctx, q, user.ID)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, q, user.ID, auth.Client{}, audit.AccountDeleted, nil); err != nil {
		return nil, err
	}
	return astray, removeRows(ctx, q, user.ID)
}

// RemoveUnconfirmed removes the rows of an account that was never confirmed, in the caller's transaction, which has locked
// it. Its photo is the only object that it can have; the sweeper removes it.
func RemoveUnconfirmed(ctx context.Context, q *db.Queries, userID uuid.UUID) error {
	pictured, err := q.AssetExists(ctx, &userID)
	if err != nil {
		return fmt.Errorf("look for pictures: %w", err)
	}
	if pictured {
		if _, err := promiseErasure(ctx, q, userID); err != nil {
			return err
		}
	}
	return removeRows(ctx, q, userID)
}

// removeRows takes from an account's events where they came from, and removes the account with all that hangs on it.
func removeRows(ctx context.Context, q *db.Queries, userID uuid.UUID) error {
	if err := q.AuditBlank(ctx, &userID); err != nil {
		return fmt.Errorf("blank events: %w", err)
	}
	if err := q.UserDelete(ctx, userID); err != nil {
		return fmt.Errorf("delete account: %w", err)
	}
	return nil
}

// promiseErasure writes down that an account's objects are to go, and returns those that do not lie under its prefix.
func promiseErasure(ctx context.Context, q *db.Queries, userID uuid.UUID) ([]storage.Object, error) {
	rows, err := q.AssetListAstray(ctx, db.AssetListAstrayParams{UserID: &userID, Prefix: prefix(userID)})
	if err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	astray := make([]storage.Object, len(rows))
	for i, row := range rows {
		astray[i] = storage.Object{Bucket: row.Bucket, Path: row.StoragePath}
	}
	encoded, err := json.Marshal(astray)
	if err != nil {
		return nil, fmt.Errorf("encode objects: %w", err)
	}
	err = q.ErasureCreate(ctx, db.ErasureCreateParams{
		UserID: userID, Objects: encoded, FirstSeconds: eraseFirst.Seconds(), FinalSeconds: eraseFinal.Seconds(),
	})
	if err != nil {
		return nil, fmt.Errorf("promise erasure: %w", err)
	}
	return astray, nil
}

// EraseDue looks through the erasures that are due and removes the objects that it finds. To be run about once a minute;
// repeating it, also side by side, is harmless.
func (s *Service) EraseDue(ctx context.Context) error {
	due, err := s.store.Queries().ErasureListDue(ctx, eraseBatch)
	if err != nil {
		return fmt.Errorf("list erasures: %w", err)
	}
	var failed []error
	for _, row := range due {
		var astray []storage.Object
		err := json.Unmarshal(row.Objects, &astray)
		if err == nil {
			err = s.erase(ctx, row.UserID, astray)
		}
		if err == nil {
			continue
		}
		delay := min(eraseRetry<<min(row.Attempt, 16), eraseRetryMax)
		failed = append(failed, fmt.Errorf("erase objects of %s: %w", row.UserID, err),
			s.putOff(ctx, row.UserID, true, delay))
	}
	return errors.Join(failed...)
}

// erase removes the objects of an account that is gone, and writes down that they are.
func (s *Service) erase(ctx context.Context, userID uuid.UUID, astray []storage.Object) error {
	for _, object := range astray {
		if err := s.objects.Remove(ctx, object.Bucket, object.Path); err != nil {
			return fmt.Errorf("remove object: %w", err)
		}
	}
	for _, bucket := range storage.Buckets() {
		if err := s.empty(ctx, bucket.Name, prefix(userID)); err != nil {
			return err
		}
	}
	finished, err := s.store.Queries().ErasureFinish(ctx, userID)
	if err != nil {
		return fmt.Errorf("finish erasure: %w", err)
	}
	if finished > 0 {
		return nil
	}
	return s.putOff(ctx, userID, false, 0)
}

func (s *Service) putOff(ctx context.Context, userID uuid.UUID, failed bool, delay time.Duration) error {
	err := s.store.Queries().ErasurePutOff(ctx, db.ErasurePutOffParams{
		UserID: userID, Failed: failed, DelaySeconds: delay.Seconds(),
	})
	if err != nil {
		return fmt.Errorf("put erasure off: %w", err)
	}
	return nil
}

// empty removes every object under a prefix, a page at a time. After a removal it starts at the first page again, since the
// remaining objects have moved up. It skips entries that storage lists without a name.
func (s *Service) empty(ctx context.Context, bucket, prefix string) error {
	for cursor := ""; ; {
		page, err := s.objects.List(ctx, bucket, prefix, cursor, storage.MaxPage)
		if err != nil {
			return fmt.Errorf("list objects: %w", err)
		}
		if len(page.Entries) == 0 {
			if cursor = page.Next; cursor == "" {
				return nil
			}
			continue
		}
		paths := make([]string, len(page.Entries))
		for i, entry := range page.Entries {
			paths[i] = entry.Path
		}
		if err := s.objects.Remove(ctx, bucket, paths...); err != nil {
			return fmt.Errorf("remove objects: %w", err)
		}
		cursor = ""
	}
}

// prefix is where an account's objects lie; see storage.ObjectName.
func prefix(userID uuid.UUID) string { return userID.String() + "/" }
