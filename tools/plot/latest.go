package main

import (
	"image/color"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// latest is the part of latest.json that is drawn.
type latest struct {
	Results []struct {
		Workload string             `json:"workload"`
		Side     string             `json:"side"`
		Medians  map[string]float64 `json:"medians"`
	} `json:"results"`
}

var (
	sides  = []string{"ours", "floor", "peer"}
	colors = []color.Color{
		color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff},
		color.RGBA{R: 0x7f, G: 0x7f, B: 0x7f, A: 0xff},
		color.RGBA{R: 0xff, G: 0x7f, B: 0x0e, A: 0xff},
		color.RGBA{R: 0x2c, G: 0xa0, B: 0x2c, A: 0xff},
	}
	// requests lists the workloads with costs of the same scale; a password's hash would dwarf them.
	requests = []string{"W2", "W3", "W4", "W4 after W3", "W5"}
)

// drawLatest draws the server CPU and the p50 of a request, on each side.
func drawLatest(dir string) error {
	var l latest
	found, err := read(filepath.Join(dir, "latest.json"), &l)
	if !found || err != nil {
		return err
	}
	cost, err := l.bars("Server CPU of a request", "ms", "cpu_server")
	if err != nil {
		return err
	}
	wait, err := l.bars("Time to the answer, p50, 16 connections", "ms", "p50_ms")
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "latest.svg"), 24*vg.Centimeter, 9*vg.Centimeter, cost, wait)
}

func (l latest) bars(title, unit, metric string) (*plot.Plot, error) {
	const width = 12
	p := plot.New()
	p.Title.Text, p.Y.Label.Text, p.Y.Min, p.Legend.Top = title, unit, 0, true
	p.Add(plotter.NewGrid())
	measured := slices.DeleteFunc(slices.Clone(requests), func(workload string) bool { return l.value(workload, "ours", metric) == 0 })
	for i, side := range sides {
		values := make(plotter.Values, len(measured))
		for j, workload := range measured {
			values[j] = l.value(workload, side, metric)
		}
		if len(values) == 0 || slices.Max(values) == 0 {
			continue
		}
		bars, err := plotter.NewBarChart(values, width)
		if err != nil {
			return nil, err
		}
		bars.Color, bars.LineStyle.Width, bars.Offset = colors[i], 0, vg.Length(i-1)*(width+1)
		p.Add(bars)
		p.Legend.Add(side, bars)
	}
	p.NominalX(measured...)
	p.Y.Max *= 1.25 // room for the legend
	return p, nil
}

func (l latest) value(workload, side, metric string) float64 {
	for _, r := range l.Results {
		if r.Workload == workload && r.Side == side {
			return r.Medians[metric]
		}
	}
	return 0
}
