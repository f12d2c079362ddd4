package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const alertsFile = "deploy/prometheus/alerts.yaml"

// checkAlerts parses the rules with Prometheus' own parser, and checks that their expressions use existing metrics and that each
// alert has a runbook: a heading below "Alerts" in docs/operations.md with the same severity.
func checkAlerts(_ context.Context, tree string) ([]string, error) {
	v, err := readVocabulary(tree)
	if err != nil {
		return nil, err
	}
	runbooks, err := readRunbooks(tree)
	if err != nil {
		return nil, err
	}
	groups, errs := rulefmt.ParseFile(filepath.Join(tree, alertsFile), false, model.UTF8Validation,
		parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	var found []string
	for _, err := range errs {
		found = append(found, err.Error())
	}
	if len(errs) > 0 {
		return found, nil
	}
	alerts := 0
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			alerts++
			for _, problem := range append(v.check(rule.Expr), checkRunbook(rule, runbooks)...) {
				found = append(found, rule.Alert+": "+problem)
			}
			delete(runbooks, rule.Alert)
		}
	}
	if alerts == 0 {
		found = append(found, "there are no alerts")
	}
	for name := range runbooks {
		found = append(found, "docs/operations.md has a runbook for "+name+", which is no alert")
	}
	slices.Sort(found)
	return found, nil
}

// readRunbooks returns the texts below "Alerts", by their headings.
func readRunbooks(tree string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(tree, "docs", "operations.md"))
	if err != nil {
		return nil, err
	}
	_, section, _ := strings.Cut(string(text), "\n## Alerts\n")
	section, _, _ = strings.Cut(section, "\n## ")
	runbooks := map[string]string{}
	for _, one := range strings.Split(section, "\n### ")[1:] {
		heading, paragraph, _ := strings.Cut(one, "\n")
		runbooks[heading] = strings.TrimSpace(paragraph)
	}
	return runbooks, nil
}

// address matches the URL of a heading of docs/operations.md.
var address = regexp.MustCompile(`^https://[^ #]+/docs/operations\.md#([a-z]+)$`)

func checkRunbook(rule rulefmt.Rule, runbooks map[string]string) []string {
	var found []string
	if rule.Annotations["summary"] == "" {
		found = append(found, "no summary")
	}
	severity := rule.Labels["severity"]
	if severity != "page" && severity != "ticket" {
		found = append(found, fmt.Sprintf("severity %q is neither page nor ticket", severity))
	}
	runbook, ok := runbooks[rule.Alert]
	switch link := address.FindStringSubmatch(rule.Annotations["runbook_url"]); {
	case !ok:
		found = append(found, "docs/operations.md has no runbook under this heading")
	case link == nil || link[1] != strings.ToLower(rule.Alert):
		found = append(found, fmt.Sprintf("runbook_url %q does not lead to its heading", rule.Annotations["runbook_url"]))
	case !strings.HasPrefix(runbook, "*"+severity):
		found = append(found, "its runbook does not begin with its severity, *"+severity+"*")
	case !strings.Contains(runbook, "It ends "):
		found = append(found, "its runbook does not say when it ends")
	}
	return found
}
