package telemetry

import "github.com/prometheus/client_golang/prometheus"

// RegisterOpenBreakers registers a gauge for each model that is 1 while the model's breaker is open. open is asked at each
// scrape. It panics when the gauges are registered already.
func RegisterOpenBreakers(registry prometheus.Registerer, models []string, open func(model string) bool) {
	for _, model := range models {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mugshot_provider_resting", Help: "1: the breaker of the model is open after failures of its vendor, and no job may ask for it.",
			ConstLabels: prometheus.Labels{"model": model},
		}, func() float64 { return number(open(model)) }))
	}
}

// number returns 1 for true and 0 for false.
func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
