//go:build unix

package test

import (
	"os"
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
