package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

// The path of a browser may have spaces, as most have on Windows. Other spaces separate arguments.
func TestBrowserWhosePathHasSpaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "Program Files browser.exe")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := run.New(quiet(), run.Options{}, "client")
	for command, want := range map[string][]string{
		file:                          {file},
		"firefox --private-window %s": {"firefox", "--private-window"},
	} {
		if got := browsers(r, command); len(got) != 1 || !slices.Equal(got[0], want) {
			t.Errorf("%q: %q", command, got)
		}
	}
}
