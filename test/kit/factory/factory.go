// Package factory makes rows for tests. A test sets what matters to it, and the rest gets defaults.
package factory

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// Store opens a new, migrated database for the test.
func Store(t testing.TB) *postgres.Store {
	t.Helper()
	return StoreAt(t, pgtest.New(t))
}

// StoreAt opens a database by its address.
func StoreAt(t testing.TB, dsn string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), dsn, postgres.Options{MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// ID makes ids as the product does.
func ID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// User makes an account with a confirmed address and a balance.
func User(t testing.TB, s *postgres.Store, balance int64) db.User {
	t.Helper()
	ctx := context.Background()
	id := ID()
	name := "user-" + id.String()[24:]
	user, err := s.Queries().UserCreate(ctx, db.UserCreateParams{
		ID: id, Email: name + "@example.com", Username: name, FullName: "Ada Lovelace",
		Dob: time.Date(1995, time.December, 10, 0, 0, 0, 0, time.UTC), Now: time.Now(),
	})
	require.NoError(t, err)
	_, err = s.Queries().UserConfirmEmail(ctx, db.UserConfirmEmailParams{ID: id, Now: time.Now()})
	require.NoError(t, err)
	if balance > 0 {
		user.Credits, err = credits.Give(ctx, s.Queries(), credits.Grant{
			ID: ID(), UserID: id, Amount: balance, Reason: credits.Granted,
		})
		require.NoError(t, err)
	}
	return user
}

// Project makes a project of the account in design mode. change, unless nil, sets what matters to the test.
func Project(t testing.TB, s *postgres.Store, userID uuid.UUID, change func(*db.ProjectCreateParams)) db.Project {
	t.Helper()
	params := db.ProjectCreateParams{
		ID: ID(), PromptID: ID(), UserID: userID, Mode: "design", Platform: "youtube", Width: 1280, Height: 720,
		Headline: "I built a robot", RefAssetIds: []uuid.UUID{},
	}
	if change != nil {
		change(&params)
	}
	project, err := s.Queries().ProjectCreate(context.Background(), params)
	require.NoError(t, err)
	return project
}

// Moderator finds nothing in any picture, unless Sees is set.
type Moderator struct {
	// Sees, if set, makes the finding.
	Sees func(ctx context.Context, picture providers.Picture) (providers.Finding, error)
}

// Name implements providers.Moderator.
func (*Moderator) Name() string { return "factory/1" }

// Moderate implements providers.Moderator.
func (m *Moderator) Moderate(ctx context.Context, picture providers.Picture) (providers.Finding, error) {
	if m.Sees == nil {
		return providers.Finding{}, nil
	}
	return m.Sees(ctx, picture)
}

// Safety makes a [safety.Service] with the test's moderator.
func Safety(s *postgres.Store, moderator *Moderator) *safety.Service {
	return safety.New(safety.Deps{Store: s, Moderator: moderator, Now: time.Now, NewID: ID})
}

// Balance reads an account's credits, and fails the test where any account's ledger does not add up.
func Balance(t testing.TB, s *postgres.Store, userID uuid.UUID) int64 {
	t.Helper()
	wrong, err := s.Queries().CreditImbalances(context.Background())
	require.NoError(t, err)
	require.Empty(t, wrong, "a balance is not the sum of its ledger")
	user, err := s.Queries().UserGet(context.Background(), userID)
	require.NoError(t, err)
	return user.Credits
}
