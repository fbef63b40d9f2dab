//go:build strace

// `make kills` runs this: it wants strace, to be allowed to use it, and some minutes.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A run with --refresh-token @FILE is killed at each system call that could matter.
func TestTokenFileKilledAtEachCall(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	check(t, err)
	f := newTokenFile(t)
	counts := map[string]int{}
	for _, call := range []string{
		"openat", "write", "pwrite64", "ftruncate", "fsync", "renameat", "renameat2", "unlinkat", "fchmod", "fchmodat",
		"flock", "connect", "close",
	} {
		survived := 0
		for n := 0; n < rounds(t, 40) && survived < 8; { // calls are counted for each thread, and the threads vary
			f.family.Delay(think)
			before, _ := f.family.Current()
			cmd := f.cmd()
			inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n+1)
			args := []string{"strace", "-f", "-qq", "-o", os.DevNull, "-e", inject, program(t)}
			cmd.Path, cmd.Args = strace, append(args, f.args()...)
			code, _, stderr := f.ends(cmd)
			if strings.Contains(stderr, "strace:") {
				t.Fatal(stderr)
			}
			counts[call+" "+f.survives(before)]++
			if code == 0 {
				survived++
			}
			if code != 0 || survived%4 == 0 {
				n++
			}
		}
	}
	t.Logf("%v", counts)
}

// The note is on the disk before the first byte of the token leaves.
func TestTokenFileNoteIsSynced(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	check(t, err)
	f := newTokenFile(t)
	trace := filepath.Join(f.folder, "trace")
	cmd := f.cmd()
	const calls = "trace=pwrite64,fsync,write"
	args := []string{"strace", "-f", "-qq", "-y", "-s", "4096", "-o", trace, "-e", calls, program(t)}
	cmd.Path, cmd.Args = strace, append(args, f.args()...)
	if code, _, stderr := f.ends(cmd); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	data, err := os.ReadFile(trace)
	check(t, err)
	var order []string
	for line := range strings.Lines(string(data)) {
		ofLock := strings.Contains(line, ".refresh.lock>")
		switch {
		case ofLock && strings.Contains(line, "pwrite64("):
			order = append(order, "noted")
		case ofLock && strings.Contains(line, "fsync("):
			order = append(order, "synced")
		case strings.Contains(line, "write(") && strings.Contains(line, "refresh_token=refresh-0"):
			order = append(order, "sent")
		}
	}
	if len(order) < 3 || !slices.Equal(order[:3], []string{"noted", "synced", "sent"}) {
		t.Errorf("%v", order)
	}
}
