package postgres_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A query inside InTx that does not go through its q runs on another connection: it does not see the transaction's
// rows, is not rolled back with it, and waits for ever once the pool is used up by transactions like it.
func TestInTx_isNeverBypassed(t *testing.T) {
	t.Parallel()
	found := []string{}
	for _, files := range parseAll(t, "../../..") {
		found = append(found, outerHandles(files)...)
	}
	require.Empty(t, found, "use the q that InTx gives, and hand it on")
}

func TestInTx_bypassesAreFound(t *testing.T) {
	t.Parallel()
	const source = `package p
		func (s *S) direct() { s.store.InTx(ctx, func(q *db.Queries) error { return s.store.Queries().Get(ctx) }) }
		func (s *S) nested() { s.store.InTx(ctx, func(q *db.Queries) error { return s.store.InTx(ctx, other) }) }
		func (s *S) called() { s.store.InTx(ctx, func(q *db.Queries) error { return s.far(ctx) }) }
		func (s *S) far()    { s.near() }
		func (s *S) near()   { s.store.Queries().Get(ctx) }
		func (s *S) right()  { s.store.InTx(ctx, func(q *db.Queries) error { return helper(q.near(ctx), q) }) }
		func helper(q *db.Queries) { q.Get(ctx) }`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"p.go:2 Queries", "p.go:3 InTx", "p.go:4 far"}, outerHandles(&sources{fset, []*ast.File{file}}))
}

// sources is one package.
type sources struct {
	fset  *token.FileSet
	files []*ast.File
}

// parseAll reads every package below root, by its folder, without generated code and tests.
func parseAll(t *testing.T, root string) map[string]*sources {
	t.Helper()
	packages := map[string]*sources{}
	for _, top := range []string{"internal", "cmd"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			dir := packages[filepath.Dir(path)]
			if dir == nil {
				dir = &sources{fset: token.NewFileSet()}
				packages[filepath.Dir(path)] = dir
			}
			file, err := parser.ParseFile(dir.fset, path, text, parser.SkipObjectResolution)
			dir.files = append(dir.files, file)
			return err
		}))
	}
	require.NotEmpty(t, packages)
	return packages
}

// outerHandles reports the calls in bodies of InTx that reach the store, directly or through functions of the same package.
// Functions are told apart by name only.
func outerHandles(pkg *sources) []string {
	reaches := map[string]bool{"Queries": true, "InTx": true, "EachRow": true, "Pool": true}
	for grown := true; grown; {
		grown = false
		for _, file := range pkg.files {
			for _, decl := range file.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if ok && fn.Body != nil && !reaches[fn.Name.Name] && len(calls(fn.Body, "", reaches)) > 0 {
					reaches[fn.Name.Name], grown = true, true
				}
			}
		}
	}
	var found []string
	for _, file := range pkg.files {
		ast.Inspect(file, func(node ast.Node) bool {
			body, handle := transaction(node)
			if body == nil {
				return true
			}
			for _, name := range calls(body, handle, reaches) {
				at := pkg.fset.Position(name.Pos())
				found = append(found, fmt.Sprintf("%s:%d %s", at.Filename, at.Line, name.Name))
			}
			return true
		})
	}
	return found
}

// transaction returns the body of the function that an InTx runs, and the name of its q.
func transaction(node ast.Node) (*ast.BlockStmt, string) {
	call, ok := node.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return nil, ""
	}
	name, _ := callee(call)
	fn, ok := call.Args[1].(*ast.FuncLit)
	if !ok || name == nil || name.Name != "InTx" || len(fn.Type.Params.List) != 1 || len(fn.Type.Params.List[0].Names) != 1 {
		return nil, ""
	}
	return fn.Body, fn.Type.Params.List[0].Names[0].Name
}

// calls returns the names among wanted that body calls on something other than handle.
func calls(body ast.Node, handle string, wanted map[string]bool) []*ast.Ident {
	var found []*ast.Ident
	ast.Inspect(body, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			if name, on := callee(call); name != nil && wanted[name.Name] && (on == "" || on != handle) {
				found = append(found, name)
			}
		}
		return true
	})
	return found
}

// callee returns the function that is called, and the variable that it is called on, if it is called on a variable.
func callee(call *ast.CallExpr) (name *ast.Ident, on string) {
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return fn, ""
	case *ast.SelectorExpr:
		if receiver, ok := fn.X.(*ast.Ident); ok {
			on = receiver.Name
		}
		return fn.Sel, on
	}
	return nil, ""
}
