//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package run

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// readUnedited makes a terminal hand over what is typed at once, without the length that it allows a
// line, and without echo. Ctrl-C, Ctrl-Z and Ctrl-\ stay what they are. restore gives it back as it was;
// so do the signals that stop or kill the process. ok is false if f is no terminal, or if another program
// has it.
func readUnedited(f *os.File) (restore func(), ok bool) {
	fd := int(f.Fd())
	old, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil || !foreground(fd) {
		return nil, false
	}
	t := &unedited{fd: fd, old: *old, done: make(chan struct{})}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGQUIT)
	if !t.begin() {
		signal.Stop(signals)
		return nil, false
	}
	go t.watch(signals)
	return func() {
		signal.Stop(signals)
		close(t.done)
		t.end()
	}, true
}

// An unedited is a terminal that is read without its line editing.
type unedited struct {
	fd   int
	old  unix.Termios
	done chan struct{}

	mu   sync.Mutex
	over bool // it is given back for good
	on   bool
}

// begin turns line editing off, if the process has the terminal.
func (t *unedited) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || !foreground(t.fd) {
		return false
	}
	raw := t.old
	raw.Lflag &^= unix.ICANON | unix.ECHO
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	t.on = unix.IoctlSetTermios(t.fd, setTermios, &raw) == nil
	return t.on
}

// pause gives the terminal back, until begin.
func (t *unedited) pause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.on {
		t.on = unix.IoctlSetTermios(t.fd, setTermios, &t.old) != nil
	}
}

// end gives the terminal back for good.
func (t *unedited) end() {
	t.pause()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

// watch gives the terminal back while the process is stopped, and before it is killed.
func (t *unedited) watch(signals <-chan os.Signal) {
	for {
		select {
		case <-t.done:
			return
		case s := <-signals:
			switch s {
			case syscall.SIGTSTP:
				t.pause()
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // SIGCONT follows
			case syscall.SIGCONT:
				t.begin()
			default:
				t.end()
				signal.Reset(s)
				_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT)
			}
		}
	}
}

// foreground reports whether this process has the terminal: setting it would stop any other.
func foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
