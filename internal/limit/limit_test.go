package limit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// Every limit is in the table, which is what users read.
func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "limit.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, row := range Table() {
		if rows[row.Name] || row.Value == "" || row.Text == "" {
			t.Errorf("%s: it is there twice, or has no value or text", row.Name)
		}
		rows[row.Name] = true
	}
	for _, decl := range file.Decls {
		constants, ok := decl.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if name.IsExported() && !rows[name.Name] {
					t.Errorf("%s has no row in Table", name.Name)
				}
				delete(rows, name.Name)
			}
		}
	}
	for name := range rows {
		t.Errorf("there is no constant %s", name)
	}
}
