package account

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/audit"
)

// exportPage is how many rows are in memory at a time.
const exportPage = 500

// Export is everything that is stored about an account, ready to be written.
type Export struct {
	service *Service
	account Account
	now     time.Time
}

// Export prepares the export of an account and records an audit event that says so. It fails with [ErrNotFound].
func (s *Service) Export(ctx context.Context, userID uuid.UUID, client auth.Client) (*Export, error) {
	account, err := s.Get(ctx, userID)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, s.store.Queries(), userID, client, audit.DataExported, nil); err != nil {
		return nil, err
	}
	return &Export{service: s, account: account, now: s.now().UTC()}, nil
}

// exportedAccount is the row of the account without its password hash and what only our own code uses.
type exportedAccount struct {
	ID                    uuid.UUID  `json:"id"`
	Email                 string     `json:"email"`
	EmailConfirmedAt      *time.Time `json:"email_confirmed_at"`
	Username              string     `json:"username"`
	FullName              string     `json:"full_name"`
	DOB                   string     `json:"dob"`
	ProfilePhotoAssetID   *uuid.UUID `json:"profile_photo_asset_id"`
	Plan                  string     `json:"plan"`
	Credits               int64      `json:"credits"`
	HasPassword           bool       `json:"has_password"`
	SecondFactorEnabledAt *time.Time `json:"second_factor_enabled_at"`
	CreatedAt             time.Time  `json:"created_at"`
	UpdatedAt             time.Time  `json:"updated_at"`
}

// Write writes the export as one JSON object. It reads as it writes, a page at a time, so that a large account takes no
// more memory than a small one. After an error the output is incomplete.
func (e *Export) Write(ctx context.Context, w io.Writer) error {
	u := e.account.User
	head, err := json.Marshal(map[string]any{
		"exported_at": e.now,
		"account": exportedAccount{
			ID: u.ID, Email: u.Email, EmailConfirmedAt: inUTC(u.EmailConfirmedAt), Username: u.Username, FullName: u.FullName,
			DOB: u.Dob.Format(time.DateOnly), ProfilePhotoAssetID: u.ProfilePhotoAssetID, Plan: u.Plan, Credits: u.Credits,
			HasPassword: u.PasswordHash != nil, SecondFactorEnabledAt: inUTC(u.SecondFactorEnabledAt),
			CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
		},
	})
	if err != nil {
		return fmt.Errorf("encode account: %w", err)
	}
	if _, err := w.Write(head[:len(head)-1]); err != nil { // the closing brace comes last
		return fmt.Errorf("write export: %w", err)
	}
	for _, section := range sections(u.ID) {
		if err := e.writeSection(ctx, w, section); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(w, "}\n"); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}

func (e *Export) writeSection(ctx context.Context, w io.Writer, section section) error {
	if _, err := fmt.Fprintf(w, `,%q:[`, section.name); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	separator := ""
	for after := uuid.Nil; ; {
		var page []row
		err := e.service.store.InTx(ctx, func(q *db.Queries) (err error) {
			if err := q.ExportInUTC(ctx); err != nil {
				return fmt.Errorf("set time zone: %w", err)
			}
			page, err = section.read(ctx, q, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("read %s: %w", section.name, err)
		}
		for _, r := range page {
			if _, err := fmt.Fprintf(w, "%s%s", separator, r.Item); err != nil {
				return fmt.Errorf("write export: %w", err)
			}
			separator, after = ",", r.ID
		}
		if len(page) < exportPage {
			break
		}
	}
	if _, err := io.WriteString(w, "]"); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
