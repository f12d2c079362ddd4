package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const dashboardFile = "deploy/grafana/mugshot.json"

// panel is the part of a Grafana panel that is checked.
type panel struct {
	ID         int                  `json:"id"`
	Type       string               `json:"type"`
	Title      string               `json:"title"`
	Datasource struct{ UID string } `json:"datasource"`
	Grid       struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	Targets []struct {
		Expr  string `json:"expr"`
		RefID string `json:"refId"`
	} `json:"targets"`
}

// checkDashboard checks that each panel of the dashboard uses existing metrics and the data source that the reader chooses, and
// that no two panels overlap.
func checkDashboard(_ context.Context, tree string) ([]string, error) {
	v, err := readVocabulary(tree)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(tree, dashboardFile))
	if err != nil {
		return nil, err
	}
	var dashboard struct {
		UID    string  `json:"uid"`
		Title  string  `json:"title"`
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		return nil, err
	}
	var found []string
	if dashboard.UID == "" || dashboard.Title == "" || len(dashboard.Panels) == 0 {
		found = append(found, "it has no uid, no title or no panels")
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		for _, problem := range append(p.check(v), p.checkGrid(ids, cells)...) {
			found = append(found, fmt.Sprintf("panel %q: %s", p.Title, problem))
		}
	}
	return found, nil
}

func (p panel) check(v vocabulary) []string {
	if p.Type == "row" {
		return nil
	}
	var found []string
	if p.Title == "" || len(p.Targets) == 0 {
		found = append(found, "no title, or nothing to show")
	}
	if p.Datasource.UID != "${datasource}" {
		found = append(found, "not of the data source that the reader chooses")
	}
	for _, target := range p.Targets {
		// Grafana's value depends on the time range; any value serves to parse the expression.
		expression := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
		found = append(found, v.check(expression)...)
	}
	return found
}

// checkGrid records the id and the cells of a panel, and returns conflicts with other panels.
func (p panel) checkGrid(ids map[int]bool, cells map[[2]int]string) []string {
	var found []string
	if ids[p.ID] {
		found = append(found, fmt.Sprintf("another one has its id %d", p.ID))
	}
	ids[p.ID] = true
	if p.Grid.W < 1 || p.Grid.H < 1 || p.Grid.X < 0 || p.Grid.X+p.Grid.W > 24 {
		found = append(found, "it does not fit into the 24 columns")
	}
	for x := p.Grid.X; x < p.Grid.X+p.Grid.W; x++ {
		for y := p.Grid.Y; y < p.Grid.Y+p.Grid.H; y++ {
			if other, taken := cells[[2]int{x, y}]; taken {
				return append(found, fmt.Sprintf("it lies over %q", other))
			}
			cells[[2]int{x, y}] = p.Title
		}
	}
	return found
}
