package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Growth holds curves of how our server behaves as one quantity grows.
type Growth struct {
	Measured time.Time         `json:"measured"`
	Cores    int               `json:"cores"`
	Versions map[string]string `json:"versions"`
	Curves   []*Curve          `json:"curves"`
	Notes    []string          `json:"notes,omitempty"` // what could not be measured on this machine, and why
}

// Curve is one plot.
type Curve struct {
	ID     string    `json:"id"`
	Title  string    `json:"title"`
	X      string    `json:"x"`
	Y      string    `json:"y"`
	LogX   bool      `json:"log_x"`
	Series []*Series `json:"series"`
}

// Series is one line of a plot.
type Series struct {
	Name   string       `json:"name"`
	Points [][2]float64 `json:"points"`
}

// Curve adds a plot.
func (g *Growth) Curve(id, title, x, y string, logX bool) *Curve {
	c := &Curve{ID: id, Title: title, X: x, Y: y, LogX: logX}
	g.Curves = append(g.Curves, c)
	return c
}

// Add adds a point to a series, which the first point creates.
func (c *Curve) Add(series string, x, y float64) {
	i := slices.IndexFunc(c.Series, func(s *Series) bool { return s.Name == series })
	if i < 0 {
		i, c.Series = len(c.Series), append(c.Series, &Series{Name: series})
	}
	c.Series[i].Points = append(c.Series[i].Points, [2]float64{x, y})
}

// Write writes growth.md and growth.json into a folder.
func (g *Growth) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "growth.md"), []byte(g.page()), 0o644); err != nil {
		return err
	}
	return WriteJSON(filepath.Join(dir, "growth.json"), g)
}

func (g *Growth) page() string {
	var b strings.Builder
	b.WriteString("# Growth\n\nWritten by `make bench-growth`; `test/bench/README.md` says how it is measured.\n\n")
	fmt.Fprintf(&b, "Measured on %s, on %d cores, which servers, databases and load share, in one round: look at the shape of a curve, not at a point.\n",
		g.Measured.UTC().Format("2 January 2006"), g.Cores)
	for _, note := range g.Notes {
		b.WriteString("\n" + note + "\n")
	}
	for _, c := range g.Curves {
		fmt.Fprintf(&b, "\n## %s\n\n![%s](growth-%s.svg)\n\n", c.Title, c.Title, c.ID)
		table(&b, c.heads(), c.rows())
	}
	return b.String()
}

func (c *Curve) heads() []string {
	heads := []string{c.X}
	for _, s := range c.Series {
		heads = append(heads, s.Name+", "+c.Y)
	}
	return heads
}

// rows returns a row for each x, with a dash where a series has no point.
func (c *Curve) rows() [][]string {
	var all []float64
	for _, s := range c.Series {
		for _, point := range s.Points {
			if !slices.Contains(all, point[0]) {
				all = append(all, point[0])
			}
		}
	}
	slices.Sort(all)
	rows := make([][]string, len(all))
	for i, x := range all {
		rows[i] = []string{fmt.Sprintf("%g", x)}
		for _, s := range c.Series {
			cell := "–"
			if j := slices.IndexFunc(s.Points, func(point [2]float64) bool { return point[0] == x }); j >= 0 {
				cell = fmt.Sprintf("%.4g", s.Points[j][1])
			}
			rows[i] = append(rows[i], cell)
		}
	}
	return rows
}
