//go:build unix

// oidc-token beside oidc-client: whatever is asked of both, they print the same and end the same.

package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
)

// standIn is the exit code of the script that [tokenAlone] has in the place of oidc-client.
const standIn = 99

var theTokenAlone shared[string]

// tokenAlone is oidc-token without oidc-client.
func tokenAlone(t *testing.T) string {
	t.Helper()
	return *theTokenAlone.get(t, func(t *testing.T) *string {
		folder := sharedFolder(t)
		path := filepath.Join(folder, "oidc-token")
		printed(t, "..", "go", "build", "-o", path, "./cmd/oidc-token")
		script := fmt.Sprintf("#!/bin/sh\necho \"oidc-client: $*\" >&2\nexit %d\n", standIn)
		check(t, os.WriteFile(filepath.Join(folder, "oidc-client"), []byte(script), 0o700))
		return &path
	})
}

// A tokenCase is a command line of both programs. fast says that oidc-token answers it alone.
type tokenCase struct {
	args string
	env  string // NAME=VALUE, separated by spaces; it comes after that of the table
	fast bool
}

// compare runs a command line with both programs.
func (c tokenCase) compare(t *testing.T, folder string, env ...string) {
	t.Helper()
	args := strings.Fields(strings.ReplaceAll(c.args, "''", "\x00"))
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "\x00", "")
	}
	whole := args
	if len(args) == 0 || args[0] != "helper" {
		whole = append([]string{"token"}, args...)
	}
	type result struct {
		code           int
		stdout, stderr string
	}
	run := func(program string, args []string) (r result) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Env = folder,
			append(append([]string{"PATH=" + os.Getenv("PATH"), "OIDC_KEYRING=off"}, env...), strings.Fields(c.env)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	}
	want := run(program(t), whole)
	got := run(oidcToken(t), args)
	alone := run(tokenAlone(t), args)
	switch {
	case got != want:
		t.Errorf("%q %s:\n%+v\noidc-client has\n%+v", c.args, c.env, got, want)
	case c.fast && (alone != want || want.code != 0 || want.stderr != ""):
		t.Errorf("%q %s: oidc-token alone has\n%+v\noidc-client has\n%+v", c.args, c.env, alone, want)
	case !c.fast &&
		(alone.code != standIn || alone.stdout != "" || alone.stderr != "oidc-client: "+strings.Join(whole, " ")+"\n"):
		t.Errorf("%q %s: oidc-token alone has\n%+v", c.args, c.env, alone)
	}
}

// freshSession is a session whose tokens last for an hour.
func freshSession(name string) *session.Session {
	now := time.Now()
	return &session.Session{
		Schema: session.Schema, Name: name, Generation: 1, Received: now.Add(-time.Minute), Renewable: true,
		Grant: session.Grant{Issuer: "http://127.0.0.1:1", ClientID: "a", Scopes: []string{"openid"}},
		Tokens: session.Tokens{
			AccessToken: "the-access-token-of-" + name, TokenType: "Bearer", Expires: now.Add(time.Hour),
			IDToken: "the.id.token-of-" + name, IDTokenExpires: now.Add(time.Hour),
		},
		Secret: &session.Secret{
			RefreshToken: "r",
			Client:       []byte(`{"flags":{"issuer":["http://127.0.0.1:1"],"client-id":["a"]}}`),
		},
	}
}

// saveSessions stores sessions that are fresh but for what their names say.
func saveSessions(t *testing.T, store *session.Files) {
	t.Helper()
	for name, change := range map[string]func(s *session.Session){
		"work":    func(*session.Session) {},
		"helper":  func(*session.Session) {},
		"expired": func(s *session.Session) { s.Tokens.Expires = time.Now().Add(-time.Minute) },
		"nearly":  func(s *session.Session) { s.Tokens.Expires = time.Now().Add(10 * time.Second) },
		"ended":   func(s *session.Session) { s.Tokens.Expires, s.Renewable = time.Now().Add(-time.Minute), false },
		"endless": func(s *session.Session) {
			s.Tokens.Expires, s.Tokens.IDTokenExpires = time.Time{}, time.Time{}
		},
		"future":      func(s *session.Session) { s.Received = time.Now().Add(time.Hour) },
		"no-id-token": func(s *session.Session) { s.Tokens.IDToken = "" },
		"withheld":    func(s *session.Session) { s.Withheld = "sig" },
		"unverified":  func(s *session.Session) { s.Unverified = "--skip-id-token-verification" },
		"spent": func(s *session.Session) {
			s.Claim = &session.Claim{Began: time.Now(), Process: 1, Why: "cut off"}
		},
		"dpop":  func(s *session.Session) { s.Tokens.TokenType = "DPoP" },
		"lower": func(s *session.Session) { s.Tokens.TokenType = "bearer" },
		"json":  func(s *session.Session) { s.Tokens.AccessToken = ` { "a": 1}` },
		"lines": func(s *session.Session) { s.Tokens.AccessToken = "a\nb" },
		"html":  func(s *session.Session) { s.Tokens.IDToken = "a<b>&c" },
	} {
		s := freshSession(name)
		change(s)
		check(t, session.Save(store, s))
	}
	for name, text := range map[string]string{
		"empty": "", "broken": `{"schema":1,`,
		"later": `{"schema":99,"name":"later"}`,
	} {
		check(t, os.WriteFile(store.Path(name), []byte(text), 0o600))
	}
	data, err := os.ReadFile(store.Path("work"))
	check(t, err)
	for name, mode := range map[string]os.FileMode{
		"other-name": 0o600, "readable": 0o644, "writable": 0o660,
		"others": 0o600, "closed": 0,
	} {
		if name != "other-name" {
			data = []byte(strings.Replace(string(data), `"name":"`+nameIn(data)+`"`, `"name":"`+name+`"`, 1))
		}
		check(t, os.WriteFile(store.Path(name), data, 0o600))
		check(t, os.Chmod(store.Path(name), mode))
	}
	if os.Geteuid() == 0 { // only root can give a file away
		check(t, os.Chown(store.Path("others"), 12345, -1))
	}
	check(t, os.Symlink(store.Path("work"), store.Path("link")))
}

// nameIn is the name of the session in a file.
func nameIn(data []byte) string {
	_, rest, _ := strings.Cut(string(data), `"name":"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

func TestOIDCTokenIsTheSame(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store := &session.Files{Folder: filepath.Join(folder, "sessions")}
	saveSessions(t, store)
	single := &session.Files{Folder: filepath.Join(folder, "state", "oidc-client", "sessions")}
	check(t, session.Save(single, freshSession("only")))
	own, open := "OIDC_SESSIONS="+store.Folder, filepath.Join(folder, "open")
	inOpen := &session.Files{Folder: open}
	check(t, session.Save(inOpen, freshSession("work")))
	check(t, os.Chmod(open, 0o770)) //nolint:gosec // it is to be too open
	kubectl := func(version string) string {
		return `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/` + version +
			`","kind":"ExecCredential"}`
	}
	for _, c := range []tokenCase{
		{"work", "", true},
		{"work --header", "", true},
		{"--id-token work", "", true},
		{"work --id-token --header", "", true},
		{"lower --header", "", true},
		{"dpop", "", true},
		{"dpop --header", "", false},
		{"dpop --header --id-token", "", true},
		{"unverified", "", true},
		{"unverified --id-token", "", false},
		{"endless", "", true},
		{"spent", "", true},
		{"readable", "", true},
		{"link", "", false},
		{"", "OIDC_SESSION=work", true},
		{"work", "OIDC_SESSION=dpop", true},
		{"work", "OIDC_SESSION=NO", true},
		{"", "OIDC_SESSION=NO", false},
		{"", "", false},
		{"", "OIDC_SESSIONS= XDG_STATE_HOME=" + filepath.Join(folder, "state"), false},
		{"only", "OIDC_SESSIONS= XDG_STATE_HOME=" + filepath.Join(folder, "state"), true},
		{"only", "OIDC_SESSIONS= HOME=" + folder, false},
		{"work", "OIDC_SESSIONS=", false},
		{"work", "OIDC_SESSIONS=sessions", true},
		{"work", "OIDC_SESSIONS=" + filepath.Join(folder, "none"), false},
		{"work", "OIDC_SESSIONS=" + open, true}, // the folder counts when something is written to it
		{"work", "OIDC_NO_CACHE=true", true},
		{"work", "OIDC_NO_CACHE=maybe", false},
		{"work", "OIDC_KEYRING=require", true},
		{"missing", "", false},
		{"expired", "", false},
		{"nearly", "", false},
		{"ended", "", false},
		{"future", "", false},
		{"no-id-token", "", true},
		{"no-id-token --id-token", "", false},
		{"withheld", "", false},
		{"json", "", false},
		{"lines", "", false},
		{"empty", "", false},
		{"broken", "", false},
		{"later", "", false},
		{"other-name", "", false},
		{"writable", "", false},
		{"others", "", os.Geteuid() != 0},
		{"closed", "", os.Geteuid() == 0}, // root reads it
		{"Work", "", false},
		{"../work", "", false},
		{"work other", "", false},
		{"work ''", "", false},
		{"''", "", false},
		{"-- work", "", false},
		{"work --nonsense", "", false},
		{"work --help", "", false},
		{"work --header=false", "", false},
		{"work --valid-for 1m", "", false},
		{"work --valid-for -1m", "", false},
		{"work --format json", "", false},
		{"work -d", "", false},
		{"helper", "", false},
		{"helper nonsense", "", false},
		{"helper git work get", "", false},
		{"helper kubernetes", "", false},
		{"helper kubernetes work", "", true},
		{"helper kubernetes --access-token work", "", true},
		{"helper kubernetes work --access-token", kubectl("v1beta1"), true},
		{"helper kubernetes work --login", kubectl("v1"), true},
		{"helper kubernetes --login --access-token work", "", true},
		{"helper kubernetes missing --login", "", false},
		{"helper kubernetes work --login=false", "", false},
		{"helper kubernetes work --login --issuer https://op.example --client-id a", "", false},
		{"helper kubernetes work --setup", "", false},
		{"helper kubernetes work", kubectl("v1"), true},
		{"helper kubernetes work", kubectl("v1alpha1"), false},
		{"helper kubernetes work", "KUBERNETES_EXEC_INFO={", false},
		{"helper kubernetes html", "", true},
		{"helper kubernetes endless", "", true},
		{"helper kubernetes dpop", "", true},
		{"helper kubernetes dpop --access-token", "", false},
		{"helper kubernetes unverified", "", false},
		{"helper kubernetes missing", "", false},
		{"helper kubernetes work other", "", false},
		{"helper kubernetes work --header", "", false},
		{"helper kubernetes", "OIDC_SESSION=work", false},
	} {
		c.compare(t, folder, own)
	}
}

// Of an agent both programs take the same: its own sessions go before those in files.
func TestOIDCTokenAsksTheAgent(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	agent, socket := k.startAgent()
	for _, name := range []string{"memory", "twice"} {
		k.family = k.op.Rotate(5 * time.Minute)
		refresh, _ := k.family.Current()
		k.write("refresh", refresh)
		args := []string{
			"refresh-token", "-c", "config.yaml", "--refresh-token", "@refresh", "--skip-userinfo",
			"--save", name, "--in-memory",
		}
		if code, _, stderr := k.run(args...); code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
	}
	check(t, session.Save(k.store, freshSession("twice")))
	elsewhere := &session.Files{Folder: filepath.Join(k.folder, "elsewhere")}
	check(t, session.Save(elsewhere, freshSession("work")))
	gone := filepath.Join(filepath.Dir(socket), "gone.sock")
	leaveSocket(t, gone)
	compare := func(cases ...tokenCase) {
		t.Helper()
		for _, c := range cases {
			c.compare(t, k.folder, k.env...)
		}
	}
	compare(
		tokenCase{"work", "", true},
		tokenCase{"memory", "", true},
		tokenCase{"memory --header", "", true},
		tokenCase{"memory --id-token", "", true},
		tokenCase{"twice", "", true},
		tokenCase{"helper kubernetes memory", "", true},
		tokenCase{"helper kubernetes twice", "", true},
		tokenCase{"missing", "", false},
		tokenCase{"", "", false},
		tokenCase{"work", "OIDC_SESSIONS=" + elsewhere.Folder, true},
		tokenCase{"memory", "OIDC_SESSIONS=" + elsewhere.Folder, false},
		tokenCase{"work", "OIDC_AGENT_SOCK=" + gone, true},
		tokenCase{"memory", "OIDC_AGENT_SOCK=" + gone, false},
		tokenCase{"work", "OIDC_AGENT_SOCK=" + k.store.Path("work"), true},
	)
	check(t, os.Chmod(filepath.Dir(socket), 0o750)) //nolint:gosec // it is to be too open
	compare(tokenCase{"work", "", true}, tokenCase{"memory", "", false})
	check(t, os.Chmod(filepath.Dir(socket), 0o700)) //nolint:gosec // a folder
	check(t, agent.Process.Signal(syscall.SIGSTOP))
	compare(tokenCase{"work", "", false}, tokenCase{"memory", "", false})
	check(t, agent.Process.Signal(syscall.SIGCONT))
	compare(tokenCase{"memory", "", true})
}

// leaveSocket leaves a socket that nobody listens on.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	check(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	check(t, l.Close())
}

// An expired session is refreshed by oidc-client, in the same process.
func TestOIDCTokenRefreshes(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.expire()
	cmd := exec.CommandContext(t.Context(), oidcToken(t), "work")
	cmd.Env, cmd.Dir = k.env, t.TempDir()
	code, stdout, stderr := k.ends(cmd)
	if _, access := k.family.Current(); code != 0 || stdout != access+"\n" || stderr != "" || k.family.Asked() != 2 {
		t.Errorf("exit %d, %q, not %s\n%s", code, stdout, access, stderr)
	}
	k.prints()
}

// What oidc-token runs in its place has its arguments, environment, input, process and end.
func TestOIDCTokenBecomes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	printed(t, "..", "go", "build", "-o", filepath.Join(folder, "small", "oidc-token"), "./cmd/oidc-token")
	check(t, os.Symlink(filepath.Join("small", "oidc-token"), filepath.Join(folder, "linked")))
	script := "#!/bin/sh\nfor a; do echo \"<$a>\"; done\ncat\nenv | sort\necho $$\n"
	run := func(end, program, path string, args ...string) (*exec.Cmd, string, string) {
		t.Helper()
		check(t, os.WriteFile(filepath.Join(folder, "oidc-client"), []byte(script+end), 0o700))
		cmd := exec.CommandContext(t.Context(), filepath.Join(folder, program), args...)
		cmd.Env = []string{"A=b c", "OIDC_SESSION=x y", "PATH=" + path}
		cmd.Stdin = strings.NewReader("input\n")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd, out.String(), errs.String()
	}
	path := folder + ":" + os.Getenv("PATH")
	for _, program := range []string{"small/oidc-token", "linked"} {
		cmd, out, _ := run("exit 42", program, path, "a b", "", "--x=y\nz")
		if !strings.HasPrefix(out, "<token>\n<a b>\n<>\n<--x=y\nz>\ninput\n") ||
			!strings.Contains(out, "\nA=b c\nOIDC_SESSION=x y\n") ||
			!strings.HasSuffix(out, fmt.Sprintf("\n%d\n", cmd.Process.Pid)) || cmd.ProcessState.ExitCode() != 42 {
			t.Errorf("%s: exit %d\n%s", program, cmd.ProcessState.ExitCode(), out)
		}
	}
	cmd, out, _ := run("kill -TERM $$", "linked", path, "helper", "git", "work", "get")
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !strings.HasPrefix(out, "<helper>\n<git>\n<work>\n<get>\n") || status.Signal() != syscall.SIGTERM {
		t.Errorf("%v\n%s", cmd.ProcessState, out)
	}
	check(t, os.WriteFile(filepath.Join(folder, "small", "oidc-client"), []byte("not executable"), 0o600))
	cmd, _, errs := run("", "linked", ".:relative")
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(errs, "install both programs") {
		t.Errorf("without oidc-client: exit %d\n%s", cmd.ProcessState.ExitCode(), errs)
	}
}

// A token that cannot be written is an error, and oidc-client says which.
func TestOIDCTokenCannotWrite(t *testing.T) {
	t.Parallel()
	store := &session.Files{Folder: t.TempDir()}
	check(t, session.Save(store, freshSession("work")))
	var ends []string
	for _, args := range [][]string{{oidcToken(t), "work"}, {program(t), "token", "work"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			return // it is Linux's
		}
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Env = []string{"OIDC_SESSIONS=" + store.Folder}
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		err = cmd.Run()
		check(t, full.Close())
		ends = append(ends, fmt.Sprint(err, errs.String()))
	}
	if ends[0] != ends[1] || !strings.HasPrefix(ends[0], "exit status 1") {
		t.Errorf("%q", ends)
	}
}

// Its help says what it is, and does not need oidc-client.
func TestOIDCTokenHelp(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		out := printed(t, ".", tokenAlone(t), flag)
		if !strings.HasPrefix(out, "oidc-token prints a token of a session") || len(strings.Split(out, "\n")) > 16 {
			t.Errorf("%s", out)
		}
	}
}

// The script for bash completes oidc-token: bash asks it, and it asks oidc-client. It needs nothing but
// bash, which splits words at = and :.
func TestOIDCTokenIsCompleted(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	needed(t, "bash", err)
	store := &session.Files{Folder: t.TempDir()}
	for _, name := range []string{"work", "world", "home"} {
		check(t, session.Save(store, freshSession(name)))
	}
	// compopt works only while bash completes.
	const script = `
compopt() { :; }
. <(oidc-client completion bash)
complete -p oidc-token > /dev/null || exit 1
IFS='|' read -ra COMP_WORDS <<< "$1"
[[ $1 != *'|' ]] || COMP_WORDS+=("")
COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
[[ -z $3 ]] || COMP_LINE+=$3 COMP_WORDS[COMP_CWORD]+=$3
__start_oidc-client
echo "${COMPREPLY[@]%% *}"`
	for _, c := range []struct{ words, line, behind, want string }{
		{"oidc-token|wo", "oidc-token wo", "", "work world"},
		{"oidc-token|wo", "oidc-token  wo", "me", "work world"}, // the cursor is inside the word
		{"oidc-token|work|--head", "oidc-token work --head", "", "--header"},
		{"oidc-token|helper|kube", "oidc-token helper kube", "", "kubernetes"},
		{"oidc-token|helper|kubernetes|h", "oidc-token helper kubernetes h", "", "home"},
		{"oidc-client|userinfo|--session|=|h", "oidc-client userinfo --session=h", "", "home"},
		{"oidc-client|userinfo|--session|=", "oidc-client userinfo --session=", "", "home work world"},
		{
			"oidc-client|login|--issuer|=|https|:|//a:1|--prompt|con",
			"oidc-client login --issuer=https://a:1 --prompt con", "", "consent",
		},
		{"oidc-client|help|exit", "oidc-client help exit", "", "exit-codes"},
	} {
		cmd := exec.CommandContext(t.Context(), bash, "-c", script, "bash", c.words, c.line, c.behind)
		cmd.Env = completionEnvironment(t, store.Folder)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("%s: %q, not %q (%v)", c.line, got, c.want, err)
		}
	}
	for shell, registers := range map[string]string{
		"bash": "oidc-client oidc-token", "zsh": "compdef _oidc-client oidc-client oidc-token",
		"fish":       "-k -c oidc-token ",
		"powershell": "'oidc-client', 'oidc-token' -ScriptBlock",
	} {
		for _, args := range [][]string{{"completion", shell}, {"completion", shell, "--no-descriptions"}} {
			code, stdout, _ := runProgram(args, "")
			if code != 0 || !strings.Contains(stdout, registers) {
				t.Errorf("%v: exit %d, without %q", args, code, registers)
			}
		}
	}
}

// completionEnvironment is an environment for a shell that completes.
func completionEnvironment(t *testing.T, sessions string) []string {
	return []string{
		"OIDC_SESSIONS=" + sessions, "HOME=" + t.TempDir(), "TERM=dumb",
		"PATH=" + filepath.Dir(program(t)) + ":" + os.Getenv("PATH"),
	}
}

// zsh loads the script before compinit too, and says what is missing. After compinit it registers both
// programs.
func TestZshCompletion(t *testing.T) {
	t.Parallel()
	zsh, err := exec.LookPath("zsh")
	needed(t, "zsh", err)
	for script, want := range map[string]string{
		`eval "$(oidc-client completion zsh)"; print loaded`: "oidc-client: completion needs zsh's completion " +
			"system; add to .zshrc, before this script: autoload -Uz compinit && compinit\nloaded\n",
		`autoload -Uz compinit && compinit -D; source <(oidc-client completion zsh)
			print $_comps[oidc-client] $_comps[oidc-token]`: "_oidc-client _oidc-client\n",
	} {
		cmd := exec.CommandContext(t.Context(), zsh, "-f", "-c", script)
		cmd.Env = completionEnvironment(t, t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s:\n%s%v", script, out, err)
		}
	}
}

// fish completes both programs.
func TestFishCompletion(t *testing.T) {
	t.Parallel()
	fish, err := exec.LookPath("fish")
	needed(t, "fish", err)
	store := &session.Files{Folder: t.TempDir()}
	check(t, session.Save(store, freshSession("work")))
	for line, want := range map[string]string{
		"oidc-token wo": "work", "oidc-client userinfo --session=wo": "--session=work",
		"oidc-client login --prompt con": "consent",
	} {
		cmd := exec.CommandContext(t.Context(), fish, "--no-config", "-c",
			"oidc-client completion fish | source; complete -C '"+line+"'")
		cmd.Env = completionEnvironment(t, store.Folder)
		out, err := cmd.CombinedOutput()
		got, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
		if err != nil || got != want {
			t.Errorf("%s: %q (%v)", line, out, err)
		}
	}
}
