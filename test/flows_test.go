package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Every example of docs/flows.md and docs/sessions.md does what it is there for: it is run, in
// order, in one folder, and has to end with 0.
func TestFlowsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	runExamples(t, "flows", 40, nil)
}

func TestSessionsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"git", "curl"} {
		_, err := exec.LookPath(tool)
		needed(t, tool, err)
	}
	oidcClient := program(t) // itself: a test binary does not know its other names
	runExamples(t, "sessions", 25, func(env *testscript.Env) {
		run := filepath.Join(env.WorkDir, "run")
		check(t, os.Mkdir(run, 0o700))
		env.Setenv("XDG_RUNTIME_DIR", run)
		env.Setenv("OIDC_KEYRING", "off")
		env.Setenv("PATH", filepath.Dir(oidcClient)+string(os.PathListSeparator)+env.Getenv("PATH"))
	})
}

func runExamples(t *testing.T, page string, least int, setup func(*testscript.Env)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", page+".md"))
	check(t, err)
	script, n := examples(string(text))
	if n < least {
		t.Fatalf("only %d examples", n)
	}
	file := filepath.Join(t.TempDir(), page+".txtar")
	check(t, os.WriteFile(file, []byte(script), 0o600))
	testscript.Run(t, testscript.Params{
		Files: []string{file}, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("BROWSER", "browse")
			if setup != nil {
				setup(env)
			}
			return nil
		},
	})
}

// examples makes a script of the lines of console blocks that begin with "$ ".
// What a line leaves running is ended with the script.
func examples(page string) (script string, n int) {
	var b strings.Builder
	console := false
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case strings.HasPrefix(line, "```"):
			console = line == "```console"
		case console && isCommand && strings.HasSuffix(command, " &"):
			program, _, _ := strings.Cut(command, " > ") // itself, and no shell that would outlive the script
			fmt.Fprintf(&b, "exec %s &\n", program)
			n++
		case console && isCommand:
			fmt.Fprintf(&b, "exec sh -c '%s'\n", quoted(command))
			n++
		}
	}
	return b.String(), n
}

// quoted is a command in the quotes of a script, where two stand for one. $ is the
// shell's.
func quoted(command string) string {
	return strings.ReplaceAll(command, "'", "''")
}
