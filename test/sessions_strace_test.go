//go:build strace

// `make kills` runs this: it wants strace, to be allowed to use it, and some minutes.

package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	for _, call := range []string{
		"openat", "write", "pwrite64", "ftruncate", "fsync", "renameat", "renameat2",
		"unlinkat", "fchmod", "flock", "fcntl", "socket", "connect", "read", "newfstatat", "fstat", "close",
	} {
		survived := 0
		for n := 0; n < rounds(t, 40) && survived < 8; { // calls are counted for each thread, and the threads vary
			k.expire()
			before, _ := k.family.Current()
			cmd := k.cmd()
			cmd.Path, cmd.Args = strace,
				[]string{
					"strace", "-f", "-qq", "-o", os.DevNull, "-e",
					fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n+1), program(t), "token", "work",
				}
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

// Whichever call fails from then on, the new refresh token ends somewhere that is named, or in its
// place.
func TestNamedWhateverFails(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	check(t, err)
	k := newKeeper(t)
	file, temporary := filepath.Join(k.folder, "refresh"), t.TempDir()
	k.env = append(k.env, "TMPDIR="+temporary)
	counts := map[string]int{}
	for _, fault := range []string{
		"fsync:error=EIO", "pwrite64:error=ENOSPC", "write:error=ENOSPC",
		"ftruncate:error=EIO", "renameat:error=EROFS", "close:error=EIO",
	} {
		for n := 1; n <= 12; n++ {
			for _, args := range [][]string{
				{"token", "work"},
				{
					"refresh-token", "-c", filepath.Join(k.folder, "config.yaml"), "--refresh-token", "@" + file,
					"--skip-userinfo",
				},
			} {
				k.again()
				k.expire()
				sent, _ := k.family.Current()
				k.write("refresh", sent)
				cmd := k.cmd()
				cmd.Path, cmd.Args = strace,
					append([]string{
						"strace", "-f", "-qq", "-o", os.DevNull, "-e",
						fmt.Sprintf("inject=%s:when=%d+", fault, n), program(t),
					}, args...)
				_, _, stderr := k.ends(cmd)
				current, _ := k.family.Current()
				where := k.whereIs(current, file, temporary, stderr)
				counts[where]++
				if current != sent && where == "" {
					t.Errorf("%s from the %d. on, %v: %s is nowhere\n%s", fault, n, args[0], current, stderr)
				}
			}
		}
	}
	t.Logf("%v", counts)
}

// whereIs says where a refresh token is, "" if nowhere that anybody knows of.
func (k *keeper) whereIs(token, file, temporary, stderr string) string {
	k.t.Helper()
	if s, err := k.store.Load("work"); err == nil && s.Secret.RefreshToken == token {
		return "session"
	}
	if data, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(data)) == token {
		return "file"
	}
	for _, word := range strings.Fields(stderr) {
		name := strings.Trim(word, ";,()")
		if data, err := os.ReadFile(name); err == nil && strings.HasPrefix(name, temporary) &&
			strings.Contains(string(data), token) {
			return "named"
		}
	}
	if strings.Contains(stderr, "\n"+token+"\n") {
		return "shown"
	}
	return ""
}

// On a file system whose locks do nothing, many processes send one refresh token, and all are given
// what came of it. Each says that locks do nothing.
func TestLocksDoNothing(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	check(t, err)
	k := newKeeper(t)
	k.family.Delay(think)
	for range rounds(t, 20) {
		k.expire()
		before := k.family.Asked()
		const crowd = 5
		var all sync.WaitGroup
		for range crowd {
			cmd := k.cmd()
			cmd.Path, cmd.Args = strace,
				[]string{
					"strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=flock", "-e", "inject=flock:retval=0",
					program(t), "token", "work",
				}
			all.Go(func() {
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				if err := cmd.Run(); err != nil || !strings.HasPrefix(out.String(), "access-") ||
					errs.Len() > 0 && !strings.Contains(errs.String(), "file locks do nothing in "+k.store.Folder) {
					t.Errorf("%v, %q\n%s", err, out.String(), errs.String())
				}
			})
		}
		all.Wait()
		if asked := k.family.Asked() - before; asked != 1 || k.family.Revoked() {
			t.Fatalf("asked %d times, revoked: %v", asked, k.family.Revoked())
		}
	}
}
