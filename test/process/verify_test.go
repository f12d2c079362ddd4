package process_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// `mugshot verify` finds missing objects, wrong balances and missing charges, and names them.
func TestVerify_findsWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t)
	ada := f.creator(t, api, 10)
	f.worker(t)
	done := ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1))
	code, said := run(t, f.dir, f.env(), "verify")
	require.Zero(t, code, said)

	asset := done.Renders[0].Asset.ID.String()
	require.NoError(t, filepath.WalkDir(filepath.Join(f.dir, "storage", storage.BucketRenders), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			return os.Remove(path)
		}
		return err
	}))
	_, err := f.sql.Exec(t.Context(), "update users set credits = credits + 3 where id = $1", ada.id)
	require.NoError(t, err)
	_, err = f.sql.Exec(t.Context(), "delete from audit_logs where job_id = $1", done.ID)
	require.NoError(t, err)
	code, said = run(t, f.dir, f.env(), "verify")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "asset "+asset+" has no object")
	require.Contains(t, said, "account "+ada.id.String()+" has 12 credits, and a ledger of 10")
	require.Contains(t, said, "job "+done.ID.String()+" was not charged once")
	require.Contains(t, said, "3 of the books' promises are broken")
}
