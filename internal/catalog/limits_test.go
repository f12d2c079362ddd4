package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/catalog"
)

func TestLimitsOf_growWithThePlan(t *testing.T) {
	t.Parallel()
	var before catalog.Limits
	for _, plan := range []string{"free", "pro", "studio"} {
		limits := catalog.LimitsOf(plan)
		require.Greater(t, limits.Projects, before.Projects, plan)
		require.Greater(t, limits.Pictures, before.Pictures, plan)
		require.Greater(t, limits.StoredBytes, before.StoredBytes, plan)
		require.Greater(t, limits.RepliesPerDay, before.RepliesPerDay, plan)
		require.Less(t, max(limits.Projects, limits.Pictures), int64(catalog.MostKept), "counted to their end")
		before = limits
	}
	require.Equal(t, catalog.LimitsOf("free"), catalog.LimitsOf("unheard of"))
}

func TestCheckPicture(t *testing.T) {
	t.Parallel()
	free := catalog.LimitsOf("free")
	require.NoError(t, catalog.CheckPicture("free", free.Pictures-1, free.StoredBytes-10, 10))
	require.ErrorIs(t, catalog.CheckPicture("free", free.Pictures, 0, 10), catalog.ErrQuotaExceeded)
	require.ErrorIs(t, catalog.CheckPicture("free", 0, free.StoredBytes-10, 11), catalog.ErrQuotaExceeded)
	require.NoError(t, catalog.CheckProject("free", free.Projects-1))
	require.ErrorIs(t, catalog.CheckProject("free", free.Projects), catalog.ErrQuotaExceeded)
	require.NoError(t, catalog.CheckProject("pro", free.Projects))
}
