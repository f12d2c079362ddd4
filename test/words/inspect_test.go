package words_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// entry is a declared name or a line of prose, with where it stands.
type entry struct {
	line int
	text string
	name bool
}

// inspect returns the retired words of a file: what stands where, and what stands for it now.
func inspect(t *testing.T, path, text string, all []rule) (found []string) {
	t.Helper()
	var entries []entry
	switch filepath.Ext(path) {
	case ".go":
		entries = readGo(t, path, text)
	case ".sql":
		entries = append(readNames(text, sqlNames), readLines(text, "--")...)
	case ".ts", ".tsx", ".mjs":
		entries = append(readNames(text, scriptNames), readLines(text, "")...)
	case ".md":
		entries = readLines(text, "")
	}
	for _, e := range entries {
		for _, r := range all {
			pattern, text := r.prose, e.text
			if e.name {
				pattern, text = r.names, words(subject(e.text, r))
			}
			if pattern != nil && r.applies(path) && pattern.MatchString(text) {
				found = append(found, fmt.Sprintf("%s:%d: %q: %s is retired: %s", path, e.line, e.text, r.retired, r.standard))
			}
		}
	}
	return found
}

// subject is the part of a name in which a word is retired. What a test's name tells behind its type is a sentence, where
// a word that is retired in one sense may stand in another.
func subject(name string, r rule) string {
	if r.under != nil && strings.HasPrefix(name, "Test") {
		name, _, _ = strings.Cut(name, "_")
	}
	return name
}

// readGo lists the names that a file declares, and the lines of its comments. Names that it only uses are others' to
// choose, and string literals are often fixed by a protocol.
func readGo(t *testing.T, path, text string) (entries []entry) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	add := func(names ...*ast.Ident) {
		for _, name := range names {
			if name != nil && name.Name != "_" {
				entries = append(entries, entry{files.Position(name.Pos()).Line, name.Name, true})
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Name)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.Field:
			add(n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(idents(n.Lhs...)...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				add(idents(n.Key, n.Value)...)
			}
		}
		return true
	})
	for _, group := range file.Comments {
		for _, comment := range group.List {
			first := files.Position(comment.Pos()).Line
			for i, line := range strings.Split(comment.Text, "\n") {
				entries = append(entries, entry{first + i, line, false})
			}
		}
	}
	return entries
}

func idents(list ...ast.Expr) (names []*ast.Ident) {
	for _, e := range list {
		if name, ok := e.(*ast.Ident); ok {
			names = append(names, name)
		}
	}
	return names
}

// Names that SQL and TypeScript declare: queries of sqlc and common table expressions; variables, functions and types.
var (
	sqlNames    = regexp.MustCompile(`(?m)(?:^-- name: |\bwith (?:recursive )?|\), ?|^\s*\)?,?\s*)(\w+)(?: :\w+$|\s+as (?:not materialized |materialized )?\()`)
	scriptNames = regexp.MustCompile(`\b(?:const|let|var|function|class|interface|type) (\w+)`)
)

func readNames(text string, pattern *regexp.Regexp) (entries []entry) {
	for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
		entries = append(entries, entry{1 + strings.Count(text[:at[2]], "\n"), text[at[2]:at[3]], true})
	}
	return entries
}

// readLines lists lines of prose, from a mark on where one is given.
func readLines(text, mark string) (entries []entry) {
	for i, line := range strings.Split(text, "\n") {
		if at := strings.Index(line, mark); at >= 0 {
			entries = append(entries, entry{i + 1, strings.TrimSpace(line[at:]), false})
		}
	}
	return entries
}

// words takes a name apart at its capitals and underscores: callProviderJobs and call_provider_jobs are "call provider
// jobs", and HTTPServer is "http server".
func words(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		begins := unicode.IsUpper(r) && (i > 0 && !unicode.IsUpper(runes[i-1]) || i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if r == '_' || begins {
			b.WriteByte(' ')
		}
		if r != '_' {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.TrimSpace(b.String())
}
