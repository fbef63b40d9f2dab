// Command mutants switches off every rule and loosens every limit, one at a
// time, and runs the tests: each time they have to fail. What survives is not
// tested. Run it in the folder test/: go run ./mutants
//
// All of them take hours: a run ends after 20 minutes, or after -for, and tries the mutants in
// an order that a seed decides. It prints the seed, and how many mutants were killed.
//
// A rule is switched off by making its Eval pass; a limit is made twenty times
// what it is. The sources are not touched: the changed file is an overlay of the
// go command. A rule is tried twice: by the tests of its package, and by the
// faults that break it, through the whole program.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// A mutant is one changed source file.
type mutant struct {
	name   string
	file   string // absolute
	source []byte
	rule   bool
}

func main() {
	log.SetFlags(0)
	only := flag.String("only", "", "only mutants whose name matches this regular expression")
	lasts := flag.Duration("for", 20*time.Minute, "start no further mutant after this long")
	seed := flag.Uint64("seed", 0, "order the mutants as the run with this seed did (default a new order)")
	flag.Parse()
	wanted, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		log.Fatal(err)
	}
	end := time.Now().Add(*lasts)
	mutants := slices.DeleteFunc(append(rules(root), limits(root)...),
		func(m mutant) bool { return !wanted.MatchString(m.name) })
	// What fails by itself kills nobody.
	if out, err := goCommand(root, append([]string{"test", "-count=1"}, packages(mutants)...)...); err != nil {
		log.Fatal(out)
	}
	shuffle(mutants, seed)
	var total score
	for _, m := range mutants {
		total.add(m.tryAll(root, end))
	}
	fmt.Printf("%d of %d mutants tried (-seed %d): %d killed, %d survived, %d broken\n",
		total.tried(), len(mutants), *seed, total.killed, total.survived, total.broken)
	if total.killed < total.tried() || total.tried() == 0 {
		os.Exit(1)
	}
}

// shuffle puts the mutants in the order of a seed, so that a run that ends early is a fair
// sample. A seed of 0 is replaced by a new one.
func shuffle(mutants []mutant, seed *uint64) {
	if *seed == 0 {
		*seed = uint64(rand.Uint32()) + 1 //nolint:gosec // no secret
	}
	order := rand.New(rand.NewPCG(*seed, 0)) //nolint:gosec // no secret
	order.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
}

// A score counts what became of mutants.
type score struct{ killed, survived, broken int }

func (s *score) tried() int { return s.killed + s.survived + s.broken }

func (s *score) add(v verdict) {
	switch v {
	case killed:
		s.killed++
	case survived:
		s.survived++
	case broken:
		s.broken++
	case unfinished:
	}
}

// A verdict is what became of a mutant.
type verdict string

const (
	killed     verdict = "killed"     // the tests failed, by every suite
	survived   verdict = "survived"   // they passed, by one at least
	broken     verdict = "broken"     // it does not compile
	unfinished verdict = "unfinished" // there was no time left to tell
)

// tryAll runs the suites of a mutant until the end of the run, and prints which it survived.
func (m mutant) tryAll(root string, end time.Time) verdict {
	whole := killed
	for _, s := range suites(m) {
		v := try(root, m, s, end)
		switch v {
		case killed:
			continue
		case unfinished:
			if whole == killed {
				whole = unfinished
			}
			return whole
		case survived, broken:
			whole = v
		}
		fmt.Printf("%-45s %-10s %s\n", m.name, v, s.name)
	}
	return whole
}

// rules are the mutants of the rule tables.
func rules(root string) []mutant {
	files, err := filepath.Glob(filepath.Join(root, "oidc", "*.go"))
	if err != nil {
		log.Fatal(err)
	}
	var list []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, tree, positions := parse(file)
		in := ""
		ast.Inspect(tree, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name := inputOf(literal.Type); name != "" {
				in = name
			}
			id, eval := members(source, literal, positions)
			if id == "" || eval == nil {
				return true
			}
			from, to := positions.Position(eval.Pos()).Offset, positions.Position(eval.End()).Offset
			changed := fmt.Sprintf("func(in %s) check.Verdict { if in := in; false { return (%s)(in) }; return "+
				"check.Verdict{Outcome: check.Pass} }", in, source[from:to])
			list = append(list, mutant{id, file, splice(source, from, to, changed), true})
			return true
		})
	}
	return list
}

func parse(file string) ([]byte, *ast.File, *token.FileSet) {
	source, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	positions := token.NewFileSet()
	tree, err := parser.ParseFile(positions, file, source, 0)
	if err != nil {
		log.Fatal(err)
	}
	return source, tree, positions
}

func splice(source []byte, from, to int, text string) []byte {
	return slices.Concat(source[:from], []byte(text), source[to:])
}

// inputOf returns In of check.Rule[In] or []check.Rule[In], "" for any other
// type.
func inputOf(typ ast.Expr) string {
	if list, ok := typ.(*ast.ArrayType); ok {
		typ = list.Elt
	}
	index, ok := typ.(*ast.IndexExpr)
	if !ok {
		return ""
	}
	selector, ok := index.X.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Rule" {
		return ""
	}
	return types.ExprString(index.Index)
}

// members returns the text of a rule's ID and the expression of its Eval.
func members(source []byte, literal *ast.CompositeLit, positions *token.FileSet) (id string, eval ast.Expr) {
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch key, _ := pair.Key.(*ast.Ident); {
		case key == nil:
		case key.Name == "ID":
			text := source[positions.Position(pair.Value.Pos()).Offset:positions.Position(pair.Value.End()).Offset]
			id = strings.Trim(string(text), `"`)
		case key.Name == "Eval":
			eval = pair.Value
		}
	}
	return id, eval
}

// limits are the mutants of the table of limits.
func limits(root string) []mutant {
	file := filepath.Join(root, "internal", "limit", "limit.go")
	source, tree, positions := parse(file)
	var list []mutant
	for _, d := range tree.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			value := s.(*ast.ValueSpec)
			from, to := positions.Position(value.Values[0].Pos()).Offset,
				positions.Position(value.Values[0].End()).Offset
			by := " * 20"
			if strings.HasSuffix(value.Names[0].Name, "Least") {
				by = " / 20"
			}
			list = append(list,
				mutant{
					"limit." + value.Names[0].Name, file,
					splice(source, from, to, "("+string(source[from:to])+")"+by), false,
				})
		}
	}
	return list
}

// A suite is a way to run tests.
type suite struct {
	name, folder string
	args         []string
}

// everything are the packages of the program.
var everything = []string{"./oidc", "./internal/..."}

// packages are those whose tests some mutants are tried with.
func packages(mutants []mutant) []string {
	if slices.ContainsFunc(mutants, func(m mutant) bool { return !m.rule }) {
		return everything
	}
	return everything[:1]
}

// suites are those that a mutant has to be killed by, each of them.
func suites(m mutant) []suite {
	if !m.rule {
		return []suite{{"tests of the packages", ".", everything}}
	}
	list := []suite{{"tests of the package", ".", []string{"./oidc"}}}
	for _, kind := range kinds(m.name) {
		if names := faults(kind); names != nil {
			run := "^(TestFaultsRefreshToken|TestFaultsCommands|TestFaultsWaiting|TestFaultsLogin|TestFaultsLogout|" +
				"TestFaultsJWT)$/^(" + strings.Join(names, "|") + ")$"
			list = append(list, suite{"faults through the program (" + kind + ")", "test", []string{"-run", run, "."}})
		}
	}
	return list
}

// kinds are the ids that the source of an ID stands for: a table that is made for
// several kinds of tokens has one of each.
func kinds(id string) []string {
	suffix, shared := strings.CutPrefix(id, `kind + "`)
	if !shared {
		return []string{id}
	}
	var ids []string
	for _, kind := range []string{"access_token", "refresh_token", "jarm", "introspection", "logout_token", "jwt"} {
		ids = append(ids, kind+suffix)
	}
	return ids
}

// faults are those that break a rule, at most six.
func faults(id string) []string {
	var names []string
	for _, f := range fault.Faults() {
		if slices.Contains(f.Breaks, id) && len(names) < 6 {
			names = append(names, f.Name)
		}
	}
	return names
}

// try runs a suite on a mutant. A suite that the end of the run cuts off tells nothing.
func try(root string, m mutant, s suite, end time.Time) verdict {
	folder, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	overlay, err := m.overlay(folder)
	if err != nil {
		log.Print(err)
		return broken
	}
	inside := filepath.Join(root, s.folder)
	if time.Until(end) <= 0 {
		return unfinished
	}
	if out, err := goCommand(inside, "vet", "-overlay", overlay, "./..."); err != nil &&
		strings.Contains(out, "changed.go") {
		log.Print(out)
		return broken
	}
	left := time.Until(end)
	if left <= 0 {
		return unfinished
	}
	timeout := fmt.Sprintf("-timeout=%s", min(left, 5*time.Minute))
	_, err = goCommand(inside,
		append([]string{"test", "-count=1", "-failfast", timeout, "-overlay", overlay}, s.args...)...)
	switch {
	case err == nil:
		return survived
	case time.Now().After(end):
		return unfinished
	}
	return killed
}

// overlay writes the file that makes the go command read the mutant in the
// place of its source.
func (m mutant) overlay(folder string) (string, error) {
	changed, overlay := filepath.Join(folder, "changed.go"), filepath.Join(folder, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file: changed}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(changed, m.source, 0o600); err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, data, 0o600)
}

func goCommand(folder string, args ...string) (string, error) {
	//nolint:gosec // the arguments are this program's own
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	return string(out), err
}
