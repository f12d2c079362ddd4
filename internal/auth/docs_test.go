package auth_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSecurityDocs_nameTestsThatExist holds docs/security.md to its promise that each row is shown by a test.
func TestSecurityDocs_nameTestsThatExist(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, dir := range []string{"internal", "migrations", "test/api", "test/process"} {
		err := fs.WalkDir(root, dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := fs.ReadFile(root, path)
			for _, found := range declaration.FindAllSubmatch(source, -1) {
				declared[string(found[1])] = true
			}
			return err
		})
		require.NoError(t, err)
	}
	page, err := fs.ReadFile(root, "docs/security.md")
	require.NoError(t, err)
	named := regexp.MustCompile(`\bTest[A-Z]\w+`)
	promises, _, found := strings.Cut(string(page), "## What is not met")
	require.True(t, found)
	for _, test := range named.FindAllString(promises, -1) {
		require.True(t, declared[test], "%s is gone", test)
	}
	_, tables, found := strings.Cut(promises, "## Beside OWASP")
	require.True(t, found)
	for line := range strings.SplitSeq(tables, "\n") {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") && !strings.HasSuffix(line, "| shown by |") {
			require.Regexp(t, named, line, "a row that no test shows")
		}
	}
}
