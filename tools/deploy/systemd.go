package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// maxExposure bounds the exposure level that systemd-analyze computes, of 100; today's units have 11.
const maxExposure = 15

// verifyUnits checks the units with systemd-analyze, if there is one. /bin/true replaces the program, which need not be installed.
func verifyUnits(ctx context.Context, tree string) ([]string, error) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		fmt.Fprintln(os.Stderr, "there is no systemd-analyze here: the units in deploy/systemd are not verified")
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "mugshot-units-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	units, err := filepath.Glob(filepath.Join(tree, "deploy", "systemd", "*.service"))
	if err != nil {
		return nil, err
	}
	if len(units) == 0 {
		return []string{"there are no units"}, nil
	}
	verify := []string{"verify", "--man=no"}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			return nil, err
		}
		copied := filepath.Join(dir, filepath.Base(unit))
		replaced := strings.ReplaceAll(string(text), "/usr/local/bin/mugshot", "/bin/true")
		if err := os.WriteFile(copied, []byte(replaced), 0o600); err != nil {
			return nil, err
		}
		verify = append(verify, copied)
	}
	var found []string
	if said, err := exec.CommandContext(ctx, analyze, verify...).CombinedOutput(); err != nil || len(said) > 0 {
		found = append(found, strings.TrimSpace(string(said)))
	}
	for _, unit := range verify[2:] {
		said, err := exec.CommandContext(ctx, analyze, "security", "--offline=true", fmt.Sprintf("--threshold=%d", maxExposure), "--no-pager", unit).CombinedOutput()
		if err != nil {
			lines := strings.Split(strings.TrimSpace(string(said)), "\n")
			found = append(found, lines[len(lines)-1])
		}
	}
	return found, nil
}
