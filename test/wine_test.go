//go:build wine

// The programs for Windows, run by wine: `make windows`. What wine cannot do is in docs/windows.md.

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
)

const wine = "/usr/lib/wine/wine64"

// forWindows is what go needs to build for Windows.
var forWindows = []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}

// theWindows are oidc-client.exe and oidc-token.exe, in one folder.
var theWindows shared[string]

// windowsPrograms builds the programs for Windows, and ends all of wine after the last test.
func windowsPrograms(t *testing.T) (folder string) {
	t.Helper()
	return *theWindows.get(t, func(t *testing.T) *string {
		folder := sharedFolder(t)
		for name, from := range map[string]string{"oidc-client.exe": ".", "oidc-token.exe": "./cmd/oidc-token"} {
			argv := append(slices.Clone(forWindows), "go", "build", "-o", filepath.Join(folder, name), from)
			printed(t, "..", "env", argv...)
		}
		stays := exec.Command(wine, "cmd") // or else Windows starts and ends with each program
		stays.Env = wineEnv(t)
		_, err := stays.StdinPipe() // nothing is ever typed
		check(t, err)
		check(t, stays.Start())
		up := exec.CommandContext(t.Context(), wine, "cmd", "/c", "exit")
		up.Env = stays.Env
		check(t, up.Run()) // what Windows starts would keep the pipes of a test's first program open
		whenAllEnds(func() {
			for _, flag := range []string{"-k", "-w"} {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				cmd := exec.CommandContext(ctx, "/usr/lib/wine/wineserver", flag)
				cmd.Env = stays.Env
				_ = cmd.Run() // it may have ended
				cancel()
			}
			_ = stays.Wait() // it was ended
		})
		return &folder
	})
}

// wineEnv is what wine needs of the environment.
func wineEnv(t *testing.T) []string {
	prefix, err := filepath.Abs("../.cache/wine")
	check(t, err)
	return []string{"WINEPREFIX=" + prefix, "WINEDEBUG=-all", "HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH")}
}

// onWindows is a file as Windows names it.
func onWindows(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

// newWindows is a keeper whose program is the one for Windows, and whose session is not sealed.
// Each of its runs ends within a minute.
func newWindows(t *testing.T) *keeper {
	t.Helper()
	k := loggedOut(t, "timeout", "--kill-after=1", "60", wine, filepath.Join(windowsPrograms(t), "oidc-client.exe"))
	k.env = append(wineEnv(t), "OIDC_SESSIONS="+onWindows(k.store.Folder), "OIDC_KEYRING=off",
		"XDG_CACHE_HOME="+onWindows(filepath.Join(k.folder, "cache")), "OIDC_AGENT_SOCK="+pipeOf(k))
	k.logIn()
	return k
}

// pipeOf is the pipe of the agent of a keeper.
func pipeOf(k *keeper) string { return `\\.\pipe\oidc-client-` + filepath.Base(filepath.Dir(k.folder)) }

// set replaces a variable of the environment.
func (k *keeper) set(name, value string) {
	k.env = slices.DeleteFunc(k.env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	k.env = append(k.env, name+"="+value)
}

// good is what a run prints that has to do well.
func (k *keeper) good(args ...string) string {
	k.t.Helper()
	code, stdout, stderr := k.run(args...)
	if code != 0 {
		k.t.Fatalf("%v: exit %d\n%s", args, code, stderr)
	}
	return stdout
}

// fails checks that a run fails, with words on standard error, and prints nothing.
func (k *keeper) fails(code int, words string, args ...string) {
	k.t.Helper()
	got, stdout, stderr := k.run(args...)
	if got != code || stdout != "" || !strings.Contains(stderr, words) {
		k.t.Errorf("%v: exit %d, not %d, %q\n%s", args, got, code, stdout, stderr)
	}
}

// The development provider, a login and a refresh, all of it on Windows.
func TestWindowsDemo(t *testing.T) {
	k := newWindows(t)
	code, stdout, stderr := k.run("demo")
	if code != 0 || !strings.Contains(stderr+stdout, `"sub": "alice"`) {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if text := k.good("version"); !strings.Contains(text, "goos: windows") {
		t.Error(text)
	}
}

// A refresh token in a file is replaced by each new one, also where an editor of Windows wrote it.
func TestWindowsTokenFile(t *testing.T) {
	f := windowsTokenFile(t)
	check(t, os.WriteFile(f.file, []byte("refresh-0\r\n"), 0o600))
	for range 3 {
		f.good(f.args()...)
		data, err := os.ReadFile(f.file)
		check(t, err)
		if refresh, _ := f.family.Current(); strings.TrimSpace(string(data)) != refresh || f.family.Revoked() {
			t.Fatalf("%q, not %s; revoked: %v", data, refresh, f.family.Revoked())
		}
	}
	if n := f.family.Asked(); n != 3 {
		t.Errorf("the provider was asked %d times", n)
	}
}

func windowsTokenFile(t *testing.T) *tokenFile {
	t.Helper()
	k := newWindows(t)
	f := &tokenFile{k, filepath.Join(k.folder, "refresh"), filepath.Join(k.folder, ".refresh.lock")}
	f.anew()
	return f
}

// A run that is killed while its response is under way leaves a note, and the next one tells.
func TestWindowsTokenFileKilled(t *testing.T) {
	f := windowsTokenFile(t)
	f.unbounded()
	f.killed()
	f.tells()
	f.anew()
	f.good(f.args()...)
	f.holds()
}

// unbounded makes signals reach the program, and not what bounds its time.
func (k *keeper) unbounded() { k.argv = k.argv[len(k.argv)-2:] }

// A session whose process was killed in flight may be spent: that is told, and nothing is sent.
func TestWindowsSessionKilled(t *testing.T) {
	k := newWindows(t)
	k.expire()
	k.unbounded()
	k.killedInFlight("token", "work")
	if k.stored().Claim == nil {
		t.Fatal("nothing is noted")
	}
	k.saysSo()
	k.again()
	k.prints()
}

// A process is killed at any moment of a refresh: no refresh token is lost, or sent twice.
func TestWindowsKilledAnywhere(t *testing.T) {
	k := newWindows(t)
	k.unbounded()
	window := k.window()
	n := rounds(t, 12)
	counts := map[string]int{}
	for i := range n {
		k.expire()
		before, _ := k.family.Current()
		k.endedAfter(2*window*time.Duration(i)/time.Duration(n), os.Kill)
		counts[k.survives(before)]++
	}
	t.Logf("killed %d times within %v: %v", n, window, counts)
}

// 50 processes want a token of one session that has expired: one of them asks the provider.
func TestWindowsProcessesRenewOnce(t *testing.T) {
	k := newWindows(t)
	const crowd = 50
	for range rounds(t, 2) {
		k.expire()
		before := k.family.Asked()
		began := time.Now()
		outs, errs := make([]bytes.Buffer, crowd), make([]bytes.Buffer, crowd)
		cmds := make([]*exec.Cmd, crowd)
		for i := range cmds {
			cmds[i] = k.cmd("token", "work")
			cmds[i].Stdout, cmds[i].Stderr = &outs[i], &errs[i]
			check(t, cmds[i].Start())
		}
		for i, cmd := range cmds {
			err := cmd.Wait()
			if _, access := k.family.Current(); err != nil || outs[i].String() != access+"\n" || errs[i].Len() > 0 {
				t.Errorf("%v: %q, not %s\n%s", err, outs[i].String(), access, errs[i].String())
			}
		}
		if asked := k.family.Asked() - before; asked != 1 || k.family.Revoked() {
			t.Fatalf("asked %d times, revoked: %v", asked, k.family.Revoked())
		}
		t.Logf("%d processes in %v", crowd, time.Since(began))
	}
	k.lives()
}

// The key of a session is in the Credential Manager: the file alone opens nothing.
func TestWindowsKeyring(t *testing.T) {
	k := newWindows(t)
	k.set("OIDC_KEYRING", "auto")
	k.again()
	data, err := os.ReadFile(k.store.Path("work"))
	check(t, err)
	refresh, _ := k.family.Current()
	if bytes.Contains(data, []byte(refresh)) || !bytes.Contains(data, []byte(`"sealed"`)) {
		t.Errorf("the session is not sealed: %s", data)
	}
	k.expire()
	k.prints()
	k.set("OIDC_KEYRING", "off")
	k.expire()
	k.fails(6, "keyring", "token", "work")
}

// A command gets the token in its environment, and its exit code is passed on.
func TestWindowsExec(t *testing.T) {
	k := newWindows(t)
	_, access := k.family.Current()
	for _, more := range [][]string{nil, {"--file"}} {
		show := "echo %OIDC_TOKEN%"
		if more != nil {
			show = "type %OIDC_TOKEN_FILE%"
		}
		args := append(append([]string{"exec", "work"}, more...), "--", "cmd", "/c", show+"& exit 7")
		code, stdout, stderr := k.run(args...)
		if code != 7 || strings.TrimSpace(stdout) != access {
			t.Errorf("%v: exit %d, %q\n%s", args, code, stdout, stderr)
		}
	}
	k.fails(127, "no-such-command", "exec", "work", "--", "no-such-command")
}

// What kubectl, git and docker ask for.
func TestWindowsHelpers(t *testing.T) {
	k := newWindows(t)
	_, access := k.family.Current()
	var credential struct {
		Kind   string
		Status struct{ Token string }
	}
	check(t, json.Unmarshal([]byte(k.good("helper", "kubernetes", "work", "--access-token")), &credential))
	if credential.Kind != "ExecCredential" || credential.Status.Token != access {
		t.Errorf("kubectl gets %+v", credential)
	}
	git := k.cmd("helper", "git", "work", "--host", "git.example.com", "get")
	git.Stdin = strings.NewReader("protocol=https\r\nhost=git.example.com\r\n\r\n") // as a script may send it
	want := "username=oauth2\npassword=" + access + "\n"
	if code, stdout, stderr := k.ends(git); code != 0 || !strings.HasPrefix(stdout, want) {
		t.Errorf("git: exit %d, %q\n%s", code, stdout, stderr)
	}
	named := filepath.Join(k.folder, "docker-credential-oidc-work.exe")
	data, err := os.ReadFile(k.argv[len(k.argv)-1])
	check(t, err)
	check(t, os.WriteFile(named, data, 0o700)) //nolint:gosec // a program
	k.argv = append(slices.Clone(k.argv[:len(k.argv)-1]), named)
	docker := k.cmd("get")
	docker.Stdin = strings.NewReader("https://registry.example.com\r\n")
	if code, stdout, stderr := k.ends(docker); code != 0 || !strings.Contains(stdout, `"Secret":"`+access+`"`) {
		t.Errorf("docker: exit %d, %s\n%s", code, stdout, stderr)
	}
}

// oidc-token answers by itself, and runs the program beside it for everything else.
func TestWindowsFastToken(t *testing.T) {
	k := newWindows(t)
	k.argv = append(slices.Clone(k.argv[:len(k.argv)-1]), filepath.Join(windowsPrograms(t), "oidc-token.exe"))
	k.answers("work")
	k.expire()
	k.answers("work")
	if n := k.family.Asked(); n != 2 { // one is of the login
		t.Errorf("the provider was asked %d times", n)
	}
	k.fails(6, "there is no session nobody", "nobody")
}

// answers checks what the small program prints.
func (k *keeper) answers(args ...string) {
	k.t.Helper()
	code, stdout, stderr := k.run(args...)
	if _, access := k.family.Current(); code != 0 || stdout != access+"\n" || stderr != "" {
		k.t.Fatalf("exit %d, %q, not %s\n%s", code, stdout, access, stderr)
	}
}

// The agent listens on a named pipe: it has sessions that are in no file, renews what others want,
// and ends when it is told to.
func TestWindowsAgent(t *testing.T) {
	k := newWindows(t)
	k.fails(2, "no agent listens on "+pipeOf(k), "agent", "status")
	agent := k.cmd("agent")
	check(t, agent.Start())
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	defer func() { _ = agent.Process.Kill() }()
	check(t, eventually(func() error { // wine lets the first who connects wait in vain
		if code, _, stderr := k.run("agent", "status"); code != 0 {
			return errors.New(stderr)
		}
		return nil
	}))
	k.fails(2, "an agent is running already", "agent")
	k.family = k.op.Rotate(5 * time.Minute)
	k.write("refresh", "refresh-0")
	check(t, os.Remove(filepath.Join(k.folder, ".refresh.lock")))
	k.good("refresh-token", "-c", "config.yaml", "--refresh-token", "@refresh", "--skip-userinfo",
		"--save", "memory", "--in-memory")
	if _, err := k.store.Load("memory"); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("it is in a file: %v", err)
	}
	for range 5 {
		if _, access := k.family.Current(); k.good("token", "memory") != access+"\n" {
			t.Errorf("it does not print %s", access)
		}
	}
	k.again()
	k.expire()
	before := k.family.Asked()
	k.prints()
	if n := k.family.Asked() - before; n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
	k.good("agent", "stop")
	select {
	case err := <-ended:
		check(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("the agent does not end")
	}
	k.fails(6, "there is no session memory", "token", "memory")
}

// unlikeWindows are tests of what wine or Windows does not have: symbolic links, the modes of UNIX,
// files that are removed while they are open, and renames that wait for no reader: those of 20 processes
// that look at one session all the time outlast the two seconds of TestOnceWithoutLocks.
var unlikeWindows = []string{
	"TestCreateFollowsLinks", "TestRemoveFollowsSymbolicLinks", "TestSymbolicLinksAreFollowed", "TestHardLinked",
	"TestSweepTakesFilesOnly", "TestWatch", "TestLinkedSession", "TestLockFileIsRemoved", "TestOnceWithoutLocks",
	"TestFolder/no_folder", "TestFolder/others_can_write",
}

// The tests of the packages that have to do with the system.
func TestWindowsPackages(t *testing.T) {
	windowsPrograms(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	args := []string{"test", "-json", "-count=1", "-timeout=4m", "-p=1", "-exec=timeout --kill-after=1 270 " + wine}
	for name := range strings.FieldsSeq("agent cache config durable keyring loopback place renewal run session") {
		args = append(args, "./internal/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = "..", slices.Concat(os.Environ(), wineEnv(t), forWindows)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	passed, faults := judgePackages(t, out)
	if passed < 100 {
		t.Errorf("only %d tests passed", passed)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
	t.Logf("%d tests passed", passed)
}

// judgePackages counts the tests that found no fault, and returns the faults of the others. That a
// temporary folder cannot be removed is a fault of wine: it has no FileDispositionInformationEx.
func judgePackages(t *testing.T, out []byte) (passed int, faults []string) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var event struct{ Action, Package, Test, Output string }
		check(t, json.Unmarshal(line, &event))
		text := strings.TrimSpace(event.Output)
		said := strings.Contains(text, "_test.go:") || strings.HasPrefix(text, "panic:")
		switch {
		case event.Action == "pass" || event.Action == "fail":
			if event.Test != "" {
				passed++
			}
		case event.Action == "build-fail" || said && !slices.Contains(unlikeWindows, event.Test):
			faults = append(faults, fmt.Sprintf("%s %s: %s", event.Package, event.Test, text))
		}
	}
	return passed, faults
}
