// Sessions with real processes: many at once, ended at every moment, and where nothing can
// be written.

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
)

// theProgram is the program as it is shipped, but for its version, with oidc-token beside it: a test
// binary is slow to start.
var theProgram shared[string]

func program(t *testing.T) string {
	t.Helper()
	return *theProgram.get(t, func(t *testing.T) *string {
		folder := sharedFolder(t)
		printed(t, "..", "go", "build", "-o", folder+string(os.PathSeparator), ".", "./cmd/oidc-token")
		path := filepath.Join(folder, "oidc-client")
		return &path
	})
}

// oidcToken is oidc-token beside oidc-client.
func oidcToken(t *testing.T) string {
	t.Helper()
	return filepath.Join(filepath.Dir(program(t)), "oidc-token")
}

// A keeper keeps the session work, of a provider that rotates refresh tokens and revokes
// them all if one comes twice.
type keeper struct {
	t      *testing.T
	op     *fakeop.OP
	family *fakeop.Family
	store  *session.Files
	folder string
	env    []string
	argv   []string // starts the program
}

const keeperSecret = "the-client-secret-of-the-keeper"

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := loggedOut(t, program(t))
	k.logIn()
	return k
}

// loggedOut is a keeper without a session. argv starts its program.
func loggedOut(t *testing.T, argv ...string) *keeper {
	t.Helper()
	k := &keeper{t: t, op: fakeop.Start(), folder: t.TempDir(), argv: argv}
	t.Cleanup(func() {
		k.op.CloseClientConnections()
		k.op.Close()
	})
	k.store = &session.Files{Folder: filepath.Join(k.folder, "sessions")}
	k.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + k.folder, "OIDC_SESSIONS=" + k.store.Folder,
		"OIDC_KEYRING=off",
	}
	k.family = k.op.Rotate(5 * time.Minute)
	k.write("config.yaml",
		fmt.Sprintf("issuer: %s\nclient_id: %s\nclient_secret: %s\n", k.op.URL, fakeop.ClientID, keeperSecret))
	return k
}

func (k *keeper) write(name, text string) {
	k.t.Helper()
	check(k.t, os.WriteFile(filepath.Join(k.folder, name), []byte(text), 0o600))
}

// logIn makes the session, from a refresh token.
func (k *keeper) logIn() {
	k.t.Helper()
	refresh, _ := k.family.Current()
	k.write("refresh", refresh)
	if code, _, errs := k.run("refresh-token", "-c", filepath.Join(k.folder, "config.yaml"), "--refresh-token",
		"@"+filepath.Join(k.folder, "refresh"), "--skip-userinfo", "--save", "work", "--replace"); code != 0 {
		k.t.Fatalf("exit %d\n%s", code, errs)
	}
}

// again makes the session anew, of another family.
func (k *keeper) again() {
	k.t.Helper()
	k.family = k.op.Rotate(5 * time.Minute)
	k.logIn()
}

// cmd is a run of the program, which ends with the test.
func (k *keeper) cmd(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(k.t.Context(), k.argv[0], append(slices.Clone(k.argv[1:]), args...)...)
	cmd.Env, cmd.Dir = k.env, k.folder
	return cmd
}

func (k *keeper) run(args ...string) (code int, stdout, stderr string) {
	k.t.Helper()
	return k.ends(k.cmd(args...))
}

// ends runs a command to its end.
func (k *keeper) ends(cmd *exec.Cmd) (code int, stdout, stderr string) {
	k.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		k.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// stored is the session.
func (k *keeper) stored() *session.Session {
	k.t.Helper()
	s, err := k.store.Load("work")
	check(k.t, err)
	return s
}

// expire makes the access token end now, and the next one live.
func (k *keeper) expire() { k.t.Helper(); k.expireIn(0) }

func (k *keeper) expireIn(d time.Duration) {
	k.t.Helper()
	s := k.stored()
	s.Received, s.Tokens.Expires = time.Now(), time.Now().Add(d)
	check(k.t, session.Save(k.store, s))
}

// prints checks that token prints the access token that goes with the refresh token that works.
func (k *keeper) prints() {
	k.t.Helper()
	code, stdout, stderr := k.run("token", "work")
	if _, access := k.family.Current(); code != 0 || stdout != access+"\n" || stderr != "" {
		k.t.Fatalf("exit %d, %q, not %s\n%s", code, stdout, access, stderr)
	}
}

// lives checks that the session can be renewed.
func (k *keeper) lives() {
	k.t.Helper()
	if code, _, stderr := k.run("sessions", "refresh", "work"); code != 0 || k.family.Revoked() {
		k.t.Fatalf("exit %d, revoked: %v\n%s", code, k.family.Revoked(), stderr)
	}
	k.prints()
}

// rounds is how often a test with chance in it is repeated: OIDC_TEST_ROUNDS, or a few times.
func rounds(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("OIDC_TEST_ROUNDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	check(t, err)
	return n
}

// H29: 200 processes want a token of one session that has expired. One of them asks the
// provider, all have the new token, and the session lives.
func TestProcessesRenewOnce(t *testing.T) {
	k := newKeeper(t)
	const crowd = 200
	var slowest, total time.Duration
	n := rounds(t, 50)
	for range n {
		k.expire()
		before := k.family.Asked()
		started := make(chan struct{})
		k.family.Delay(func() { <-started }) // all of them are there before there is an answer
		outs := make([]bytes.Buffer, crowd)
		errs := make([]bytes.Buffer, crowd)
		cmds := make([]*exec.Cmd, crowd)
		began := time.Now()
		for i := range cmds {
			cmds[i] = k.cmd("token", "work")
			cmds[i].Stdout, cmds[i].Stderr = &outs[i], &errs[i]
			check(t, cmds[i].Start())
		}
		answered := time.Now()
		close(started)
		for i, cmd := range cmds {
			err := cmd.Wait()
			if _, access := k.family.Current(); err != nil || outs[i].String() != access+"\n" {
				t.Errorf("%v: %q, not %s\n%s", err, outs[i].String(), access, errs[i].String())
			}
		}
		k.family.Delay(nil)
		slowest, total = max(slowest, time.Since(answered)), total+time.Since(began)
		if asked := k.family.Asked() - before; asked != 1 || k.family.Revoked() {
			t.Fatalf("asked %d times, revoked: %v", asked, k.family.Revoked())
		}
	}
	t.Logf("%d rounds of %d processes: %v a round, the last process %v after the answer at most", n, crowd,
		total/time.Duration(n), slowest)
	k.lives()
}

// A loop of a shell that wants a token 1,000 times, while the token expires: no failure, and
// one refresh.
func TestLoopAcrossExpiry(t *testing.T) {
	k := newKeeper(t)
	const loop = `i=0; while [ $i -lt $1 ]; do i=$((i+1)); { "$2" token work || echo failed $?; } & [ $((i % 50)) -ne 0 ] || wait; done; wait`
	shell := func(n int) (map[string]int, time.Duration) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", loop, "sh", strconv.Itoa(n), program(t))
		cmd.Env, cmd.Dir = k.env, k.folder
		began := time.Now()
		code, stdout, stderr := k.ends(cmd)
		if code != 0 || stderr != "" {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		said := map[string]int{}
		for line := range strings.Lines(stdout) {
			said[strings.TrimSuffix(line, "\n")]++
		}
		return said, time.Since(began)
	}
	_, took := shell(100)
	before := k.family.Asked()
	k.expireIn(took * 5) // a fifth of it is the margin
	said, took := shell(1000)
	t.Logf("1,000 calls in %v: %v", took, said)
	if said["access-1"] == 0 || said["access-2"] == 0 || said["access-1"]+said["access-2"] != 1000 {
		t.Errorf("%v", said)
	}
	if asked := k.family.Asked() - before; asked != 1 || k.family.Revoked() {
		t.Errorf("asked %d times, revoked: %v", asked, k.family.Revoked())
	}
	k.lives()
}

// H30: a process is killed at any moment of a refresh. What is stored says if the refresh
// token was not sent, if there is a new one, or if it may be spent; and no run ever sends one
// that the provider has seen.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	window := k.window()
	n := rounds(t, 200)
	counts := map[string]int{}
	for i := range n {
		k.expire()
		before, _ := k.family.Current()
		k.endedAfter(window*time.Duration(i)/time.Duration(n), os.Kill)
		counts[k.survives(before)]++
	}
	t.Logf("killed %d times within %v: %v", n, window, counts)
	k.leftovers()
}

// survives checks what is stored after a process was killed, and that the next one goes on
// or says why not. It returns what became of the refresh token that was there before.
func (k *keeper) survives(before string) string {
	k.t.Helper()
	k.settles()
	s := k.stored()
	state := "renewed"
	refresh, _ := k.family.Current()
	switch {
	case s.Claim != nil:
		state = "may be spent"
		k.saysSo()
		k.again()
	case s.Secret.RefreshToken != refresh || k.family.Seen(refresh) != 0:
		k.t.Fatalf("lost: %s is stored, seen %d times, and %s works", s.Secret.RefreshToken,
			k.family.Seen(s.Secret.RefreshToken), refresh)
	case refresh == before:
		state = "not sent"
		k.prints()
	default:
		k.prints()
	}
	if k.family.Revoked() {
		k.t.Fatal("a refresh token was sent twice")
	}
	return state
}

// settles waits until the provider has seen all that a process sent which is no more:
// connections are accepted in their order, and end once they were read.
func (k *keeper) settles() {
	k.t.Helper()
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodGet, k.op.URL+"/", nil)
	check(k.t, err)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	check(k.t, err)
	check(k.t, res.Body.Close())
	check(k.t, eventually(func() error {
		if n := k.op.Open(); n > 0 {
			return fmt.Errorf("%d connections are open", n)
		}
		return nil
	}))
}

// saysSo checks that a session that may be spent is said to be so, and that nothing is sent.
func (k *keeper) saysSo() {
	k.t.Helper()
	asked := k.family.Asked()
	code, stdout, stderr := k.run("token", "work", "--format", "json")
	var doc struct {
		Error struct{ Kind, Code, Message, Hint string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		k.t.Fatalf("%v: %s", err, stdout)
	}
	e := doc.Error
	if code != 6 || e.Kind != "interaction" || e.Code != "session_may_be_spent" ||
		!strings.Contains(e.Message, "process") || !strings.Contains(e.Hint, "--retry") ||
		!strings.Contains(stderr, "may be spent") {
		k.t.Fatalf("exit %d: %+v\n%s", code, e, stderr)
	}
	if k.family.Asked() != asked {
		k.t.Fatal("it was sent all the same")
	}
}

// leftovers checks that what killed processes left can be read by nobody else, is listed as
// no session, and goes once it is old.
func (k *keeper) leftovers() {
	k.t.Helper()
	list := func() []string {
		names, err := filepath.Glob(filepath.Join(k.store.Folder, ".work.json.*.tmp"))
		check(k.t, err)
		return names
	}
	k.t.Logf("%d temporary files were left", len(list()))
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, name := range list() {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			k.t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		check(k.t, os.Chtimes(name, yesterday, yesterday))
	}
	if names, err := k.store.Names(); err != nil || len(names) != 1 {
		k.t.Errorf("%v, %v", names, err)
	}
	k.lives()
	if left := list(); len(left) > 0 {
		k.t.Errorf("%d temporary files stay", len(left))
	}
}

// window is how long a refresh takes, as a process, with a provider that thinks for a while.
func (k *keeper) window() time.Duration {
	k.t.Helper()
	k.family.Delay(think)
	var took []time.Duration
	for range 9 {
		k.expire()
		began := time.Now()
		k.prints()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// think is what the provider takes between spending a token and its answer.
func think() { <-time.After(5 * time.Millisecond) }

// endedAfter runs token and sends it signals after a while, unless it has ended by then.
func (k *keeper) endedAfter(wait time.Duration, signals ...os.Signal) string {
	k.t.Helper()
	k.family.Delay(think)
	cmd := k.cmd("token", "work")
	check(k.t, cmd.Start())
	ended := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		select {
		case <-time.After(wait):
			for _, s := range signals {
				_ = cmd.Process.Signal(s) // it may have ended
			}
		case <-ended:
		}
	})
	_ = cmd.Wait() // how it ended shows in what is stored
	close(ended)
	sender.Wait()
	return fmt.Sprint("exit ", cmd.ProcessState.ExitCode())
}

// killedInFlight kills a run while its response is under way, and returns its process.
func (k *keeper) killedInFlight(args ...string) int {
	k.t.Helper()
	answer := make(chan struct{})
	k.family.Delay(func() { <-answer })
	asked := k.family.Asked()
	cmd := k.cmd(args...)
	check(k.t, cmd.Start())
	check(k.t, eventually(func() error {
		if k.family.Asked() == asked {
			return errors.New("the provider was not asked")
		}
		return nil
	}))
	check(k.t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	close(answer)
	k.settles()
	k.family.Delay(nil)
	return cmd.Process.Pid
}

// A session that cannot be written is not renewed: nothing is sent.
func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.expire()
	limited := func(args ...string) (int, string, string) {
		cmd := exec.CommandContext(t.Context(), "sh",
			append([]string{"-c", `ulimit -f 8 && exec "$@"`, "sh", program(t)}, args...)...)
		cmd.Env, cmd.Dir = k.env, k.folder
		return k.ends(cmd)
	}
	before := k.family.Asked()
	for _, args := range [][]string{
		{"token", "work"},
		{"sessions", "refresh", "work"},
		{"refresh-token", "-c", filepath.Join(k.folder, "config.yaml"), "--refresh-token", "x", "--save", "new"},
	} {
		if code, stdout, stderr := limited(args...); code != 2 || stdout != "" ||
			!strings.Contains(stderr, "too large") || !strings.Contains(stderr, "hint") {
			t.Errorf("%v: exit %d, %q\n%s", args, code, stdout, stderr)
		}
	}
	if s := k.stored(); k.family.Asked() != before || s.Claim != nil || s.Secret.RefreshToken != "refresh-1" {
		t.Errorf("asked %d times: %+v", k.family.Asked()-before, s)
	}
	k.prints()
}

// Files of sessions that cannot be written: a full disk, one that cannot be written to.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	mount := filepath.Join(k.folder, "mount")
	check(t, os.Mkdir(mount, 0o700))
	// A file system of the test's own, in a namespace of its own.
	const script = `mount -t tmpfs -o size=128k,mode=700 tmpfs "$1" && cp "$2" "$1/" && chmod 600 "$1/work.json" && eval "$3" && shift 3 && "$@"; code=$?
cat "$0"/mount/work.json >"$0"/after 2>/dev/null; exit $code`
	inside := func(prepare string, args ...string) (int, string, string) {
		argv := append([]string{
			"-rm", "--map-root-user", "sh", "-c", script, k.folder, mount, k.store.Path("work"),
			prepare, program(t),
		}, args...)
		cmd := exec.CommandContext(t.Context(), "unshare", argv...)
		cmd.Env, cmd.Dir = slices.Concat(k.env, []string{"OIDC_SESSIONS=" + mount}), k.folder
		return k.ends(cmd)
	}
	if code, _, stderr := inside("true", "version"); code != 0 {
		needed(t, "a file system to mount", errors.New(stderr))
	}
	k.expire()
	for name, prepare := range map[string]string{
		"full":                    `dd if=/dev/zero of="$1/fill" bs=1024 count=1024 2>/dev/null; true`,
		"full once room is there": `dd if=/dev/zero of="$1/fill" bs=1024 count=76 2>/dev/null; true`,
		"read-only":               `mount -o remount,ro "$1"`,
	} {
		before := k.family.Asked()
		code, stdout, stderr := inside(prepare, "token", "work")
		if code != 2 || stdout != "" || !strings.Contains(stderr, "hint") || k.family.Asked() != before {
			t.Errorf("%s: exit %d, asked %d times\n%s", name, code, k.family.Asked()-before, stderr)
		}
		after, err := os.ReadFile(filepath.Join(k.folder, "after"))
		check(t, err)
		var s session.Session
		if err := json.Unmarshal(after, &s); err != nil || s.Claim != nil || s.Secret.RefreshToken != "refresh-1" {
			t.Errorf("%s: %v, %s", name, err, after)
		}
		if name == "full once room is there" {
			continue // there is room for one file
		}
		code, _, stderr = inside(prepare, "refresh-token", "-c", filepath.Join(k.folder, "config.yaml"),
			"--refresh-token", "x", "--save", "new")
		if code != 2 || k.family.Asked() != before {
			t.Errorf("%s, --save: exit %d, asked %d times\n%s", name, code, k.family.Asked()-before, stderr)
		}
	}
	k.expireIn(5 * time.Minute) // what is fresh is read all the same
	if code, stdout, stderr := inside(`mount -o remount,ro "$1"`, "token", "work"); code != 0 ||
		stdout != "access-1\n" {
		t.Errorf("exit %d, %q\n%s", code, stdout, stderr)
	}
}

// What is broken is told, and a login with --replace gets over it.
func TestBrokenStore(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	whole, err := os.ReadFile(k.store.Path("work"))
	check(t, err)
	for name, data := range map[string]string{
		"empty": "", "truncated": string(whole[:len(whole)/2]),
		"zeros": strings.Repeat("\x00", 32<<10),
		"later": strings.Replace(string(whole), `"schema":2`, `"schema":3`, 1),
	} {
		check(t, os.WriteFile(k.store.Path("work"), []byte(data), 0o600))
		asked := k.family.Asked()
		for _, args := range [][]string{
			{"token", "work"},
			{"sessions", "show", "work"},
			{"sessions", "refresh", "work"},
			{"sessions", "logout", "work"},
		} {
			code, stdout, stderr := k.run(args...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, "work.json") ||
				!strings.Contains(stderr, "--replace") || strings.Contains(stderr, "refresh-") ||
				strings.Contains(stderr, keeperSecret) {
				t.Errorf("%s, %v: exit %d, %q\n%s", name, args, code, stdout, stderr)
			}
		}
		if code, stdout, _ := k.run("sessions", "list"); code != 0 || !strings.Contains(stdout, "work  broken") {
			t.Errorf("%s: %q", name, stdout)
		}
		if k.family.Asked() != asked {
			t.Errorf("%s: the provider was asked", name)
		}
		k.logIn()
		k.prints()
	}
}

// A session that is a symbolic link is renewed where it lies.
func TestLinkedStore(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	target := filepath.Join(k.folder, "elsewhere")
	check(t, os.Rename(k.store.Path("work"), target))
	check(t, os.Symlink(target, k.store.Path("work")))
	k.expire()
	k.prints()
	if info, err := os.Lstat(k.store.Path("work")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("no link any more: %v", err)
	}
	if data, err := os.ReadFile(target); err != nil || !strings.Contains(string(data), "refresh-2") {
		t.Errorf("%v", err)
	}
}

// Who waits for another process has a --timeout, and nothing is sent.
func TestWaitForARenewalEnds(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.expire()
	unlock, err := session.Hold(t.Context(), k.store, "work")
	check(t, err)
	defer unlock()
	asked := k.family.Asked()
	for _, args := range [][]string{
		{"token", "work"},
		{"sessions", "refresh", "work"},
		{"sessions", "delete", "work"},
		{"sessions", "logout", "work"},
	} {
		code, _, stderr := k.run(append(args, "--timeout", "100ms")...)
		if code != 6 || !strings.Contains(stderr, "waiting for another process") ||
			!strings.Contains(stderr, "--timeout") {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
	if k.family.Asked() != asked {
		t.Error("the provider was asked")
	}
}

// A provider that says nothing: --timeout bounds the run, but for the time that the answer to
// a refresh token has; and the next run says what may have come of it.
func TestTimeoutOfARenewal(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.expire()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k.family.Delay(func() { <-ctx.Done() })
	began := time.Now()
	code, _, stderr := k.run("token", "work", "--timeout", "500ms")
	if took := time.Since(began); code != 4 || took > limit.Request+5*time.Second ||
		!strings.Contains(stderr, "--timeout") {
		t.Errorf("exit %d after %v\n%s", code, took, stderr)
	}
	if code, _, stderr := k.run("token", "work"); code != 6 || !strings.Contains(stderr, "may be spent") ||
		!strings.Contains(stderr, "--retry") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}
