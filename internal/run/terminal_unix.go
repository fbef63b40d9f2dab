//go:build !windows

package run

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// detach lets a program live on when this one is interrupted at the terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// openConsole opens the terminal of the process, for writing. It does not stop a process in the
// background.
func openConsole() (io.WriteCloser, error) {
	signal.Ignore(syscall.SIGTTOU)
	return os.OpenFile("/dev/tty", os.O_WRONLY, 0)
}

// KeepRunning makes reading from the terminal an error where it would stop a
// program in the background.
func KeepRunning() { signal.Ignore(syscall.SIGTTIN) }

// isNull reports whether a file is the null device, by whatever name.
func isNull(_ *os.File, info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	if err != nil || info.Mode()&fs.ModeCharDevice == 0 {
		return false
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	want, known := null.Sys().(*syscall.Stat_t)
	return ok && known && is.Rdev == want.Rdev
}
