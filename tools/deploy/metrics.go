package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
)

// metric is what rules and panels may use of a metric.
type metric struct {
	labels    []string
	histogram bool
}

// vocabulary holds the metrics of docs/operations.md. Tests compare that page with the code: those of
// internal/platform/telemetry the names, those of test/process the values of labels.
type vocabulary struct {
	metrics map[string]metric
	values  map[string][]string // of labels whose values can be listed
}

// scraped lists the labels that Prometheus adds to every series.
var scraped = []string{"instance", "job", "namespace", "pod"}

func readVocabulary(tree string) (vocabulary, error) {
	text, err := os.ReadFile(filepath.Join(tree, "docs", "operations.md"))
	if err != nil {
		return vocabulary{}, err
	}
	v := vocabulary{metrics: map[string]metric{"up": {}}, values: map[string][]string{}}
	for _, row := range regexp.MustCompile("(?m)^\\| `(mugshot_[a-z_]+)` \\| ([^|]+) \\| (.+) \\|$").FindAllStringSubmatch(string(text), -1) {
		m := metric{histogram: strings.HasSuffix(row[3], "; a histogram")}
		if row[2] != "–" {
			m.labels = strings.Split(row[2], ", ")
		}
		v.metrics[row[1]] = m
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([a-z0-9_, ]+) \\|$").FindAllStringSubmatch(string(text), -1) {
		v.values[row[1]] = strings.Split(row[2], ", ")
	}
	if len(v.metrics) < 2 || len(v.values) == 0 {
		return v, errors.New("docs/operations.md has no table of metrics, or none of labels")
	}
	return v, v.addGo()
}

// addGo adds the metrics of Go's runtime and of the process, as the code registers them.
func (v vocabulary) addGo() error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		return fmt.Errorf("gather Go's metrics: %w", err)
	}
	for _, family := range families {
		var m metric
		for _, label := range family.GetMetric()[0].GetLabel() {
			m.labels = append(m.labels, label.GetName())
		}
		m.histogram = family.GetType() == dto.MetricType_HISTOGRAM
		if family.GetType() == dto.MetricType_SUMMARY {
			m.labels = append(m.labels, "quantile")
		}
		v.metrics[family.GetName()] = m
	}
	return nil
}

// find returns the labels of a series by its name; ok is false if no metric has it.
func (v vocabulary) find(name string) (labels []string, ok bool) {
	if m, ok := v.metrics[name]; ok && !m.histogram {
		return slices.Concat(m.labels, scraped), true
	}
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		m, ok := v.metrics[strings.TrimSuffix(name, part)]
		if !strings.HasSuffix(name, part) || !ok || !m.histogram {
			continue
		}
		labels = slices.Concat(m.labels, scraped)
		if part == "_bucket" {
			labels = append(labels, "le")
		}
		return labels, true
	}
	return nil, false
}
