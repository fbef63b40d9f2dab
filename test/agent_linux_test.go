package test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// No other process of the user can read the memory of the agent, which has the refresh tokens:
// what is in /proc of such a process belongs to root. So the agent of this test is not root's.
func TestAgentHidesItsMemory(t *testing.T) {
	t.Parallel()
	user := os.Geteuid()
	if user == 0 {
		user = 65534
	}
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
	check(t, err)
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "oidc-client")
	data, err := os.ReadFile(program(t))
	check(t, err)
	check(t, os.WriteFile(binary, data, 0o700))
	cmd := exec.CommandContext(t.Context(), binary, "agent", "--socket", filepath.Join(folder, "agent.sock"))
	cmd.Dir, cmd.Env = folder, []string{"HOME=" + folder, "OIDC_KEYRING=off"}
	if os.Geteuid() == 0 {
		check(t, errors.Join(os.Chown(folder, user, user), os.Chown(binary, user, user)))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	}
	check(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	check(t, eventually(func() error {
		_, err := os.Stat(filepath.Join(folder, "agent.sock"))
		return err
	}))
	info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid))
	check(t, err)
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("its memory belongs to the user %d, who it runs as", owner)
	}
}
