package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/catalog"
)

func everything() *catalog.Catalog { return catalog.New(func(string) bool { return true }, nil) }

func TestCost_isTheContracts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model, quality, mode string
		variants             int32
		want                 int64
	}{
		{"nano_banana", catalog.Draft, catalog.Design, 1, 1},
		{"nano_banana", catalog.Std, catalog.Design, 1, 2},
		{"nano_banana", catalog.FourK, catalog.Design, 1, 4},
		{"nano_banana", catalog.Std, catalog.Design, 3, 6},
		{"nano_banana", catalog.Std, catalog.Copy, 3, 9},
		{"nano_banana_pro", catalog.Std, catalog.Copy, 3, 12},
		{"seedream", catalog.FourK, catalog.Design, 4, 20},
		{"fal_flux", catalog.Draft, catalog.Design, 1, 1},
	} {
		model, err := everything().Model(c.model)
		require.NoError(t, err)
		require.Equal(t, c.want, model.Cost(c.quality, c.mode, c.variants), c)
	}
}

func TestSize_4kKeepsTheShape(t *testing.T) {
	t.Parallel()
	for _, p := range catalog.Platforms() {
		w, h := catalog.Size(catalog.FourK, p.Width, p.Height)
		require.EqualValues(t, catalog.LongSide4K, max(w, h), p.ID)
		require.InDelta(t, float64(p.Width)/float64(p.Height), float64(w)/float64(h), 0.001, p.ID)
		w, h = catalog.Size(catalog.Std, p.Width, p.Height)
		require.Equal(t, []int32{p.Width, p.Height}, []int32{w, h})
	}
}

func TestModel_unavailable(t *testing.T) {
	t.Parallel()
	_, err := catalog.New(func(string) bool { return false }, nil).Model("nano_banana")
	require.ErrorIs(t, err, catalog.ErrModelUnavailable)
	_, err = everything().Model("no such model")
	require.ErrorIs(t, err, catalog.ErrModelUnavailable)
}
