//go:build strace

// `make kills` runs this: it wants strace, to be allowed to use it, and some minutes.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A process is killed at each system call that could matter, not only at any moment.
func TestKilledAtEachCall(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	check(t, err)
	k := newKeeper(t)
	k.family.Delay(think)
	counts := map[string]int{}
	for _, call := range []string{"openat", "write", "pwrite64", "ftruncate", "fsync", "renameat", "renameat2", "unlinkat", "fchmod", "flock", "fcntl", "socket", "connect", "read", "newfstatat", "fstat", "close"} {
		survived := 0
		for n := 0; n < rounds(t, 40) && survived < 8; { // calls are counted for each thread, and the threads vary
			k.expire()
			before, _ := k.family.Current()
			cmd := k.cmd()
			cmd.Path, cmd.Args = strace, []string{"strace", "-f", "-qq", "-o", os.DevNull, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n+1), program(t), "token", "work"}
			code, _, stderr := k.ends(cmd)
			if strings.Contains(stderr, "strace:") {
				t.Fatal(stderr)
			}
			counts[call+" "+k.survives(before)]++
			if code == 0 {
				survived++
			}
			if code != 0 || survived%4 == 0 {
				n++
			}
			k.family.Delay(think)
		}
	}
	t.Logf("%v", counts)
	k.leftovers()
}
