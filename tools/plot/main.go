// Command plot draws the results of the benchmarks as SVG files beside them:
//
//	go run . DIRECTORY
//
// latest.json becomes latest.svg, and each curve of growth.json a file named growth-….svg. A missing file is skipped.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: plot DIRECTORY")
		os.Exit(2)
	}
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	if err := errors.Join(drawLatest(os.Args[1]), drawGrowth(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

// read decodes a JSON file, and returns false if there is none.
func read(file string, into any) (bool, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("read %s: %w", filepath.Base(file), err)
	}
	return true, nil
}

// write draws plots side by side into a file.
func write(file string, width, height vg.Length, plots ...*plot.Plot) (err error) {
	canvas := vgsvg.New(width, height)
	tiles := draw.Tiles{Rows: 1, Cols: len(plots), PadX: vg.Centimeter, PadTop: 4, PadBottom: 4, PadLeft: 4, PadRight: 4}
	for i, aligned := range plot.Align([][]*plot.Plot{plots}, tiles, draw.New(canvas))[0] {
		plots[i].Draw(aligned)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = canvas.WriteTo(out)
	return err
}
