package plans_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// query is a query that sqlc has generated.
type query struct{ name, sql string }

// readQueries reads the SQL as it is sent to Postgres, from the constants of gen/db.
func readQueries(t *testing.T) (queries []query) {
	t.Helper()
	files, err := filepath.Glob("../../gen/db/*.sql.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				if head, sql, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(head, "-- name: ") {
					queries = append(queries, query{name: strings.Fields(head)[2], sql: sql})
				}
			}
			return true
		})
	}
	return queries
}

var param = regexp.MustCompile(`\$(\d+)`)

// params returns the number of arguments of the query.
func (q query) params() (most int) {
	for _, match := range param.FindAllStringSubmatch(q.sql, -1) {
		n, _ := strconv.Atoi(match[1]) // digits, as the expression says
		most = max(most, n)
	}
	return most
}
