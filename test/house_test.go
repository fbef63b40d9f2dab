package test

import (
	"encoding/json"
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

// run runs a command in a folder and returns what it prints.
func run(t *testing.T, folder string, name string, args ...string) string {
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

// floors are the packages that each package may import, of the module's own.
var floors = map[string][]string{
	"":                    {"internal/cli"},
	"check":               {},
	"internal/limit":      {},
	"internal/reason":     {},
	"internal/strictjson": {"internal/limit", "internal/reason"},
	"internal/durable":    {},
	"internal/httpclient": {"internal/limit"},
	"internal/redact":     {},
	"internal/roundtrip":  {"internal/limit"},
	"internal/config":     {"internal/limit", "internal/strictjson", "internal/wire"},
	"internal/provider":   {},

	"internal/provider/fault": {"internal/provider"},
	"optest":                  {"internal/provider", "internal/provider/fault"},

	"internal/fakeop":   {},
	"internal/jose":     {"internal/limit", "internal/reason", "internal/strictjson"},
	"oidc":              {"check", "internal/call", "internal/jose", "internal/limit", "internal/reason", "internal/redact", "internal/roundtrip", "internal/strictjson", "internal/wire"},
	"internal/wire":     {},
	"internal/call":     {},
	"internal/loopback": {"internal/limit"},
	"internal/flow":     {"oidc", "internal/limit", "internal/loopback"},
	"internal/session":  {"internal/durable", "internal/limit"},
	"internal/cache":    {"internal/durable", "internal/limit", "internal/wire"},
	"internal/keyring":  {"internal/durable", "internal/limit", "internal/session"},
	"internal/renewal":  {"oidc", "internal/limit", "internal/session", "internal/wire"},
	"internal/agent":    {"oidc", "internal/atonce", "internal/durable", "internal/limit", "internal/renewal", "internal/session"},
	"internal/atonce":   {},

	"internal/atonce/stored": {"internal/atonce", "internal/session"},
	"internal/transcript":    {"check", "internal/redact", "internal/roundtrip", "internal/strictjson"},
	"internal/cli": {
		"check", "oidc", "internal/agent", "internal/call", "internal/atonce", "internal/atonce/stored", "internal/cache", "internal/config", "internal/keyring", "internal/renewal", "internal/session", "internal/durable", "internal/flow", "internal/httpclient", "internal/limit", "internal/loopback",
		"internal/provider", "internal/provider/fault", "internal/roundtrip", "internal/strictjson", "internal/transcript", "internal/wire",
	},
}

// Imports go down only.
func TestImportOrder(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(run(t, "..", "go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		if name == "bench" {
			continue
		}
		allowed, known := floors[name]
		if !known {
			t.Errorf("%s has no floor: add it to the table, and to docs/design.md", name)
		}
		for _, path := range fields[1:] {
			below, own := strings.CutPrefix(path, module+"/")
			if own && !slices.Contains(allowed, below) {
				t.Errorf("%s imports %s, which is not below it", name, below)
			}
			if strings.HasPrefix(path, "github.com/go-jose/") && !slices.Contains([]string{"internal/jose", "internal/provider", "internal/provider/fault", "internal/fakeop"}, name) {
				t.Errorf("%s imports %s: only internal/jose touches the JOSE library", name, path)
			}
		}
	}
}

// The library costs its users go-jose and nothing else.
func TestLibraryIsLight(t *testing.T) {
	t.Parallel()
	for path := range strings.FieldsSeq(run(t, "..", "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./oidc")) {
		if !strings.HasPrefix(path, module) && !strings.HasPrefix(path, "github.com/go-jose/go-jose/v4") {
			t.Errorf("package oidc brings in %s", path)
		}
	}
}

// What is slow to start, or was chosen against, is not linked.
func TestNotLinked(t *testing.T) {
	t.Parallel()
	deps := strings.Fields(run(t, "..", "go", "list", "-deps", "."))
	for _, unwanted := range []string{
		"github.com/spf13/cobra/doc", "github.com/spf13/viper", "github.com/go-playground/validator", "github.com/asaskevich/govalidator",
		"github.com/prometheus/client_golang", "google.golang.org/grpc", "go.opentelemetry.io", "k8s.io/", "github.com/santhosh-tekuri/jsonschema",
		"gopkg.in/yaml.v3", "testing", "net/http/httptest",
	} {
		for _, d := range deps {
			if d == unwanted || strings.HasPrefix(d, unwanted+"/") {
				t.Errorf("%s is linked", d)
			}
		}
	}
}

// Start-up is lost in package init.
func TestInitIsShort(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "oidc-client")
	run(t, "..", "go", "build", "-o", binary, ".")
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
		for _, m := range regexp.MustCompile(`init (\S+) @\S+ ms, (\S+) ms clock`).FindAllStringSubmatch(string(out), -1) {
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
	var sums [2]string
	for i := range sums {
		folder := filepath.Join(t.TempDir(), strings.Repeat("x", i+1))
		check(t, os.CopyFS(folder, os.DirFS("..")))
		check(t, os.RemoveAll(filepath.Join(folder, ".git")))
		run(t, folder, "make", "-s", "build", "VERSION=v1.2.3", "COMMIT=abc", "DATE=2026-01-02T03:04:05Z")
		sums[i] = strings.Fields(run(t, folder, "sha256sum", "bin/oidc-client"))[0]
		if out := run(t, folder, "bin/oidc-client", "version", "--short"); out != "v1.2.3-(abc)\n" {
			t.Errorf("version: %q", out)
		}
	}
	if sums[0] != sums[1] {
		t.Error("two builds differ")
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
			case strings.HasPrefix(action, "actions/checkout@") && !strings.Contains(lines[i+1], "persist-credentials: false"):
				t.Errorf("%s: line %d keeps credentials", file, i+1)
			}
		}
	}
}
