//go:build unix

package test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// untilFresh is a command that prints the token it has, waits until it has another, and prints that.
const untilFresh = `first=$(cat "$OIDC_TOKEN_FILE"); echo $first
while [ "$(cat "$OIDC_TOKEN_FILE")" = "$first" ]; do sleep 0.05; done; cat "$OIDC_TOKEN_FILE"; echo`

// startExec starts exec --file, whose folder is in run.
func startExec(t *testing.T, k *keeper, script string) (cmd *exec.Cmd, lines *bufio.Scanner, errs *strings.Builder) {
	t.Helper()
	run := filepath.Join(k.folder, "run")
	check(t, os.MkdirAll(run, 0o700))
	k.env = append(k.env, "XDG_RUNTIME_DIR="+run)
	cmd = k.cmd("exec", "work", "--file", "--", "sh", "-c", script)
	errs = &strings.Builder{}
	cmd.Stderr = errs
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	return cmd, bufio.NewScanner(stdout), errs
}

func line(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("the command printed no more: %v", lines.Err())
	}
	return lines.Text()
}

// empty checks that no folder of a token is left.
func empty(t *testing.T, k *keeper) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(k.folder, "run", "oidc-client-*"))
	check(t, err)
	if len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// The file of a token is replaced before the token ends, for as long as the command runs.
func TestExecFileIsKeptFresh(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	_, before := k.family.Current()
	const lifetime = 8 * time.Second // a fifth of it is the margin, which has to do on a slow machine
	began := time.Now()
	k.expireIn(lifetime)
	cmd, lines, errs := startExec(t, k, untilFresh)
	first, second := line(t, lines), line(t, lines)
	took := time.Since(began)
	check(t, cmd.Wait())
	_, now := k.family.Current()
	if first != before || second != now || first == second || took > lifetime || errs.Len() > 0 {
		t.Errorf("%s, then %s after %v\n%s", first, second, took, errs)
	}
	empty(t, k)
}

// A renewal that fails is told, and tried again; the command has its token meanwhile.
func TestExecFileOutlivesFailures(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.expireIn(4 * time.Second)
	failures := make(chan struct{}, 16)
	k.op.Handle("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		failures <- struct{}{}
	})
	cmd, lines, errs := startExec(t, k, untilFresh)
	first := line(t, lines)
	<-failures
	<-failures
	k.op.Handle("/.well-known/openid-configuration", nil)
	second := line(t, lines)
	check(t, cmd.Wait())
	if _, now := k.family.Current(); first == second || second != now ||
		strings.Count(errs.String(), "could not be renewed") < 2 {
		t.Errorf("%s, then %s\n%s", first, second, errs)
	}
	empty(t, k)
}

// A signal is the command's, once, and so is the exit code; the folder goes with the command.
func TestExecFileForwardsSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		k := newKeeper(t)
		cmd, lines, _ := startExec(t, k,
			`n=0; trap 'n=$((n+1)); echo got $n' TERM HUP INT QUIT; echo ready; while [ $n = 0 ]; do sleep 0.05; done; sleep 0.3; echo end $n; ls "$OIDC_TOKEN_FILE"; exit 42`)
		if got := line(t, lines); got != "ready" {
			t.Fatal(got)
		}
		check(t, cmd.Process.Signal(signal))
		for _, want := range []string{"got 1", "end 1"} {
			if got := line(t, lines); got != want {
				t.Errorf("%v: %q, not %q", signal, got, want)
			}
		}
		if got := line(t, lines); !strings.HasSuffix(got, "/token") {
			t.Errorf("%v: the file is %q", signal, got)
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 42 {
			t.Errorf("%v: %v", signal, err)
		}
		empty(t, k)
	}
}

// What a renewal on the way checks is shown on standard error: standard output is the command's,
// or the other tool's.
func TestRulesAreNotInTheWay(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	for want, args := range map[string][]string{
		"ran\n": {"exec", "work", "--explain=all", "--", "echo", "ran"},
		`{"`:    {"helper", "docker", "work", "get", "--explain=all"},
	} {
		k.expire()
		cmd := k.cmd(args...)
		cmd.Stdin = strings.NewReader("https://registry.example\n") // what docker asks for
		code, stdout, stderr := k.ends(cmd)
		if code != 0 || !strings.HasPrefix(stdout, want) || strings.Count(stdout, "\n") != 1 ||
			!strings.Contains(stderr, "id_token.iss") {
			t.Errorf("%v: exit %d\n%s\n%s", args, code, stdout, stderr)
		}
	}
	k.expire()
	if code, stdout, _ := k.run("userinfo", "--session", "work", "--explain=all"); code != 0 ||
		strings.Count(stdout, " id_token.iss: ") != 1 || !strings.Contains(stdout, "userinfo.sub") {
		t.Errorf("userinfo: exit %d\n%s", code, stdout)
	}
}
