package measure_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/bench/measure"
)

func TestQuantile_isOneOfTheFigures(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := range 100 {
		took = append(took, time.Duration(100-i)*time.Millisecond)
	}
	require.InDelta(t, 51, measure.Quantile(took, 0.5), 1e-9)
	require.InDelta(t, 100, measure.Quantile(took, 0.99), 1e-9)
	require.InDelta(t, 100, measure.Quantile(took, 1), 1e-9)
	require.Equal(t, 100*time.Millisecond, took[0], "the caller's order is kept")
	require.True(t, math.IsNaN(measure.Quantile(nil, 0.5)))
}

func TestMedian_leavesOutNaN(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 2, measure.Median([]float64{9, 1, 2}), 1e-9)
	require.InDelta(t, 1.5, measure.Median([]float64{2, 1}), 1e-9)
	require.InDelta(t, 3, measure.Median([]float64{math.NaN(), 3}), 1e-9)
	require.True(t, math.IsNaN(measure.Median(nil)))
}

// Each round is twice as slow as the one before it, for both: the ratio is the same in all.
func TestMedianRatio_pairsRounds(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 1.5, measure.MedianRatio([]float64{1.5, 3, 6}, []float64{1, 2, 4}), 1e-9)
	require.InDelta(t, 2, measure.MedianRatio([]float64{5, 2}, []float64{0, 1}), 1e-9, "nothing is divided by zero")
	require.True(t, math.IsNaN(measure.MedianRatio(nil, []float64{1})))
}
