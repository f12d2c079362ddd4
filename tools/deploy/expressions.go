package main

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// check returns what is wrong with an expression: it does not parse, or it uses a metric, a label or a value that does not exist,
// and so would never match.
func (v vocabulary) check(expression string) []string {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			found = append(found, v.checkSelector(n)...)
		case *parser.AggregateExpr:
			found = append(found, v.checkGrouping(n)...)
		}
		return nil
	})
	return found
}

func (v vocabulary) checkSelector(s *parser.VectorSelector) []string {
	known, ok := v.find(s.Name)
	if !ok {
		return []string{fmt.Sprintf("nothing exports %q", s.Name)}
	}
	var found []string
	for _, m := range s.LabelMatchers {
		switch {
		case m.Name == labels.MetricName:
		case !slices.Contains(known, m.Name):
			found = append(found, fmt.Sprintf("%s has no label %s", s.Name, m.Name))
		case v.values[m.Name] != nil && !v.meets(m):
			found = append(found, fmt.Sprintf("no %s is %s", m.Name, m))
		}
	}
	return found
}

// meets tells whether a matcher selects some values of its label but not all. One with values that don't exist selects all or none.
func (v vocabulary) meets(m *labels.Matcher) bool {
	matched := 0
	for _, value := range v.values[m.Name] {
		if m.Matches(value) {
			matched++
		}
	}
	if alternatives := m.SetMatches(); len(alternatives) > 0 {
		for _, one := range alternatives {
			if !slices.Contains(v.values[m.Name], one) {
				return false
			}
		}
	}
	return matched > 0 && matched < len(v.values[m.Name])
}

// checkGrouping checks that an aggregation groups by labels of its series.
func (v vocabulary) checkGrouping(a *parser.AggregateExpr) []string {
	var known []string
	parser.Inspect(a.Expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			these, _ := v.find(s.Name)
			known = append(known, these...)
		}
		return nil
	})
	var found []string
	for _, label := range a.Grouping {
		if !slices.Contains(known, label) {
			found = append(found, fmt.Sprintf("%s groups by %s, which is no label of it", a, label))
		}
	}
	return found
}
