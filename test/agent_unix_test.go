//go:build unix

// An agent beside commands, as processes.

package test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// startAgent starts an agent, which commands use from then on, and which ends with the test.
func (k *keeper) startAgent() (agent *exec.Cmd, socket string) {
	k.t.Helper()
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
	check(k.t, err)
	socket = filepath.Join(folder, "agent.sock")
	k.env = append(k.env, "OIDC_AGENT_SOCK="+socket)
	agent = k.cmd("agent")
	check(k.t, agent.Start())
	k.t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
		_ = os.RemoveAll(folder)
	})
	check(k.t, eventually(func() error { _, err := os.Stat(socket); return err }))
	return agent, socket
}

// A proxy that lost the response of the token endpoint says so with its own status, after the
// provider has used the refresh token. It is not sent again, by commands or by an agent.
func TestProxyLosesTheAnswer(t *testing.T) {
	t.Parallel()
	envoy := map[string]string{"Content-Type": "text/plain", "Server": "envoy"}
	const reset = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
	for _, status := range []int{502, 503, 504} {
		for _, agent := range []bool{false, true} {
			k := newKeeper(t)
			refresh, _ := k.family.Current()
			k.op.Lock()
			token := k.op.Handlers["/token"]
			k.op.Unlock()
			k.op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
				token(httptest.NewRecorder(), r)
				fakeop.Says(status, envoy, reset)(w, r)
			})
			if agent {
				k.startAgent()
			}
			k.expire()
			check(t, eventually(func() error { // the agent sends it by itself
				if !agent {
					k.run("token", "work")
				}
				if k.stored().Claim == nil || k.stored().Claim.Why == "" {
					return errors.New("it is not said that the refresh token may be spent")
				}
				return nil
			}))
			k.op.Handle("/token", token)
			for range 3 {
				if code, _, stderr := k.run("token", "work"); code == 0 ||
					!strings.Contains(stderr, strconv.Itoa(status)) {
					t.Errorf("%d: exit %d\n%s", status, code, stderr)
				}
			}
			if n := k.family.Seen(refresh); n != 1 || k.family.Revoked() {
				t.Errorf("%d, agent %v: the refresh token was sent %d times", status, agent, n)
			}
		}
	}
}

// An agent that is stopped, as by Ctrl-Z, takes nothing away: every command uses the sessions in
// files, also to refresh them, and warns. What only the agent has is not said to be gone.
func TestAgentIsStopped(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	agent, socket := k.startAgent()
	refresh := []string{
		"refresh-token", "-c", "config.yaml", "--refresh-token", "@refresh", "--skip-userinfo",
		"--save",
	}
	if code, _, stderr := k.run(append(refresh, "only", "--in-memory")...); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	k.again()
	check(t, agent.Process.Signal(syscall.SIGSTOP))
	uses := func(code int, args ...string) string {
		t.Helper()
		began := time.Now()
		got, stdout, stderr := k.run(args...)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%v took %v", args, took)
		}
		if got != code || strings.Count(stderr, "the agent at "+socket+" does not respond") != 1 ||
			!strings.Contains(stderr, "`oidc-client agent`") {
			t.Errorf("%v: exit %d, not %d\n%s", args, got, code, stderr)
		}
		return stdout
	}
	for _, args := range [][]string{
		{"token"},
		{"token", "work", "--format", "json"},
		{"exec", "work", "--", "sh", "-c", "echo $OIDC_TOKEN"},
		{"exec", "work", "--file", "--", "sh", "-c", "cat $OIDC_TOKEN_FILE"},
		{"helper", "kubernetes", "work"},
	} {
		if stdout := uses(0, args...); !strings.Contains(stdout, "access-") &&
			!strings.Contains(stdout, "ExecCredential") {
			t.Errorf("%v: %s", args, stdout)
		}
	}
	for _, args := range [][]string{
		{"userinfo", "--session", "work"},
		{"sessions", "list"},
		{"sessions", "show", "work"},
		append(refresh, "old"),
		{"sessions", "delete", "old"},
	} {
		uses(0, args...)
	}
	k.again()
	k.expire()
	// one is of the login
	if stdout := uses(0, "token", "work"); stdout != "access-2\n" || k.family.Asked() != 2 || k.family.Revoked() {
		t.Errorf("%q, and the provider was asked %d times", stdout, k.family.Asked())
	}
	uses(0, "sessions", "refresh", "work")
	for _, args := range [][]string{
		{"token", "only"},
		{"sessions", "show", "only"},
		{"agent", "status"},
		append(refresh, "other", "--in-memory"),
	} {
		uses(2, args...)
	}
	if n := k.family.Asked(); n != 3 {
		t.Errorf("the provider was asked %d times", n)
	}
	check(t, agent.Process.Signal(syscall.SIGCONT))
	k.prints()
	if code, stdout, stderr := k.run("token", "only"); code != 0 || !strings.HasPrefix(stdout, "access-") ||
		stderr != "" {
		t.Errorf("exit %d, %q\n%s", code, stdout, stderr)
	}
}
