package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The Go code in the README compiles, and its tests pass.
func TestReadmeCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	check(t, err)
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	if len(snippets) < 2 {
		t.Fatalf("%d pieces of Go code", len(snippets))
	}
	root, err := filepath.Abs("..")
	check(t, err)
	for i, snippet := range snippets {
		code := string(snippet[1])
		if !strings.HasPrefix(code, "func ") { // the body of a function
			code = "func snippet(ctx context.Context, secret, old string) error {\n" + code +
				"\n_ = info; return nil }\n"
		}
		var imports strings.Builder
		for name, path := range map[string]string{
			"context": "context", "testing": "testing", "oidc": module + "/oidc", "optest": module + "/optest",
		} {
			if strings.Contains(code, name+".") {
				fmt.Fprintf(&imports, "import %q\n", path)
			}
		}
		folder := t.TempDir()
		source := filepath.Join(folder, "snippet.go")
		check(t, os.WriteFile(source, []byte("package readme\n"+imports.String()+code), 0o600))
		name := "snippet.go"
		if strings.Contains(code, "testing.") {
			name = "snippet_test.go"
		}
		// A package that is in the module, and not in its folder.
		overlay, err := json.Marshal(map[string]any{
			"Replace": map[string]string{filepath.Join(root, "readme", name): source},
		})
		check(t, err)
		file := filepath.Join(folder, "overlay.json")
		check(t, os.WriteFile(file, overlay, 0o600))
		if name == "snippet.go" {
			printed(t, root, "go", "build", "-overlay", file, "./readme")
			continue
		}
		binary := filepath.Join(folder, "snippet.test")
		printed(t, root, "go", "test", "-c", "-vet=off", "-overlay", file, "-o", binary, "./readme")
		if out := printed(t, folder, binary, "-test.v"); !strings.Contains(out, "--- PASS") {
			t.Errorf("piece %d: %s", i+1, out)
		}
	}
}
