package atonce

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Question{
		"":                              {},
		"version":                       {},
		"token":                         {},
		"token work":                    {Name: "work"},
		"token work --id-token":         {Name: "work", IDToken: true},
		"token --header work":           {Name: "work", Header: true},
		"token work --format json":      {},
		"token work --format=json":      {},
		"token work -d":                 {},
		"token work other":              {},
		"token --valid-for 10m work":    {},
		"-d token work":                 {},
		"token -- work":                 {},
		"token work --id-token --retry": {},
	} {
		if got := Read(append([]string{"oidc-client"}, strings.Fields(line)...), func(string) string { return "" }); got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
	if got := Read([]string{"/home/me/bin/docker-credential-oidc-work", "token"}, func(string) string { return "env" }); got.Name != "" {
		t.Errorf("as docker's helper: %+v", got)
	}
	if got := Read([]string{"oidc-client", "token"}, func(name string) string { return map[string]string{"OIDC_SESSION": "env"}[name] }); got.Name != "env" {
		t.Errorf("OIDC_SESSION: %+v", got)
	}
}

// What cannot be shown as it is, or has to be proved, is left to the rest of the program.
func TestPrintRefuses(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", "a\tb", "a\n", "a\x1b[31m", "é"} {
		if (Question{}).Print(token, "Bearer") {
			t.Errorf("%q was printed", token)
		}
	}
	if (Question{Header: true}).Print("a", "DPoP") {
		t.Error("a DPoP token was put into a Bearer header")
	}
}

func TestFolderAndSocket(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		env            map[string]string
		folder, socket string
	}{
		{nil, "", ""},
		{map[string]string{"HOME": "/h"}, "/h/.local/state/oidc-client/sessions", "/h/.local/state/oidc-client/sessions/agent/agent.sock"},
		{map[string]string{"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r"}, "/s/oidc-client/sessions", "/r/oidc-client/agent.sock"},
		{map[string]string{"HOME": "h", "XDG_STATE_HOME": "s", "XDG_RUNTIME_DIR": "r"}, "", ""}, // relative ones do not count
		{map[string]string{"OIDC_SESSIONS": "o"}, here + "/o", here + "/o/agent/agent.sock"},
		{map[string]string{"OIDC_SESSIONS": "/o", "OIDC_AGENT_SOCK": "/a", "HOME": "/h"}, "/o", "/a"},
	} {
		getenv := func(name string) string { return row.env[name] }
		if got := Folder(getenv); got != row.folder {
			t.Errorf("%v: folder %q", row.env, got)
		}
		if got := Socket(getenv); got != row.socket {
			t.Errorf("%v: socket %q", row.env, got)
		}
	}
}

// A folder is the same however it is written.
func TestMark(t *testing.T) {
	t.Parallel()
	for _, same := range []string{"/a/b/", "//a//b", "/a/./b", "/a/c/../b", "/x/../a/b"} {
		if Mark(same) != Mark("/a/b") {
			t.Errorf("%s is not /a/b", same)
		}
	}
	for _, other := range []string{"", "/", "/a", "/ab", "/a/b/c", "/b/a", "/a/b/.."} {
		if Mark(other) == Mark("/a/b") {
			t.Errorf("%s is /a/b", other)
		}
	}
}

// The two packages are initialised early because they import little.
func TestImportsLittle(t *testing.T) {
	t.Parallel()
	for of, allowed := range map[string][]string{
		".":        {"bytes", "os", "syscall", "errors"},
		"./stored": {"os", "time", "github.com/oidc-client/oidc-client/internal/atonce", "github.com/oidc-client/oidc-client/internal/session"},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{join .Imports "\n"}}`, of).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range strings.Fields(string(out)) {
			if !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", of, path)
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./stored").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if slices.Contains([]string{"net", "net/http", "net/url", "regexp", "crypto/tls", "github.com/oidc-client/oidc-client/oidc"}, path) {
			t.Errorf("stored needs %s", path)
		}
	}
}
