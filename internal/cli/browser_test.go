package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/run"
)

// That the browser failed is told as long as it is waited for, and the end waits for
// no browser.
func TestBrowserThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ended chan error // nil is not known
		err   error
		want  string
	}{
		"failed": {
			make(chan error, 1), errors.New("exit status 1"),
			"[WARN]  oidc-client: the browser may not have opened: x: exit status 1; open the address above by hand\n",
		},
		"went well":    {make(chan error, 1), nil, ""},
		"is not known": {nil, nil, ""},
	} {
		var stderr bytes.Buffer
		env := quiet()
		env.Start = func([]string) (<-chan error, error) { return c.ended, nil }
		env.Stderr = &stderr
		r := run.New(env, run.Options{}, "client")
		ctx, cancel := context.WithCancel(t.Context())
		openBrowser(ctx, r, &browserOptions{command: "x %s"}, "http://127.0.0.1:5556/login")
		if c.ended == nil {
			cancel()
		} else {
			c.ended <- c.err
		}
		r.Finish(ctx, nil) // waits for what runs beside the command
		cancel()
		if got := stderr.String(); got != c.want || strings.Contains(got, "5556") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The path of a browser may have spaces, as most have on Windows. Other spaces separate arguments, and
// quotation marks keep them together; no shell sees any of it.
func TestBrowserCommands(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "Program Files browser.exe")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(parts ...string) string { return strings.Join(parts, string(os.PathListSeparator)) }
	for _, c := range []struct {
		flag, env string
		want      [][]string
	}{
		{file, "", [][]string{{file}}},
		{"firefox --private-window %s", "", [][]string{{"firefox", "--private-window", "%s"}}},
		{"", list("one", `"two words" -x 'a;b $(c)'`), [][]string{{"one"}, {"two words", "-x", "a;b $(c)"}}},
		{"", list("", file, ""), [][]string{{file}}},
		{"", `x --profile="` + list("a", "b") + `"`, [][]string{{"x", "--profile=" + list("a", "b")}}},
		{`x --profile=` + list("a", "b"), "other", [][]string{{"x", "--profile=" + list("a", "b")}}},
		{`x "" 'it"s'`, "", [][]string{{"x", "", `it"s`}}},
		{`x "a`, "", nil},
		{"", `x 'a`, nil},
	} {
		env := quiet()
		env.Getenv = func(name string) string { return map[string]string{"BROWSER": c.env}[name] }
		got, err := browsers(run.New(env, run.Options{}, "client"), c.flag)
		if (err == nil) != (c.want != nil) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("--browser %q, BROWSER=%q: %q, %v", c.flag, c.env, got, err)
		}
	}
}

// The next browser of a list is tried where there is none of the name before, and the URL is where
// the command has %s.
func TestBrowserOfAList(t *testing.T) {
	t.Parallel()
	env := quiet()
	env.Getenv = func(name string) string {
		return map[string]string{"BROWSER": strings.Join([]string{"missing", "there --url=%s -x", "late"},
			string(os.PathListSeparator))}[name]
	}
	var started [][]string
	env.Start = func(argv []string) (<-chan error, error) {
		started = append(started, argv)
		if argv[0] == "missing" {
			return nil, errors.New("not found")
		}
		return nil, nil
	}
	r := run.New(env, run.Options{}, "client")
	ctx, cancel := context.WithCancel(t.Context())
	if err := openWith(ctx, r, "", "http://127.0.0.1:5556/login"); err != nil {
		t.Error(err)
	}
	cancel()
	r.Finish(ctx, nil)
	want := [][]string{{"missing", "http://127.0.0.1:5556/login"}, {"there", "--url=http://127.0.0.1:5556/login", "-x"}}
	if !reflect.DeepEqual(started, want) {
		t.Errorf("%q", started)
	}
}

// Where nobody can log in, or out, the command ends at once and says what to do. It waits if somebody
// may: for a browser that is sent to the address, for a terminal, or for standard input.
func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, stdin string
		person      bool
		code        string
		wants       []string
	}{
		{"client --port 0 " + asClient, "", false, "exit code 6\n", []string{
			"nobody can log in here: there is no display to open a browser on, no terminal, and no address on standard",
			"`oidc-client device` logs in on another device", "--no-browser waits all the same",
		}},
		{"client --port 0 --response-mode form_post " + asClient, "pasted\n", false, "exit code 6\n", nil},
		{
			"client --port 0 --no-browser --timeout 300ms " + asClient, "", false, "exit code 6\n",
			[]string{"the --timeout of 300ms ran out"},
		},
		{
			"client --port 0 --timeout 300ms " + asClient, "", true, "exit code 6\n",
			[]string{"the --timeout of 300ms ran out", "ssh -L ", "`oidc-client device` needs neither"},
		},
		{
			"end-session --port 0 --issuer $OP --client-id cli", "", false, "exit code 6\n",
			[]string{"nobody can log out here"},
		},
		{
			"end-session --port 0 --no-redirect --issuer $OP --client-id cli", "", false, "exit code 6\n",
			[]string{"nobody can log out here"},
		},
	} {
		s := newStage(t, false, time.Now())
		delete(s.env, "BROWSER")
		s.env["SSH_CONNECTION"] = "192.0.2.1 50000 192.0.2.2 22"
		s.person = c.person
		got := s.run(c.line, c.stdin)
		for _, want := range append(c.wants, c.code) {
			if !strings.Contains(got, want) {
				t.Errorf("%s: want %q\n%s", c.line, want, got)
			}
		}
		s.Close()
	}
}
