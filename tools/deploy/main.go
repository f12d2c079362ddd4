// Command deploy checks the files for operators, without Docker, a cluster or systemd:
//
//	go run . TREE
//
// The Dockerfile is read by BuildKit's own linter, the Compose files by Compose's loader, the overlays are built by
// kustomize and validated by kubeconform against the schemas of Kubernetes itself, and systemd's units are verified if there
// is a systemd-analyze. Alerts and dashboard are parsed by Prometheus' own parsers, and compared with the metrics that the
// code exports and with the runbooks. It prints what is wrong, and exits with 1.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: deploy TREE")
		os.Exit(2)
	}
	wrong := 0
	for _, check := range []struct {
		of  string
		run func(ctx context.Context, tree string) ([]string, error)
	}{
		{"deploy/Dockerfile", lintDockerfile},
		{"docker-compose.yml", loadCompose},
		{"deploy/production.compose.yaml", loadProduction},
		{"deploy/kubernetes", validateOverlays},
		{"deploy/systemd", verifyUnits},
		{alertsFile, checkAlerts},
		{dashboardFile, checkDashboard},
	} {
		found, err := check.run(context.Background(), filepath.Clean(os.Args[1]))
		if err != nil {
			found = append(found, err.Error())
		}
		for _, problem := range found {
			fmt.Fprintf(os.Stderr, "%s: %s\n", check.of, problem)
		}
		wrong += len(found)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}
