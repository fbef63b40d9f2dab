// Several logins of one command: each is kept by itself.

package test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A turn is one login of `client --keep-running --save work`.
type turn struct {
	user      string
	refreshes bool // a refresh token comes
	broken    bool // the store cannot be written to
}

// Each login starts from nothing: no token of one user is kept for another, and what went wrong in
// one login is not told of the next.
func TestLoginsOfOneCommand(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary) // on Windows
	f := newFailing(t)
	store := &session.Files{Folder: filepath.Join(f.folder, "sessions")}
	away := store.Folder + ".away"
	copies := func() int {
		files, _ := filepath.Glob(filepath.Join(temporary, "oidc-client-session-work-*.json"))
		return len(files)
	}
	visits := func(start string) {
		defer f.interrupt()
		lost := 0
		for n, v := range []turn{
			{"bob", true, false},
			{"alice", false, false},
			{"alice", true, false},
			{"bob", false, false},
			{"bob", true, true},
			{"alice", true, true},
			{"alice", true, false},
			{"bob", true, false},
		} {
			mine := strings.Repeat("x", n) + "-" + v.user
			f.op.Lock()
			f.op.Claims["sub"] = v.user
			f.op.Tokens = map[string]any{"access_token": "access" + mine, "token_type": "Bearer", "expires_in": 300}
			if v.refreshes {
				f.op.Tokens["refresh_token"] = "refresh" + mine
			}
			f.op.Unlock()
			if v.broken {
				check(t, os.Rename(store.Folder, away))
				check(t, os.WriteFile(store.Folder, nil, 0o600)) // nobody can make a file in it
				lost++
			}
			page, err := newHTTPBrowser(v.user, nil).Open(f.ctx, start)
			if v.broken {
				check(t, os.Remove(store.Folder))
				check(t, os.Rename(away, store.Folder))
			}
			name := map[string]string{"bob": "work", "alice": "work-2"}[v.user]
			if err != nil || (page.Status == 200) != (name == "work" && !v.broken) || copies() != lost {
				t.Errorf("%d, %+v: %+v, %v, %d copies", n, v, page, err, copies())
			}
			s, err := store.Load(name)
			if err != nil || s.Grant.Subject != v.user || (s.Tokens.AccessToken == "access"+mine) == v.broken ||
				!v.broken && (s.Secret.RefreshToken == "refresh"+mine) != v.refreshes ||
				s.Secret.RefreshToken != "" && !strings.HasSuffix(s.Secret.RefreshToken, v.user) {
				t.Errorf("%d, %+v: %+v, %+v, %v", n, v, s, s.Secret, err)
			}
		}
		if names, err := store.Names(); err != nil || len(names) != 2 {
			t.Errorf("%v, %v", names, err)
		}
	}
	var errs bytes.Buffer
	env := &run.Env{
		Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &errs, Now: time.Now,
		Terminal: func(io.Writer) bool { return false },
		Getenv: func(name string) string {
			return map[string]string{"BROWSER": "browser", "OIDC_SESSIONS": store.Folder, "OIDC_KEYRING": "off"}[name]
		},
		Start: func(argv []string) (<-chan error, error) { go visits(argv[len(argv)-1]); return nil, nil },
	}
	ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
	defer cancel()
	args := []string{
		"client", "-c", filepath.Join(f.folder, "config.yaml"), "-p", "0", "--keep-running",
		"--skip-userinfo", "--save", "work", "--client-id", fakeop.ClientID,
	}
	if code := cli.Main(ctx, env, args); code != 130 || strings.Count(errs.String(), "could not be kept") != 2 {
		t.Errorf("exit %d\n%s", code, &errs)
	}
}
