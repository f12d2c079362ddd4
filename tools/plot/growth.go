package main

import (
	"fmt"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// growth is growth.json.
type growth struct {
	Curves []curve `json:"curves"`
}

type curve struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
	LogX   bool     `json:"log_x"`
	Series []series `json:"series"`
}

type series struct {
	Name   string       `json:"name"`
	Points [][2]float64 `json:"points"`
}

func drawGrowth(dir string) error {
	var g growth
	found, err := read(filepath.Join(dir, "growth.json"), &g)
	if !found || err != nil {
		return err
	}
	for _, c := range g.Curves {
		p, err := c.plot()
		if err != nil {
			return fmt.Errorf("draw %s: %w", c.ID, err)
		}
		if err := write(filepath.Join(dir, "growth-"+c.ID+".svg"), 14*vg.Centimeter, 9*vg.Centimeter, p); err != nil {
			return err
		}
	}
	return nil
}

func (c curve) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text, p.Y.Min = c.Title, c.X, c.Y, 0
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, s := range c.Series {
		points := make(plotter.XYs, len(s.Points))
		for j, point := range s.Points {
			points[j].X, points[j].Y = point[0], point[1]
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, dots.Color = colors[i%len(colors)], colors[i%len(colors)]
		line.Width = vg.Points(1.5)
		p.Add(line, dots)
		p.Legend.Add(s.Name, line, dots)
	}
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Y.Max *= 1.25 // room for the legend
	return p, nil
}
