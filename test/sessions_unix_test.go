//go:build unix

package test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// C7, H30: a process is told to end at any moment of a refresh, once or twice. No session is
// lost, and none may be: the answer comes home first.
func TestTerminatedAnywhere(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]os.Signal{
		"SIGTERM": {syscall.SIGTERM}, "SIGINT": {syscall.SIGINT}, "SIGTERM twice": {syscall.SIGTERM, syscall.SIGTERM}, "SIGINT twice": {syscall.SIGINT, syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(t)
			window := k.window()
			n := rounds(t, 50)
			counts, ends := map[string]int{}, map[string]int{}
			for i := range n {
				k.expire()
				before, _ := k.family.Current()
				ends[k.endedAfter(window*time.Duration(i)/time.Duration(n), signals...)]++
				s := k.stored()
				refresh, _ := k.family.Current()
				state := "renewed"
				switch {
				case s.Attempt != nil:
					t.Fatalf("it may be spent: %s", s.Attempt)
				case s.Secret.RefreshToken != refresh || k.family.Seen(refresh) != 0:
					t.Fatalf("lost: %s is stored, seen %d times, and %s works", s.Secret.RefreshToken, k.family.Seen(s.Secret.RefreshToken), refresh)
				case refresh == before:
					state = "not sent"
				}
				counts[state]++
				k.prints()
				if k.family.Revoked() {
					t.Fatal("a refresh token was sent twice")
				}
			}
			t.Logf("%s %d times within %v: %v, %v", name, n, window, counts, ends)
			k.leftovers()
		})
	}
}

// An agent that is stopped, as by Ctrl-Z, holds nobody up. What is fresh is printed; whether it
// has a session of the name cannot be known, so that none is renewed.
func TestAgentIsStopped(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	run, err := os.MkdirTemp("", "agent") // the path of a socket is short
	check(t, err)
	defer os.RemoveAll(run)
	socket := filepath.Join(run, "agent.sock")
	k.env = append(k.env, "OIDC_AGENT_SOCK="+socket)
	agent := k.cmd("agent")
	check(t, agent.Start())
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	}()
	for _, err := os.Stat(socket); err != nil; _, err = os.Stat(socket) {
		time.Sleep(10 * time.Millisecond)
	}
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
