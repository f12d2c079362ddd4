package telemetry_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/operations.md lists the metrics that the code registers, and no others.
func TestMetrics_areDocumented(t *testing.T) {
	t.Parallel()
	registered := map[string]bool{}
	name := regexp.MustCompile(`"(mugshot_[a-z_]+)"`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if strings.Contains(string(source), "github.com/prometheus/client_golang") {
			for _, found := range name.FindAllStringSubmatch(string(source), -1) {
				registered[found[1]] = true
			}
		}
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, registered)
	text, err := os.ReadFile("../../../docs/operations.md")
	require.NoError(t, err)
	documented := map[string]bool{}
	for _, found := range regexp.MustCompile("(?m)^\\| `(mugshot_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		documented[found[1]] = true
	}
	require.Equal(t, registered, documented)
}
