package connect

import (
	"path/filepath"
	"testing"
)

// A session keeps the paths of files so that it can be used from any folder, wherever they came from.
func TestPortablePaths(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "dpop.json")
	s := Sources{
		Flags: map[string][]string{"ca-cert": {"ca.pem"}, "client-id": {"app"}},
		Env: map[string]string{
			"OIDC_PRIVATE_KEY": "key.pem", "OIDC_CLIENT_ASSERTION_FILE": "token", "OIDC_DPOP_KEY": elsewhere,
			"OIDC_CLIENT_ID": "app", "SECRET": "key.pem",
		},
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	portable := s.Portable()
	for what, paths := range map[string][2]string{
		"a file of a flag":                {portable.Flags["ca-cert"][0], filepath.Join(here, "ca.pem")},
		"a file of a variable":            {portable.Env["OIDC_PRIVATE_KEY"], filepath.Join(here, "key.pem")},
		"a file of a variable of a group": {portable.Env["OIDC_CLIENT_ASSERTION_FILE"], filepath.Join(here, "token")},
		"an absolute path":                {portable.Env["OIDC_DPOP_KEY"], elsewhere},
		"a flag that names no file":       {portable.Flags["client-id"][0], "app"},
		"a variable that names no file":   {portable.Env["OIDC_CLIENT_ID"], "app"},
		"a variable of the file's":        {portable.Env["SECRET"], "key.pem"},
		"what it was made of":             {s.Env["OIDC_PRIVATE_KEY"], "key.pem"},
	} {
		if paths[0] != paths[1] {
			t.Errorf("%s: %q, not %q", what, paths[0], paths[1])
		}
	}
}
