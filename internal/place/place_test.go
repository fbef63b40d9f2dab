package place

import (
	"path/filepath"
	"runtime"
	"testing"
)

// Git, and the shell that comes with it, set HOME on Windows; a prompt of the system does not. Both
// have to find the same sessions.
func TestSessionsAreWhereTheSystemSays(t *testing.T) {
	t.Parallel()
	root := "/"
	if runtime.GOOS == "windows" {
		root = `C:\`
	}
	abs := func(parts ...string) string { return root + filepath.Join(parts...) }
	env := map[string]string{"HOME": abs("home"), "LocalAppData": abs("local"), "XDG_STATE_HOME": "relative"}
	want := abs("home", ".local", "state", "oidc-client", "sessions")
	if runtime.GOOS == "windows" {
		want = abs("local", "oidc-client", "sessions")
	}
	getenv := func(name string) string { return env[name] }
	if got := Sessions(getenv); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	env["XDG_STATE_HOME"] = abs("state")
	if got := Sessions(getenv); got != abs("state", "oidc-client", "sessions") {
		t.Errorf("%s with XDG_STATE_HOME", got)
	}
	if got := Base(getenv, "XDG_NONE", ".none", "None"); got != abs("home", ".none") {
		t.Errorf("%s if only HOME is set", got)
	}
	clear(env)
	if got := Sessions(getenv) + Agent(getenv); got != "" {
		t.Errorf("%s if nothing is set", got)
	}
}
