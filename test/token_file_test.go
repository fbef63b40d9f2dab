// --refresh-token @FILE with real processes: killed in flight, at any moment, and where the note
// that the token may be spent cannot be written.

package test

import (
	"crypto/sha256"
	"encoding/hex"
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
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A tokenFile is a refresh token in a file, of a provider that rotates refresh tokens and revokes
// them all if one is sent twice.
type tokenFile struct {
	*keeper
	file, lock string
}

func newTokenFile(t *testing.T) *tokenFile {
	t.Helper()
	k := newKeeper(t)
	f := &tokenFile{k, filepath.Join(k.folder, "refresh"), filepath.Join(k.folder, ".refresh.lock")}
	f.anew()
	return f
}

// anew puts the first refresh token of another login into the file.
func (f *tokenFile) anew() {
	f.t.Helper()
	f.family = f.op.Rotate(5 * time.Minute)
	refresh, _ := f.family.Current()
	f.write("refresh", refresh+"\n")
	check(f.t, os.WriteFile(f.lock, nil, 0o600)) // every family begins with refresh-0
}

func (f *tokenFile) args(more ...string) []string {
	config := filepath.Join(f.folder, "config.yaml")
	return append([]string{"refresh-token", "-c", config, "--refresh-token", "@" + f.file, "--skip-userinfo"}, more...)
}

// holds checks that the file has the refresh token that works.
func (f *tokenFile) holds() {
	f.t.Helper()
	data, err := os.ReadFile(f.file)
	check(f.t, err)
	if refresh, _ := f.family.Current(); string(data) != refresh+"\n" || f.family.Revoked() {
		f.t.Fatalf("%q, not %s; revoked: %v", data, refresh, f.family.Revoked())
	}
}

// note is what the lock file says.
func (f *tokenFile) note() string {
	f.t.Helper()
	data, err := os.ReadFile(f.lock)
	check(f.t, err)
	return strings.Trim(string(data), "\x00\n")
}

// killed kills a run while its response is on the way, and returns its process.
func (f *tokenFile) killed(more ...string) int {
	f.t.Helper()
	return f.killedInFlight(f.args(more...)...)
}

// says reports whether a text has all words.
func says(text string, words ...string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// requests is how often the provider was asked for metadata or tokens.
func (f *tokenFile) requests() int {
	return f.op.Asked("/.well-known/openid-configuration") + f.op.Asked("/token")
}

// tells checks that a run says that the token may be spent, and sends nothing.
func (f *tokenFile) tells(words ...string) {
	f.t.Helper()
	requests := f.requests()
	code, stdout, stderr := f.run(f.args("--format", "json")...)
	var doc struct {
		Error struct{ Kind, Code, Message, Hint string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		f.t.Fatalf("%v: %s\n%s", err, stdout, stderr)
	}
	e := doc.Error
	named := e.Kind == "interaction" && e.Code == "refresh_token_may_be_spent"
	if code != 6 || !named || !says(e.Hint, "--retry", f.file) {
		f.t.Fatalf("exit %d: %+v\n%s", code, e, stderr)
	}
	if !says(e.Message, append(words, f.file, "may be spent")...) {
		f.t.Errorf("%q are not all in %q", words, e.Message)
	}
	if now := f.requests(); now != requests {
		f.t.Fatalf("%d requests were sent", now-requests)
	}
}

// A run is killed while its response is on the way. The next one tells, and sends nothing without
// --retry. Another token in the file is sent.
func TestTokenFileKilledInFlight(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	process := f.killed()
	note := f.note()
	var noted struct {
		Hash    string    `json:"refresh_token_sha256"`
		Sent    time.Time `json:"sent"`
		Process int       `json:"process"`
		Host    string    `json:"host"`
	}
	check(t, json.Unmarshal([]byte(note), &noted))
	hash := sha256.Sum256([]byte("refresh-0"))
	host, err := os.Hostname()
	check(t, err)
	if noted.Hash != hex.EncodeToString(hash[:]) || noted.Process != process || noted.Host != host ||
		time.Since(noted.Sent) > time.Minute || strings.Contains(note, "refresh-0") {
		t.Errorf("%s", note)
	}
	f.tells(fmt.Sprint("process ", process), host)
	f.tells() // and goes on to do so

	code, _, stderr := f.run(f.args("--retry")...)
	if sent := f.family.Seen("refresh-0"); code != 3 || sent != 2 || !says(stderr, "new login") {
		t.Errorf("exit %d, sent %d times\n%s", code, sent, stderr)
	}
	if f.note() != "" { // the refusal leaves no doubt
		t.Errorf("%s", f.note())
	}

	f.anew()
	f.killed()
	f.write("refresh", "another\n")
	if code, _, stderr := f.run(f.args()...); code != 3 || f.family.Seen("another") != 1 || f.note() != "" {
		t.Errorf("another token: exit %d\n%s", code, stderr)
	}
}

// survives checks what a run left that was killed: the token in the file works, or the next run
// tells. It returns what became of the token that was there before.
func (f *tokenFile) survives(before string) string {
	f.t.Helper()
	f.settles()
	f.family.Delay(nil)
	data, err := os.ReadFile(f.file)
	check(f.t, err)
	state := "stored"
	switch refresh, _ := f.family.Current(); {
	case string(data) != refresh+"\n":
		state = "may be spent"
		f.tells()
		f.anew()
	case refresh == before && strings.Contains(f.note(), "sha256"):
		state = "noted, not sent"
		f.tells()
		f.anew()
	case refresh == before:
		state = "not sent"
	}
	if code, _, stderr := f.run(f.args()...); code != 0 {
		f.t.Fatalf("%s: exit %d\n%s", state, code, stderr)
	}
	f.holds()
	return state
}

// A run is killed at any moment. What is in the file works, or the next run tells.
func TestTokenFileKilledAnywhere(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	var took []time.Duration
	f.family.Delay(think)
	for range 5 {
		began := time.Now()
		if code, _, stderr := f.run(f.args()...); code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	n, counts := rounds(t, 100), map[string]int{}
	for i := range n {
		f.family.Delay(think)
		before, _ := f.family.Current()
		cmd := f.cmd(f.args()...)
		check(t, cmd.Start())
		end := time.AfterFunc(took[2]*time.Duration(i)/time.Duration(n), func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // how it ended shows in the file
		end.Stop()
		counts[f.survives(before)]++
	}
	t.Logf("killed %d times within %v: %v", n, took[2], counts)

	left, err := filepath.Glob(filepath.Join(f.folder, ".refresh.*.tmp"))
	check(t, err)
	t.Logf("%d temporary files were left", len(left))
	stale, young := filepath.Join(f.folder, ".refresh.123.tmp"), filepath.Join(f.folder, ".refresh.124.tmp")
	others := filepath.Join(f.folder, ".refresh.old.125.tmp")
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, name := range append(left, stale, young, others) {
		check(t, os.WriteFile(name, nil, 0o600))
		if name != young {
			check(t, os.Chtimes(name, yesterday, yesterday))
		}
	}
	if code, _, stderr := f.run(f.args()...); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	left, err = filepath.Glob(filepath.Join(f.folder, ".refresh.*.tmp"))
	if err != nil || !slices.Equal(left, []string{young, others}) {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What the note says after each kind of response.
func TestTokenFileNote(t *testing.T) {
	t.Parallel()
	object := map[string]string{"Content-Type": "application/json"}
	says200 := func(more string) http.HandlerFunc {
		return fakeop.Says(200, object, `{"access_token":"a","token_type":"Bearer"`+more)
	}
	aborts := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	page := fakeop.Says(200, map[string]string{"Content-Type": "text/html"}, "<html>")
	answers := map[string]struct {
		answer http.HandlerFunc
		code   int
		note   string // what it says, "" if it is cleared
		hint   string
	}{
		"rotated":          {nil, 0, "", ""},
		"kept":             {says200(`}`), 0, "", ""},
		"the same":         {says200(`,"refresh_token":"refresh-0"}`), 0, "", ""},
		"kept, cut off":    {says200(`,`), 4, "the response is", "--retry"},
		"no token":         {says200(`,"refresh_token":"a\nb"}`), 4, "", "is in "},
		"500":              {fakeop.Says(500, nil, ""), 4, "HTTP status 500", "--retry"},
		"502":              {fakeop.Says(502, nil, ""), 4, "HTTP status 502", "--retry"},
		"closed":           {aborts, 4, "closed", "--retry"},
		"a page":           {page, 4, "text/html", "--retry"},
		"429":              {fakeop.Says(429, nil, ""), 4, "", "did not process"},
		"busy":             {fakeop.Says(503, object, `{"error":"temporarily_unavailable"}`), 4, "", "was not used"},
		"invalid_client":   {fakeop.Says(401, object, `{"error":"invalid_client"}`), 3, "", "was not used"},
		"invalid_grant":    {fakeop.Says(400, object, `{"error":"invalid_grant"}`), 3, "", "is unchanged"},
		"refused in a 200": {fakeop.Says(200, object, `{"error":"invalid_scope"}`), 3, "", "was not used"},
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newTokenFile(t)
			if c.answer != nil {
				f.op.Handle("/token", c.answer)
			}
			code, _, stderr := f.run(f.args("--skip-id-token-verification")...)
			if code != c.code || !says(stderr, c.hint) {
				t.Errorf("exit %d\n%s", code, stderr)
			}
			if c.note == "" {
				if f.note() != "" {
					t.Errorf("%s", f.note())
				}
				return
			}
			f.tells(c.note)
		})
	}
}

// tokenEndpoint changes the provider's metadata while it is in use.
func (f *tokenFile) tokenEndpoint(address string) {
	f.op.Lock()
	defer f.op.Unlock()
	f.op.Metadata["token_endpoint"] = address
}

// A provider that cannot be reached spends nothing; nor does a run that ends before it sends.
func TestTokenFileNotSent(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	f.tokenEndpoint("http://127.0.0.1:1/token")
	if code, _, stderr := f.run(f.args()...); code != 4 || f.note() != "" || strings.Contains(stderr, "spent") {
		t.Errorf("exit %d, %s\n%s", code, f.note(), stderr)
	}
	if code, _, stderr := f.run(f.args("--waive", "nonsense")...); code != 2 || f.note() != "" {
		t.Errorf("exit %d, %s\n%s", code, f.note(), stderr)
	}
	f.tokenEndpoint(f.op.URL + "/token")
	if code, _, stderr := f.run(f.args()...); code != 0 {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	f.holds()
}

// A note that cannot be read may be of any token.
func TestTokenFileNoteUnreadable(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	check(t, os.WriteFile(f.lock, []byte("\x00{\"refresh_token_sha256\":\"01"), 0o600))
	f.tells("cannot be read")
	if code, _, stderr := f.run(f.args("--retry")...); code != 0 || f.note() != "" {
		t.Errorf("exit %d, %s\n%s", code, f.note(), stderr)
	}
	f.holds()
}

// Where the note cannot be written nothing is sent without --retry: here somebody removes the
// lock file, in which the next run would look for it.
func TestTokenFileLockIsGone(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	const discovery = "/.well-known/openid-configuration"
	f.op.Handle(discovery, func(w http.ResponseWriter, r *http.Request) {
		_ = os.Remove(f.lock)
		f.op.Answer(w, r)
	})
	code, _, stderr := f.run(f.args()...)
	if code != 2 || f.family.Asked() != 0 || !says(stderr, ".refresh.lock", "nothing was sent", "--retry") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if code, _, stderr := f.run(f.args("--retry")...); code != 0 || !strings.Contains(stderr, "without a note") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	f.holds()
}

// A lock file that can be locked, but not written to.
func TestTokenFileLockIsReadOnly(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	const script = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"` // in a namespace of its own
	inside := func(args ...string) (int, string, string) {
		args = append([]string{"-rm", "--map-root-user", "sh", "-c", script, f.lock, program(t)}, args...)
		cmd := exec.CommandContext(t.Context(), "unshare", args...)
		cmd.Env, cmd.Dir = f.env, f.folder
		return f.ends(cmd)
	}
	if code, _, stderr := inside("version"); code != 0 {
		needed(t, "a file to mount", errors.New(stderr))
	}
	requests := f.requests()
	code, _, stderr := inside(f.args()...)
	if code != 2 || f.requests() != requests || !says(stderr, "read-only", "nothing was sent", "--retry") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if code, _, stderr := inside(f.args("--retry")...); code != 0 || !strings.Contains(stderr, "without a note") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	f.holds()
}

// Where locks do nothing, a note that appears after this run looked keeps it from sending.
func TestTokenFileNotedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newTokenFile(t)
	const form = "\x00" + `{"refresh_token_sha256":"%x","sent":"2026-01-02T15:04:05Z","process":7,"host":"elsewhere"}`
	note := fmt.Sprintf(form, sha256.Sum256([]byte("refresh-0")))
	const discovery = "/.well-known/openid-configuration"
	f.op.Handle(discovery, func(w http.ResponseWriter, r *http.Request) {
		_ = os.WriteFile(f.lock, []byte(note), 0o600)
		f.op.Answer(w, r)
	})
	code, _, stderr := f.run(f.args()...)
	if code != 6 || f.family.Asked() != 0 || !strings.Contains(stderr, "elsewhere") {
		t.Errorf("exit %d, asked %d times\n%s", code, f.family.Asked(), stderr)
	}
	f.tells("elsewhere", "process 7")
}

// A provider that asks for a DPoP nonce has not used the token yet. It is sent twice, and noted
// before the first time.
func TestTokenFileWithDPoPNonce(t *testing.T) {
	t.Parallel()
	const tokens = `{"access_token":"a","token_type":"DPoP","refresh_token":"new"}`
	for name, c := range map[string]struct {
		second http.HandlerFunc // nil is nobody who could be reached
		code   int
		noted  bool
	}{
		"tokens":      {fakeop.Says(200, isJSON, tokens), 0, false},
		"no response": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 4, true},
		"nobody":      {nil, 4, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTokenFile(t)
			f.op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(f.note(), "sha256") {
					t.Error("the token came before its note")
				}
				if f.op.Asked("/token") > 2 { // the keeper asked once
					c.second(w, r)
					return
				}
				if c.second == nil {
					_ = f.op.Listener.Close()
				}
				w.Header().Set("Connection", "close")
				w.Header().Set("DPoP-Nonce", "n")
				fakeop.Says(400, isJSON, `{"error":"use_dpop_nonce"}`)(w, r)
			})
			code, _, stderr := f.run(f.args("--dpop", "--skip-id-token-verification")...)
			if code != c.code || says(f.note(), "sha256") != c.noted || says(stderr, "may be spent") != c.noted {
				t.Errorf("exit %d, noted: %s\n%s", code, f.note(), stderr)
			}
		})
	}
}
