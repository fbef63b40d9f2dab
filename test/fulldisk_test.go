// A disk that fills while a refresh is under way: the new refresh token ends somewhere that is named.

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A disk is a small file system of one run, which has the session work and the file refresh. What
// the run leaves in it is copied out.
type disk struct {
	*keeper
	after string // the folder of the copies
}

// run runs the program with the disk. prepare is a script that runs before it, and in it $1 is the
// disk. What fills the disk is called fill, and begins when the token endpoint is asked.
func (d *disk) run(prepare string, env []string, args ...string) (int, string, string) {
	d.t.Helper()
	const script = `mount -t tmpfs -o size=256k,mode=700 tmpfs "$1" && cp "$2" "$3" "$1/" && chmod 600 "$1"/* && eval "$4" && disk=$1 && shift 4
mkfifo "$0/asked" "$0/filled"
(read -r _ <"$0/asked"; dd if=/dev/zero of="$disk/fill" bs=1024 count=1024 2>/dev/null; echo >"$0/filled") &
"$@"; code=$?; kill $! 2>/dev/null; wait
rm "$0/asked" "$0/filled"; cp -r "$disk/." "$0/after/"; exit $code`
	check(d.t, os.RemoveAll(d.after))
	check(d.t, os.Mkdir(d.after, 0o700))
	mount := filepath.Join(d.folder, "mount")
	argv := append([]string{
		"-rm", "--map-root-user", "sh", "-c", script, d.folder, mount, d.store.Path("work"),
		filepath.Join(d.folder, "refresh"), prepare, program(d.t),
	}, args...)
	cmd := exec.CommandContext(d.t.Context(), "unshare", argv...)
	cmd.Env, cmd.Dir = slices.Concat(d.env, []string{"OIDC_SESSIONS=" + mount}, env), d.folder
	return d.ends(cmd)
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{keeper: newKeeper(t)}
	d.after = filepath.Join(d.folder, "after")
	check(t, os.Mkdir(filepath.Join(d.folder, "mount"), 0o700))
	cmd := exec.CommandContext(t.Context(), "unshare", "-rm", "--map-root-user", "true")
	if err := cmd.Run(); err != nil {
		needed(t, "a file system to mount", err)
	}
	return d
}

// fills makes the disk full before the provider answers, with an access token of a length.
func (d *disk) fills(length int) {
	answer := d.op.Handlers["/token"]
	d.op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
		check(d.t, os.WriteFile(filepath.Join(d.folder, "asked"), []byte("\n"), 0o600))
		_, err := os.ReadFile(filepath.Join(d.folder, "filled"))
		check(d.t, err)
		answer(&longTokens{w, strings.Repeat("x", length)}, r)
	})
}

// longTokens makes the access tokens in a response longer.
type longTokens struct {
	http.ResponseWriter
	by string
}

func (w *longTokens) Write(data []byte) (int, error) {
	longer := strings.Replace(string(data), `"access-`, `"access-`+w.by, 1)
	_, err := w.ResponseWriter.Write([]byte(longer))
	return len(data), err
}

func TestDiskFillsMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		length int
		part   bool // only the refresh token is stored
	}{"what was reserved suffices": {10, false}, "the refresh token fits": {100 << 10, true}} {
		d := newDisk(t)
		d.expire()
		d.fills(c.length)
		code, _, stderr := d.run("true", nil, "token", "work")
		if code != 0 || strings.Contains(stderr, "only the refresh token could be stored") != c.part ||
			strings.Contains(stderr, "refresh-2") {
			t.Errorf("%s: exit %d\n%s", name, code, stderr)
		}
		data, err := os.ReadFile(filepath.Join(d.after, "work.json"))
		check(t, err)
		var s session.Session
		if err := json.Unmarshal(data, &s); err != nil || s.Secret.RefreshToken != "refresh-2" || s.Claim != nil ||
			s.Withheld != "" || (s.Tokens.AccessToken == "") != c.part {
			t.Errorf("%s: %v, %.300s", name, err, data)
		}
	}
}

// The store goes while the answer is on its way: what came is in a temporary file, or, where there
// is no room for one, on standard error.
func TestStoreGoesMeanwhile(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	away, file := k.store.Folder+".away", filepath.Join(k.folder, "refresh")
	for _, temporary := range []string{t.TempDir(), "/nowhere"} {
		k.env = slices.DeleteFunc(k.env, func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") })
		k.env = append(k.env, "TMPDIR="+temporary)
		for _, args := range [][]string{
			{"token", "work"},
			{
				"refresh-token", "-c", filepath.Join(k.folder, "config.yaml"), "--refresh-token", "@" + file, "--save",
				"work", "--skip-userinfo",
			},
		} {
			k.again()
			k.expire()
			rotate := k.op.Handlers["/token"]
			k.op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
				check(t, os.Rename(k.store.Folder, away))
				check(t, os.WriteFile(k.store.Folder, nil, 0o600))
				rotate(w, r)
			})
			current, _ := k.family.Current()
			check(t, os.WriteFile(file, []byte(current), 0o600))
			code, _, stderr := k.run(args...)
			check(t, os.Remove(k.store.Folder))
			check(t, os.Rename(away, k.store.Folder))
			current, _ = k.family.Current()
			named, shown := filepath.Join(temporary, "oidc-client-session-work-"), "\n"+current+"\n"
			if code != 1 || strings.Contains(stderr, "what came is in "+named) != (temporary != "/nowhere") ||
				strings.Contains(stderr, shown) != (temporary == "/nowhere") {
				t.Errorf("%v, %s: exit %d\n%s", args, temporary, code, stderr)
			}
			if files, _ := filepath.Glob(named + "*"); temporary != "/nowhere" {
				if data, err := os.ReadFile(files[len(files)-1]); err != nil ||
					!strings.Contains(string(data), "refresh-") {
					t.Errorf("%v: %q, %v", args, data, err)
				}
			}
		}
	}
}

// A file that cannot be replaced any more, since its folder is gone, is not where the new refresh
// token ends.
func TestFileGoesMeanwhile(t *testing.T) {
	t.Parallel()
	op := fakeop.Start()
	defer op.Close()
	for temporary, where := range map[string]string{
		t.TempDir(): "; what came is in ",
		"/nowhere":  "shown on standard error",
	} {
		folder := filepath.Join(t.TempDir(), "folder")
		file := filepath.Join(folder, "refresh-token")
		check(t, os.Mkdir(folder, 0o700))
		check(t, os.WriteFile(file, []byte("old\n"), 0o600))
		op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
			check(t, os.RemoveAll(folder))
			op.Answer(w, r)
		})
		cmd := exec.CommandContext(t.Context(), program(t), "refresh-token", "--refresh-token", "@"+file, "--issuer",
			op.URL, "--client-id", fakeop.ClientID, "--no-cache", "--format", "json")
		cmd.Env = []string{"TMPDIR=" + temporary, "HOME=" + t.TempDir()}
		stderr := &strings.Builder{}
		cmd.Stderr = stderr
		err := cmd.Run()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || !strings.Contains(stderr.String(), where) ||
			strings.Contains(stderr.String(), fmt.Sprintf("\n%s\n", fakeop.Rotated)) != (temporary == "/nowhere") {
			t.Errorf("%v\n%s", err, stderr)
		}
		if files, _ := filepath.Glob(filepath.Join(temporary, "oidc-client-refresh-token-*")); temporary != "/nowhere" {
			if data, err := os.ReadFile(files[0]); err != nil || string(data) != fakeop.Rotated+"\n" {
				t.Errorf("%q, %v", data, err)
			}
		}
	}
}
