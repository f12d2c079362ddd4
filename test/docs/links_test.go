// Package docs_test holds the pages for people to the repository: what they link to and what they name is there.
package docs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// pages returns the pages of Markdown that people read, by their path from the top of the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "migrations/*.md", "sql/*.md", "test/bench/*.md"} {
		names, err := fs.Glob(os.DirFS(root), pattern)
		require.NoError(t, err)
		for _, name := range names {
			text, err := os.ReadFile(path.Join(root, name))
			require.NoError(t, err)
			texts[name] = string(text)
		}
	}
	require.NotEmpty(t, texts)
	return texts
}

func exists(name string) bool {
	_, err := os.Stat(path.Join(root, name))
	return err == nil
}

// fileNames returns the base names of all files of the repository.
func fileNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case "node_modules", ".git", ".dev", "bin":
				return fs.SkipDir
			}
			return nil
		}
		names[entry.Name()] = true
		return nil
	})
	require.NoError(t, err)
	return names
}

func TestPages_linkToFilesAndHeadingsThatExist(t *testing.T) {
	t.Parallel()
	var broken []string
	texts := pages(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for name, text := range texts {
		for _, found := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			target, heading, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			linked := name
			if target != "" {
				linked = path.Join(path.Dir(name), target)
			}
			if !exists(linked) || heading != "" && !slices.Contains(anchors(texts[linked]), heading) {
				broken = append(broken, name+": "+found[1])
			}
		}
	}
	require.Empty(t, broken, "links that lead nowhere")
}

// A path in backticks that begins at the top of the repository leads to a file or a folder. A bare name of a Go, SQL or
// Markdown file is the name of some file.
func TestPages_nameFilesThatExist(t *testing.T) {
	t.Parallel()
	var missing []string
	quoted := regexp.MustCompile("`([A-Za-z0-9_./-]+)`")
	top := regexp.MustCompile(`^(api|cmd|deploy|docs|gen|internal|migrations|sql|test|tools)/`)
	bare := regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*\.(go|sql|md)$`)
	known := fileNames(t)
	for name, text := range pages(t) {
		for _, found := range quoted.FindAllStringSubmatch(withoutCode(text), -1) {
			word := found[1]
			if top.MatchString(word) && !exists(word) || bare.MatchString(word) && !known[word] {
				missing = append(missing, name+": "+word)
			}
		}
	}
	require.Empty(t, missing, "files that are not there")
}

// The index of the decisions says of each page what the page says of itself.
func TestADR_indexNamesEveryDecision(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^# ([0-9]{4})\. (.+)\n\n- Date: ([0-9]{4}-[0-9]{2}-[0-9]{2}).*\n- Status: (.+)\n\n## Context\n`)
	numbers := map[string]string{}
	texts := pages(t)
	for name, text := range texts {
		if path.Dir(name) != "docs/adr" || path.Base(name) == "README.md" {
			continue
		}
		said := form.FindStringSubmatch(text)
		require.NotNil(t, said, "%s does not begin with number, title, date, status and context", name)
		number, title, date, status := said[1], said[2], said[3], said[4]
		require.True(t, strings.HasPrefix(path.Base(name), number+"-"), name)
		require.Empty(t, numbers[number], "two decisions have the number %s", number)
		numbers[number] = name
		require.Regexp(t, `^(accepted|superseded by \[[0-9]{4}\])`, status, name)
		row := "| [" + number + "](" + path.Base(name) + ") | " + title + " | " + date + " | " + status + " |\n"
		require.Contains(t, texts["docs/adr/README.md"], row)
	}
	require.Len(t, numbers, strings.Count(texts["docs/adr/README.md"], "\n| ["))
}

// withoutCode takes the blocks of code out of a page.
func withoutCode(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// anchors returns the fragments by which GitHub links to the headings of a page.
func anchors(text string) (all []string) {
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, found := range heading.FindAllStringSubmatch(withoutCode(text), -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-"))
	}
	return all
}
