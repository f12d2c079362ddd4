// Package words_test keeps the vocabulary of the repository: it refuses a word that docs/glossary.md retired where the
// word would come back, as a declared name or, where no other sense is good English, in a comment or a document. It also
// bounds the length of a file and the number of sentences that do not name the actor.
package words_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root = "../.."
	// maxLines bounds a file under internal/, tests included: what is longer holds two subjects.
	maxLines = 300
	// maxUnnamed bounds how often Go outside tests says whoever, somebody, nobody or anybody, which hides who acts.
	maxUnnamed = 15
)

var unnamed = regexp.MustCompile(`\b([Ww]hoever|[Ss]omebody|[Nn]obody|[Aa]nybody)\b`) // not http.NoBody

// tracked lists the files that Git tracks and people write, by paths from the root of the repository.
func tracked(t *testing.T) (paths []string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	for path := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(root, path)); err == nil && !exempt(path) {
			paths = append(paths, path)
		}
	}
	require.Greater(t, len(paths), 100, "the files of the repository")
	return paths
}

// exempt tells whether a file may hold retired words: it is generated, its names are fixed, it is history, or it is about
// the words themselves.
func exempt(path string) bool {
	for _, prefix := range []string{"gen/", "docs/adr/", "docs/bench/", "docs/glossary.md", "test/words/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return strings.HasPrefix(path, "migrations/") && strings.HasSuffix(path, ".sql")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

func TestWords_retiredOnesDoNotComeBack(t *testing.T) {
	t.Parallel()
	all := rules()
	for _, path := range tracked(t) {
		for _, found := range inspect(t, path, read(t, path), all) {
			t.Error(found)
		}
	}
}

func TestWords_sentencesSayWhoActs(t *testing.T) {
	t.Parallel()
	var found []string
	for _, path := range tracked(t) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "test/") {
			continue
		}
		for i, line := range strings.Split(read(t, path), "\n") {
			for range unnamed.FindAllString(line, -1) {
				found = append(found, fmt.Sprintf("%s:%d: %s", path, i+1, strings.TrimSpace(line)))
			}
		}
	}
	if len(found) > maxUnnamed {
		t.Errorf("%d times, and %d may, it is not said who acts:\n%s", len(found), maxUnnamed, strings.Join(found, "\n"))
	}
}

func TestWords_filesHaveOneSubject(t *testing.T) {
	t.Parallel()
	for _, path := range tracked(t) {
		if strings.HasPrefix(path, "internal/") && slices.Contains([]string{".go", ".sql"}, filepath.Ext(path)) {
			if lines := strings.Count(read(t, path), "\n"); lines > maxLines {
				t.Errorf("%s has %d lines, over %d", path, lines, maxLines)
			}
		}
	}
}

// The matcher finds what it is for, and leaves good English alone.
func TestInspect_findsRetiredWordsAndNoOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, text string
		found      bool
	}{
		"a type":                      {"internal/safety/a.go", "package safety\n\ntype Wish struct{}\n", true},
		"a field":                     {"internal/jobs/a.go", "package jobs\n\ntype slot struct{ place int }\n", true},
		"a parameter":                 {"internal/jobs/a.go", "package jobs\n\nfunc f(newcomer int) {}\n", true},
		"a variable":                  {"internal/jobs/a.go", "package jobs\n\nfunc f() int { verdict := 1; return verdict }\n", true},
		"a range":                     {"internal/jobs/a.go", "package jobs\n\nfunc f(a []int) { for _, line := range a { _ = line } }\n", true},
		"a method":                    {"internal/jobs/a.go", "package jobs\n\nfunc (s *Service) callProviderJobs() {}\n", true},
		"a constant":                  {"test/kit/a.go", "package kit\n\nconst stopPatience = 1\n", true},
		"a comment":                   {"internal/jobs/a.go", "package jobs\n\n// f gives the verdict.\nfunc f() {}\n", true},
		"a CTE":                       {"sql/jobs.sql", "with mark as (select 1) select 2", true},
		"a later CTE":                 {"sql/jobs.sql", "with one as (select 1), taken as materialized (select 1) select 2", true},
		"a query":                     {"sql/jobs.sql", "-- name: JobHold :exec\nselect 1", true},
		"a comment of SQL":            {"sql/jobs.sql", "-- A newcomer waits.\nselect 1", true},
		"a document":                  {"docs/architecture.md", "The sweeper's patience ends.", true},
		"TypeScript":                  {"test/browser/a.ts", "export let world: World;", true},
		"a name that is used":         {"internal/jobs/a.go", "package jobs\n\nvar rows = db.ImageVerdicts\n", false},
		"a table":                     {"sql/safety.sql", "select * from image_verdicts", false},
		"an environment variable":     {"docs/operations.md", "SWEEP_PATIENCE is one minute.", false},
		"a string":                    {"internal/jobs/a.go", "package jobs\n\nconst metric = \"verdict\"\n", false},
		"a place of another sense":    {"internal/ops/a.go", "package ops\n\nvar place = 1\n", false},
		"a line of another sense":     {"internal/httpapi/a.go", "package httpapi\n\nfunc f(line string) {}\n", false},
		"a part of a word":            {"internal/jobs/a.go", "package jobs\n\nvar deadline, placeholder, baseline int\n", false},
		"a column":                    {"sql/jobs.sql", "select place, waits_for from jobs", false},
		"English: held, told, marked": {"docs/a.md", "A lease is held; a client is told; rows are marked in place.", false},
		"a newcomer of another sense": {"README.md", "A newcomer starts here.", false},
		"a sentence of a test":        {"internal/jobs/a_test.go", "package jobs\n\nfunc TestQueue_tellsWhoWaits() {}\n", false},
		"the type of a test":          {"internal/jobs/a_test.go", "package jobs\n\nfunc TestLine_isFair() {}\n", true},
		"a turn of a talk":            {"internal/providers/a.go", "package providers\n\ntype Turn struct{}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.found, len(inspect(t, c.path, c.text, rules())) > 0)
		})
	}
}
