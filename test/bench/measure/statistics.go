package measure

import (
	"math"
	"slices"
	"time"
)

// Quantile returns the q-quantile of some times in milliseconds, or NaN of none.
func Quantile(took []time.Duration, q float64) float64 {
	if len(took) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Seconds() * 1e3
}

// Median returns the middle of some figures, or the mean of the middle two. NaN is left out.
func Median(figures []float64) float64 {
	sorted := slices.DeleteFunc(slices.Clone(figures), math.IsNaN)
	if len(sorted) == 0 {
		return math.NaN()
	}
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// MedianRatio returns the median of the ratios of figures from the same rounds. A busy machine disturbs both runs of a pair.
func MedianRatio(figures, of []float64) float64 {
	ratios := make([]float64, 0, len(figures))
	for i := range min(len(figures), len(of)) {
		if of[i] != 0 {
			ratios = append(ratios, figures[i]/of[i])
		}
	}
	return Median(ratios)
}
