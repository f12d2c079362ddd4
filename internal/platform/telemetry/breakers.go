package telemetry

import "github.com/prometheus/client_golang/prometheus"

// RegisterOpenBreakers registers whether models rest after failures of their vendors, asked at each scrape. It panics when
// they are registered there already.
func RegisterOpenBreakers(registry prometheus.Registerer, models []string, open func(model string) bool) {
	for _, model := range models {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mugshot_provider_resting", Help: "1: the model rests after failures of its vendor, and nobody may order from it.",
			ConstLabels: prometheus.Labels{"model": model},
		}, func() float64 { return number(open(model)) }))
	}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
