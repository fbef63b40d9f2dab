package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/run"
)

// The names in the table are those of the commands that it builds.
func TestTableNamesCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(quiet(), run.Options{})
	for _, entry := range p.commands() {
		if cmd := entry.build(p); cmd.Name() != entry.name || !slices.Equal(cmd.Aliases, entry.aliases) {
			t.Errorf("%s %v builds %s %v", entry.name, entry.aliases, cmd.Name(), cmd.Aliases)
		}
	}
}

// A command line that runs one command builds that one. Whatever lists commands, or suggests one,
// has all of them.
func TestOneCommandIsBuilt(t *testing.T) {
	t.Parallel()
	p := newProgram(quiet(), run.Options{})
	for line, want := range map[string]string{
		"version":                        "version",
		"login":                          "client",
		"-d version":                     "version",
		"--format json version":          "version",
		"--output-dir demo version":      "version",
		"helper kubernetes work":         "helper",
		"token help":                     "token",
		"token --help":                   "token",
		"rules":                          "rules",
		"":                               "all",
		"--help":                         "all",
		"help":                           "all",
		"help version":                   "all",
		"versio":                         "all",
		"completion bash":                "all",
		"__complete version":             "all",
		"__completeNoDesc version --fo":  "all",
		"documentation":                  "all",
		"--output-dir version":           "all",
		"-- version":                     "all",
		"nonsense version":               "all",
		"--format json --nonsense=x -d ": "all",
	} {
		built := p.root(strings.Fields(line)).Commands()
		one := len(built) == 1 && built[0].Name() == want
		all := len(built) == len(p.commands())+1 // and completion
		if want == "all" && !all || want != "all" && !one {
			t.Errorf("%q: %d commands, want %s", line, len(built), want)
		}
	}
}
