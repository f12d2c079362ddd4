package report_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/bench/report"
)

func TestGrowth_isWrittenAsATable(t *testing.T) {
	t.Parallel()
	g, dir := &report.Growth{Cores: 2, Notes: []string{"Not all."}}, t.TempDir()
	c := g.Curve("connections", "More connections", "connections", "per s", true)
	c.Add("W2", 16, 200)
	c.Add("W2", 1, 100)
	c.Add("W3", 16, 50)
	require.NoError(t, g.Write(dir))
	page, err := os.ReadFile(filepath.Join(dir, "growth.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "| connections | W2, per s | W3, per s |\n| --- | --- | --- |\n| 1 | 100 | – |\n| 16 | 200 | 50 |\n")
	require.Contains(t, string(page), "(growth-connections.svg)")
	require.Contains(t, string(page), "Not all.")
	require.FileExists(t, filepath.Join(dir, "growth.json"))
}
