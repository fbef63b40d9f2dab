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
		"SIGTERM": {syscall.SIGTERM}, "SIGINT": {syscall.SIGINT}, "SIGTERM twice": {syscall.SIGTERM, syscall.SIGTERM},
		"SIGINT twice": {syscall.SIGINT, syscall.SIGINT},
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
				case s.Claim != nil:
					t.Fatalf("it may be spent: %s", s.Claim)
				case s.Secret.RefreshToken != refresh || k.family.Seen(refresh) != 0:
					t.Fatalf("lost: %s is stored, seen %d times, and %s works", s.Secret.RefreshToken,
						k.family.Seen(s.Secret.RefreshToken), refresh)
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

// Two processes that cannot lock each other out, as the lock file is removed while the first waits
// for the provider: one of them sends the refresh token. The other says what it knows.
func TestLockFileIsRemoved(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.expire()
	k.family.Delay(func() {
		if err := os.Remove(filepath.Join(k.store.Folder, ".work.json.lock")); err != nil {
			t.Error(err)
		}
		code, stdout, stderr := k.run("token", "work")
		if code != 6 || stdout != "" ||
			!strings.Contains(stderr, "sent it, or was about to, and has stored no response") {
			t.Errorf("exit %d, %q\n%s", code, stdout, stderr)
		}
	})
	k.prints()
	k.family.Delay(nil)
	k.lives()
}
