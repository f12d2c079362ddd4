package app

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
)

// A class without a budget would answer 503 for ever; a budget without a class limits nothing, whatever one may think.
func TestBudgets_areTheClassesOfTheSpec(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	classes := map[string]bool{}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			if class := operation.Extensions["x-rate-limit"]; class != "none" {
				classes[class.(string)] = true
			}
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(classes)), slices.Sorted(maps.Keys(budgets())))
	for class, b := range budgets() {
		require.Positive(t, b.period, class)
		require.Positive(t, max(b.address, b.account), "%s: nobody is counted", class)
	}
}
