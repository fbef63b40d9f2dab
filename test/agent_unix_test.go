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
			k.op.Handlers["/token"] = func(w http.ResponseWriter, r *http.Request) {
				token(httptest.NewRecorder(), r)
				fakeop.Says(status, envoy, reset)(w, r)
			}
			k.op.Unlock()
			if agent {
				k.startAgent()
			}
			k.expire()
			check(t, eventually(func() error { // the agent sends it by itself
				if !agent {
					k.run("token", "work")
				}
				if k.stored().Attempt == nil || k.stored().Attempt.Why == "" {
					return errors.New("it is not said that the refresh token may be spent")
				}
				return nil
			}))
			k.op.Lock()
			k.op.Handlers["/token"] = token
			k.op.Unlock()
			for range 3 {
				if code, _, stderr := k.run("token", "work"); code == 0 || !strings.Contains(stderr, strconv.Itoa(status)) {
					t.Errorf("%d: exit %d\n%s", status, code, stderr)
				}
			}
			if n := k.family.Seen(refresh); n != 1 || k.family.Revoked() {
				t.Errorf("%d, agent %v: the refresh token was sent %d times", status, agent, n)
			}
		}
	}
}

// An agent that is stopped, as by Ctrl-Z, holds nobody up. What is fresh is printed; whether it
// has a session of the name cannot be known, so that none is renewed.
func TestAgentIsStopped(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	agent, _ := k.startAgent()
	check(t, agent.Process.Signal(syscall.SIGSTOP))
	began := time.Now()
	if code, stdout, stderr := k.run("token", "work"); code != 0 || stdout != "access-1\n" {
		t.Errorf("exit %d, %q\n%s", code, stdout, stderr)
	}
	k.expire()
	asked := k.family.Asked()
	for _, args := range [][]string{{"token", "work"}, {"sessions", "list"}, {"sessions", "show", "work"}, {"agent", "status"}} {
		if code, _, stderr := k.run(args...); code != 2 || !strings.Contains(stderr, "does not answer") {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
	if took := time.Since(began); took > time.Minute || k.family.Asked() != asked {
		t.Errorf("it took %v, and the provider was asked %d times", took, k.family.Asked()-asked)
	}
}
