package test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const module = "github.com/oidc-client/oidc-client"

// printed runs a command in a folder and returns what it prints.
func printed(t *testing.T, folder string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// floors are the packages of this module that each package may import. docs/design.md draws them.
var floors = map[string]string{
	"check":               "",
	"internal/call":       "",
	"internal/failure":    "",
	"internal/limit":      "",
	"internal/place":      "",
	"internal/reason":     "",
	"internal/redact":     "",
	"internal/wire":       "",
	"internal/durable":    "",
	"internal/httpclient": "limit",
	"internal/roundtrip":  "limit",
	"internal/strictjson": "limit reason",
	"internal/jose":       "limit reason strictjson",
	"internal/keyfile":    "jose limit",
	"internal/loopback":   "failure limit",
	"internal/cache":      "durable limit wire",
	"internal/config":     "failure limit strictjson wire",
	"internal/transcript": "check failure limit redact roundtrip strictjson",
	"oidc":                "check call jose limit reason redact roundtrip strictjson wire",
	"internal/session":    "durable failure limit",
	"internal/keyring":    "durable limit session",
	"internal/flow":       "oidc limit loopback",
	"internal/renewal":    "oidc failure limit session wire",
	"internal/agent":      "oidc durable failure limit place renewal session",
	"internal/report":     "check failure strictjson transcript",
	"internal/run":        "check oidc call config durable failure limit report strictjson transcript wire",

	"internal/connect": "check oidc cache call config durable failure httpclient keyfile limit place roundtrip run " +
		"session strictjson transcript wire",
	"internal/keep": "oidc connect durable failure limit renewal run session strictjson transcript wire",

	"internal/session/storetest": "session",

	"internal/execcredential": "",
	"cmd/oidc-token":          "execcredential place session",

	"internal/cli": "check oidc agent connect keep cache call config durable execcredential failure flow " +
		"httpclient keyfile keyring limit loopback " +
		"place provider provider/fault renewal roundtrip run session strictjson transcript wire",
	"": "cli run",

	// Beside the house: a provider built from the code under test would prove nothing.
	"internal/fakeop":         "",
	"internal/provider":       "",
	"internal/provider/fault": "provider",
	"optest":                  "provider provider/fault",
}

// outside are the packages that may import what others wrote, other than the main program's libraries.
var outside = map[string]string{
	"github.com/go-jose/go-jose/v4": "internal/jose internal/provider internal/provider/fault internal/fakeop",
	"github.com/gofrs/flock":        "internal/durable",
	"github.com/luikyv/go-oidc":     "internal/provider",
	"github.com/zalando/go-keyring": "internal/keyring",
	"go.yaml.in/yaml/v3":            "internal/config internal/provider",
	"golang.org/x/sys":              "internal/agent internal/renewal internal/run",
	"golang.org/x/term":             "internal/run",
	"github.com/Microsoft/go-winio": "internal/agent",
	"github.com/itchyny/gojq":       "internal/run",
	"github.com/spf13/cobra":        "internal/cli",
	"github.com/spf13/pflag":        "internal/cli",
	"rsc.io/qr":                     "internal/cli",

	"software.sslmate.com/src/go-pkcs12": "internal/keyfile",
}

// Imports go down only, and each library has its place.
func TestImportOrder(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(printed(t, "..", "go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}",
		"./...")) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		if name == "bench" {
			continue
		}
		floor, known := floors[name]
		if !known {
			t.Errorf("%s has no floor: add it to the table, and to docs/design.md", name)
		}
		for _, path := range fields[1:] {
			if below, own := strings.CutPrefix(path, module+"/"); own {
				if !slices.Contains(strings.Fields(floor), strings.TrimPrefix(below, "internal/")) {
					t.Errorf("%s imports %s, which is not below it", name, below)
				}
			} else if strings.Contains(path, ".") && !mayImport(name, path) {
				t.Errorf("%s imports %s, which has its place elsewhere", name, path)
			}
		}
	}
}

// mayImport reports whether a package may import a package that others wrote.
func mayImport(name, path string) bool {
	for library, users := range outside {
		if path == library || strings.HasPrefix(path, library+"/") {
			return slices.Contains(strings.Fields(users), name)
		}
	}
	return false
}

// bigTypes may be bigger than other types: they are plain values.
var bigTypes = map[string]string{
	"internal/cli.providerOptions":  "the flags of a command",
	"internal/config.Config":        "the configuration",
	"internal/fakeop.OP":            "what a test spoils",
	"internal/provider.Client":      "a registration",
	"internal/provider.Options":     "the options of the provider",
	"internal/provider/fault.Fault": "a row of the catalogue",
	"internal/run.Env":              "what a run gets from its process",
	"internal/session.Session":      "what a file keeps",
	"internal/transcript.Exchange":  "what is recorded of a request and its response",
}

// A type that knows everything is written to by everybody. One with methods has at most a dozen fields,
// and none has more than 40 methods.
func TestTypesAreSmall(t *testing.T) {
	t.Parallel()
	const maxFields, maxMethods = 12, 40
	fields, methods := map[string]int{}, map[string]map[string]bool{}
	check(t, filepath.WalkDir("../internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		for _, decl := range file.Decls {
			countFields(folder, decl, fields)
			if receiver, name := methodOf(decl); receiver != "" {
				key := folder + "." + receiver
				if methods[key] == nil {
					methods[key] = map[string]bool{}
				}
				methods[key][name] = true // the same for each platform counts once
			}
		}
		return nil
	}))
	for name, of := range methods {
		big := len(of) > maxMethods || fields[name] > maxFields
		if _, known := bigTypes[name]; big && !known {
			t.Errorf("%s has %d methods and %d fields: cut it into values", name, len(of), fields[name])
		} else if !big && known {
			t.Errorf("%s has become small: remove it from bigTypes", name)
		}
	}
	for name := range bigTypes {
		if methods[name] == nil {
			t.Errorf("there is no type %s with methods: remove it from bigTypes", name)
		}
	}
}

// countFields counts the fields of the structs that a declaration declares.
func countFields(folder string, decl ast.Decl, fields map[string]int) {
	types, ok := decl.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range types.Specs {
		declared, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		if structure, ok := declared.Type.(*ast.StructType); ok {
			fields[folder+"."+declared.Name.Name] = structure.Fields.NumFields()
		}
	}
}

// methodOf returns the type and the name of a method, or "".
func methodOf(decl ast.Decl) (receiver, name string) {
	function, ok := decl.(*ast.FuncDecl)
	if !ok || function.Recv == nil {
		return "", ""
	}
	of := function.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	switch generic := of.(type) {
	case *ast.IndexExpr:
		of = generic.X
	case *ast.IndexListExpr:
		of = generic.X
	}
	if named, ok := of.(*ast.Ident); ok {
		return named.Name, function.Name.Name
	}
	return "", ""
}

// The library costs its users go-jose and nothing else.
func TestLibraryIsLight(t *testing.T) {
	t.Parallel()
	for path := range strings.FieldsSeq(printed(t, "..", "go", "list", "-deps", "-f",
		"{{if not .Standard}}{{.ImportPath}}{{end}}", "./oidc")) {
		if !strings.HasPrefix(path, module) && !strings.HasPrefix(path, "github.com/go-jose/go-jose/v4") {
			t.Errorf("package oidc brings in %s", path)
		}
	}
}

// What is slow to start, or was chosen against, is not linked.
func TestNotLinked(t *testing.T) {
	t.Parallel()
	deps := strings.Fields(printed(t, "..", "go", "list", "-deps", "."))
	for _, unwanted := range []string{
		"github.com/spf13/cobra/doc", "github.com/spf13/viper", "github.com/go-playground/validator",
		"github.com/asaskevich/govalidator",
		"github.com/prometheus/client_golang", "google.golang.org/grpc", "go.opentelemetry.io", "k8s.io/",
		"github.com/santhosh-tekuri/jsonschema",
		"gopkg.in/yaml.v3", "testing", "net/http/httptest",
	} {
		for _, d := range deps {
			if d == unwanted || strings.HasPrefix(d, unwanted+"/") {
				t.Errorf("%s is linked", d)
			}
		}
	}
}

// oidc-token starts fast because it links little.
func TestOIDCTokenLinksLittle(t *testing.T) {
	t.Parallel()
	for path := range strings.FieldsSeq(printed(t, "..", "go", "list", "-deps", "./cmd/oidc-token")) {
		if slices.Contains([]string{
			"net", "net/url", "crypto/tls", "crypto/x509", "regexp", "os/signal",
			"github.com/spf13/pflag",
		}, path) {
			t.Errorf("oidc-token needs %s", path)
		}
	}
}

// Start-up is lost in package init.
func TestInitIsShort(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "oidc-client")
	printed(t, "..", "go", "build", "-o", binary, ".")
	const limit = 1.5 // a quiet machine takes 0.7
	best := 1e9
	var worst string
	for range 30 { // the machine may be busy: the least counts
		cmd := exec.CommandContext(t.Context(), binary, "version")
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		total, slowest := 0.0, 0.0
		name := ""
		for _, m := range regexp.MustCompile(`init (\S+) @\S+ ms, (\S+) ms clock`).FindAllStringSubmatch(string(out),
			-1) {
			ms, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			total += ms
			if ms > slowest {
				slowest, name = ms, m[1]
			}
		}
		if total < best {
			best, worst = total, name
		}
	}
	t.Logf("%.2f ms of init, most of it in %s", best, worst)
	if best > limit {
		t.Errorf("%.2f ms of init, most of it in %s", best, worst)
	}
}

// The same source gives the same binary, wherever it lies.
func TestReproducibleBuild(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		needed(t, "make", err)
	}
	var sums [2][]string
	for i := range sums {
		folder := filepath.Join(t.TempDir(), strings.Repeat("x", i+1))
		check(t, os.CopyFS(folder, os.DirFS("..")))
		check(t, os.RemoveAll(filepath.Join(folder, ".git")))
		printed(t, folder, "make", "-s", "build", "VERSION=v1.2.3", "COMMIT=abc", "DATE=2026-01-02T03:04:05Z")
		sums[i] = strings.Fields(printed(t, folder, "sha256sum", "bin/oidc-client", "bin/oidc-token"))
		for _, command := range []string{"oidc-client version --short", "oidc-token --version"} {
			words := strings.Fields(command)
			if out := printed(t, folder, "bin/"+words[0], words[1:]...); out != "v1.2.3-(abc)\n" {
				t.Errorf("%s: %q", command, out)
			}
		}
	}
	if !slices.Equal(sums[0], sums[1]) {
		t.Errorf("two builds differ: %q", sums)
	}
}

// A build that nothing is stamped into, as by go install, says which source it is of.
func TestVersionOfAPlainBuild(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	needed(t, "git", err)
	folder := t.TempDir()
	for _, part := range []string{"check", "cmd", "internal", "oidc"} {
		check(t, os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join("..", part))))
	}
	for _, file := range []string{"go.mod", "go.sum", "main.go"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(folder, file), text, 0o600))
	}
	printed(t, folder, git, "init", "-q")
	printed(t, folder, git, "add", ".")
	printed(t, folder, git, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "all")
	commit := strings.TrimSpace(printed(t, folder, git, "rev-parse", "HEAD"))
	programs := t.TempDir()
	printed(t, folder, "go", "build", "-buildvcs=true", "-o", programs, ".", "./cmd/oidc-token")
	short := printed(t, programs, "./oidc-client", "version", "--short")
	version, rest, _ := strings.Cut(strings.TrimSpace(short), "-(")
	if !strings.HasPrefix(version, "v0.0.0-") || rest != commit+")" {
		t.Errorf("version --short: %q", short)
	}
	if out := printed(t, programs, "./oidc-client", "--version"); out != "oidc-client version "+version+"\n" {
		t.Errorf("--version: %q, not %s", out, version)
	}
	if out := printed(t, programs, "./oidc-token", "--version"); out != short {
		t.Errorf("oidc-token --version: %q, not %q", out, short)
	}
}

// The reference in docs/ is what the program prints.
func TestDocsUpToDate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if code, _, stderr := runProgram([]string{"documentation", "--dir", folder}, ""); code != 0 {
		t.Fatal(stderr)
	}
	fresh, err := os.ReadDir(folder)
	check(t, err)
	for _, f := range fresh {
		want, err := os.ReadFile(filepath.Join(folder, f.Name()))
		check(t, err)
		got, err := os.ReadFile(filepath.Join("..", "docs", f.Name()))
		if err != nil || string(got) != string(want) {
			t.Errorf("docs/%s is not up to date: run make docs", f.Name())
		}
	}
}

func compile(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	check(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	check(t, c.AddResource("schema.json", doc))
	schema, err := c.Compile("schema.json")
	check(t, err)
	return schema
}

// The schema of the configuration accepts what the program accepts and refuses
// what it refuses.
func TestConfigSchema(t *testing.T) {
	t.Parallel()
	schema := compile(t, "../docs/config.schema.json")
	_, starter, _ := runProgram([]string{"config", "init", "-"}, "")
	for text, want := range map[string]bool{
		starter: true,
		"issuer: https://op.example\nclient_id: a\namr_list: [x]\nclock_tolerance: 1m30s\nmax_age: 3\n": true,
		"jwt_profile_token_audiance: a\nhttp_client_config: {timeout_duration: 3s}\n":                   true,
		"authorize_additional_parameters: {a: 1, b: x}\n":                                               true,
		"amr_lits: [x]\n":                     false,
		"amr_list: x\n":                       false,
		"auth_method: magic\n":                false,
		"token_signing_alg: [none]\n":         false,
		"max_age: -1\n":                       false,
		"http_client_config: {timeout: 3s}\n": false,
		"clock_tolerance: soon\n":             false,
	} {
		var value any
		check(t, yaml.Unmarshal([]byte(text), &value))
		if err := schema.Validate(value); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Every document that the scripts of this test print fits the schema that is
// shipped.
func TestOutputSchema(t *testing.T) {
	t.Parallel()
	schema := compile(t, "../docs/output.schema.json")
	for _, args := range [][]string{
		{"demo"},
		{"demo", "--explain"},
		{"version"},
		{"nonsense"},
		{"refresh-token", "--nonsense"},
		{"refresh-token"},
		{"refresh-token", "--refresh-token", "x"},
		{"refresh-token", "--refresh-token", "x", "--issuer", "http://127.0.0.1:1", "--client-id", "a"},
		{"help", "rules"},
		{"help", "exit-codes"},
		{"help", "reasons"},
		{"help", "limits"},
		{"provider", "faults"},
		{"provider", "-p", "0", "--fault", "id-token-iss-wrong", "--once", "--timeout", "10ms"},
		{"jwt", "decode"},
		{"refresh-token", "extra"},
		{"config", "schema"},
		{"config", "init", "-"},
		{"provider", "-p", "0", "--timeout", "10ms"},
		{"jwt", "decode", "eyJhbGciOiJub25lIn0.e30."},
		{"discover", "http://127.0.0.1:1"},
		{"discover", "not a URL"},
	} {
		_, stdout, stderr := runProgram(append(args, "--format", "json"), "")
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
		if err != nil {
			t.Errorf("%v: not one JSON document: %v\n%s\n%s", args, err, stdout, stderr)
			continue
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v: %v\n%s", args, err, stdout)
		}
		if !json.Valid([]byte(stdout)) {
			t.Errorf("%v: something stands beside the document", args)
		}
	}
}

// A tag of an action can be moved to other code by whoever controls it; and a step of a
// workflow needs no credentials of the repository.
func TestWorkflowsArePinned(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../.github/workflows/*")
	check(t, err)
	if len(files) == 0 {
		t.Error("there are no workflows")
	}
	pinned := regexp.MustCompile(`^[^@]+@[0-9a-f]{40} # v[0-9.]+$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			_, action, found := strings.Cut(line, "uses: ")
			switch {
			case !found:
			case !pinned.MatchString(action):
				t.Errorf("%s: %s is not pinned to a commit", file, action)
			case strings.HasPrefix(action, "actions/checkout@") &&
				!strings.Contains(lines[i+1], "persist-credentials: false"):
				t.Errorf("%s: line %d keeps credentials", file, i+1)
			}
		}
	}
}
