package handler

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/catalog"
)

// The spec's enums and the tables are the same, in both directions.
func TestSpec_hasTheModelsOfTheCatalog(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	var models, platforms []any
	for _, m := range catalog.New(func(string) bool { return true }, nil).Models() {
		models = append(models, m.ID)
	}
	for _, p := range catalog.Platforms() {
		platforms = append(platforms, p.ID)
	}
	require.ElementsMatch(t, doc.Components.Schemas["ModelID"].Value.Enum, models)
	require.ElementsMatch(t, doc.Components.Schemas["PlatformID"].Value.Enum, platforms)
}
