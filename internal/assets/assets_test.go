package assets_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestList(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var newestFirst []uuid.UUID
	for i := range 5 {
		assetType := assets.Reference
		if i%2 == 1 {
			assetType = assets.CopyTarget
		}
		newestFirst = append([]uuid.UUID{f.ready(t, assetType, "image/png", picture(t)).ID}, newestFirst...)
	}
	f.announce(t, assets.Reference, "image/png", picture(t))
	ids := func(assetType *string, before uuid.UUID, limit int) []uuid.UUID {
		rows, err := f.List(t.Context(), f.user.ID, assetType, before, limit)
		require.NoError(t, err)
		list := []uuid.UUID{}
		for _, row := range rows {
			list = append(list, row.ID)
		}
		return list
	}
	require.Equal(t, newestFirst, ids(nil, uuid.Max, 50))
	require.Equal(t, newestFirst[2:4], ids(nil, newestFirst[1], 2))
	copies := assets.CopyTarget
	require.Equal(t, []uuid.UUID{newestFirst[1], newestFirst[3]}, ids(&copies, uuid.Max, 50))
	list, err := f.List(t.Context(), factory.User(t, f.store, 0).ID, nil, uuid.Max, 50)
	require.NoError(t, err)
	require.Empty(t, list)
}
