//go:build unix

package place

import (
	"os"
	"testing"
)

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
		{
			map[string]string{"HOME": "/h"},
			"/h/.local/state/oidc-client/sessions",
			"/h/.local/state/oidc-client/sessions/agent/agent.sock",
		},
		{
			map[string]string{"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r"},
			"/s/oidc-client/sessions",
			"/r/oidc-client/agent.sock",
		},
		// relative paths do not count
		{map[string]string{"HOME": "h", "XDG_STATE_HOME": "s", "XDG_RUNTIME_DIR": "r"}, "", ""},
		{map[string]string{"OIDC_SESSIONS": "o"}, here + "/o", here + "/o/agent/agent.sock"},
		{map[string]string{"OIDC_SESSIONS": "/o", "OIDC_AGENT_SOCK": "/a", "HOME": "/h"}, "/o", "/a"},
	} {
		getenv := func(name string) string { return row.env[name] }
		if got := Sessions(getenv); got != row.folder {
			t.Errorf("%v: folder %q", row.env, got)
		}
		if got := Agent(getenv); got != row.socket {
			t.Errorf("%v: socket %q", row.env, got)
		}
	}
}

// The id of a folder does not depend on how its path is written.
func TestFolderID(t *testing.T) {
	t.Parallel()
	for _, same := range []string{"/a/b/", "//a//b", "/a/./b", "/a/c/../b", "/x/../a/b"} {
		if FolderID(same) != FolderID("/a/b") {
			t.Errorf("%s is not /a/b", same)
		}
	}
	for _, other := range []string{"", "/", "/a", "/ab", "/a/b/c", "/b/a", "/a/b/.."} {
		if FolderID(other) == FolderID("/a/b") {
			t.Errorf("%s is /a/b", other)
		}
	}
}
