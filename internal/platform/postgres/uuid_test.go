package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// Postgres' own text of an id is that of the id that was sent, and the id that is read equals it: for each type that a query
// may use for ids, and for both ways to send a statement.
func TestUUIDCodec_writesAndReadsTheSameID(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	for name, addition := range map[string]string{"prepared": "", "pooled": "&default_query_exec_mode=cache_describe"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := postgres.Open(t.Context(), dsn+addition, postgres.Options{MaxConns: 1})
			require.NoError(t, err)
			t.Cleanup(s.Close)
			for range 3 {
				id, other := uuid.New(), uuid.New()
				var text string
				var gotID uuid.UUID
				var gotPointer, gotNull *uuid.UUID
				var gotList []uuid.UUID
				err := s.Pool().QueryRow(t.Context(), "select $1::uuid::text, $1::uuid, $2::uuid, $3::uuid, $4::uuid[]",
					id, &other, (*uuid.UUID)(nil), []uuid.UUID{id, other}).Scan(&text, &gotID, &gotPointer, &gotNull, &gotList)
				require.NoError(t, err)
				require.Equal(t, id.String(), text)
				require.Equal(t, id, gotID)
				require.Equal(t, &other, gotPointer)
				require.Nil(t, gotNull)
				require.Equal(t, []uuid.UUID{id, other}, gotList)
			}
			var id uuid.UUID
			require.Error(t, s.Pool().QueryRow(t.Context(), "select null::uuid").Scan(&id))
		})
	}
}
