package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/bench/report"
)

func ids(works []workload) (all []string) {
	for _, w := range works {
		all = append(all, w.ID)
	}
	return all
}

func TestChoose_takesKnownNamesAlone(t *testing.T) {
	t.Parallel()
	require.Len(t, choose(plan(), nil), len(plan()))
	require.Equal(t, []string{"W2", "W4", "W4 after W3"}, ids(choose(plan(), []string{"W2", "W4"})))
	require.Equal(t, []string{"W6 paced"}, ids(choose(plan(), []string{"W6paced"})))
	require.Empty(t, choose(plan(), []string{"W9"}))
}

// Each target has a workload in the plan, which would otherwise never be measured, and a workload comes after the one it needs.
func TestPlan_measuresEveryTarget(t *testing.T) {
	t.Parallel()
	all := ids(plan())
	for _, target := range report.Targets() {
		require.Contains(t, all, target.Workload)
	}
	for i, w := range plan() {
		if w.needs != "" {
			require.Less(t, slices.Index(all, w.needs), i)
			require.Contains(t, all, w.needs)
		}
	}
}
