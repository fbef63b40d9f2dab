//go:build linux

// A real terminal: what a person pastes into it, and how it is given back.

package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// A terminal is a pseudo-terminal with the program on it.
type terminal struct {
	t              *testing.T
	person, device *os.File // its two ends
	cmd            *exec.Cmd
	stdout         bytes.Buffer

	mu     sync.Mutex
	shown  bytes.Buffer
	change chan struct{} // something was shown
}

func ioctl(t *testing.T, f *os.File, request uintptr, to unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(to)); errno != 0 {
		t.Fatalf("ioctl %x: %v", request, errno)
	}
}

// newTerminal starts the program on a terminal of its own.
func newTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	check(t, err)
	var unlocked, number int32
	ioctl(t, person, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	ioctl(t, person, syscall.TIOCGPTN, unsafe.Pointer(&number))
	device, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	check(t, err)
	d := &terminal{t: t, person: person, device: device, change: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(d.read)
	d.cmd = exec.CommandContext(t.Context(), program(t), args...)
	d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = device, &d.stdout, device
	d.cmd.Env = append(os.Environ(), "OIDC_KEYRING=off", "HOME="+t.TempDir())
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, d.cmd.Start())
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
		check(t, device.Close())
		check(t, person.Close())
		reading.Wait()
	})
	return d
}

// read takes what is shown, so that the program is never held up.
func (d *terminal) read() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := d.person.Read(buffer)
		d.mu.Lock()
		d.shown.Write(buffer[:n])
		d.mu.Unlock()
		select {
		case d.change <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (d *terminal) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown.String()
}

// await waits until a pattern is shown, and returns what it found.
func (d *terminal) await(pattern string) []string {
	d.t.Helper()
	for limit := time.After(20 * time.Second); ; {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(d.text()); found != nil {
			return found
		}
		select {
		case <-d.change:
		case <-limit:
			d.t.Fatalf("%s is not shown:\n%s", pattern, d.text())
		}
	}
}

// edits reports whether the terminal edits and echoes lines, as it does when nobody changes that.
func (d *terminal) edits() bool {
	d.t.Helper()
	var state syscall.Termios
	ioctl(d.t, d.device, syscall.TCGETS, unsafe.Pointer(&state))
	const both = syscall.ICANON | syscall.ECHO
	return state.Lflag&both == both
}

// ends waits for the end of the program, and returns its exit code, or 128 and the signal.
func (d *terminal) ends() int {
	d.t.Helper()
	_ = d.cmd.Wait() // the exit code is what counts
	status := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// loginOnTerminal starts a login on a terminal, and returns where the browser is to go.
func loginOnTerminal(t *testing.T, args ...string) (*terminal, string) {
	t.Helper()
	o := fault.Options{Options: providerDefaults()}
	o.Auto, o.Clients = true, []provider.Client{{ID: "app", Secret: faultSecret}}
	op, err := fault.Start(o)
	check(t, err)
	t.Cleanup(func() { _ = op.CloseNow() })
	config := filepath.Join(t.TempDir(), "config.yaml")
	check(t, os.WriteFile(config, op.ConfigFile(o.Clients[0]), 0o600))
	d := newTerminal(t, append([]string{"client", "-c", config, "-p", "0", "--no-browser", "--no-color"}, args...)...)
	return d, d.await(`URL=\s+\| (http\S+)`)[1]
}

// endsOn is the address that a browser ends on.
func endsOn(ctx context.Context, t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	check(t, err)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	check(t, err)
	defer res.Body.Close()
	return res.Header.Get("Location")
}

// An address that is longer than the line of a terminal can be pasted, also if it is broken into lines
// and in quotes, and corrected as at any prompt.
func TestPasteOnATerminal(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]func(string) string{
		"short":                 func(a string) string { return a + "\r" },
		"of 20,000 characters":  func(a string) string { return a + "&session_state=" + strings.Repeat("x", 20_000) + "\r" },
		"in lines, and quotes":  func(a string) string { return `"` + a[:40] + "\n" + a[40:70] + "\n  " + a[70:] + "\"\r" },
		"a wrong one is erased": func(a string) string { return "wrong\x7f\x7f\x7f\x7f\x7f\x08" + a + "\r" },
		"a line is killed":      func(a string) string { return "wrong\x15" + a + "\x1b[D\r" },
		"bracketed":             func(a string) string { return "\x1b[200~" + a + "\x1b[201~\r" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, direct := loginOnTerminal(t)
			if d.edits() {
				t.Error("the terminal cuts lines")
			}
			pasted := form(endsOn(t.Context(), t, direct))
			_, err := io.WriteString(d.person, pasted)
			check(t, err)
			if code := d.ends(); code != 0 || !strings.Contains(d.stdout.String(), `"sub": "alice"`) {
				t.Errorf("exit %d\n%s", code, d.text())
			}
			if !d.edits() {
				t.Error("the terminal is not as it was")
			}
			if strings.HasPrefix(name, "short") && !strings.Contains(d.text(), strings.TrimSuffix(pasted, "\r")) {
				t.Errorf("what is pasted is not shown: %s", d.text())
			}
		})
	}
}

// However the command ends, and while it is stopped, the terminal is as it was.
func TestTerminalIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*terminal)
		args []string
		code int
	}{
		"Ctrl-C":       {end: func(d *terminal) { _, _ = io.WriteString(d.person, "http\x03") }, code: 130},
		"Ctrl-\\":      {end: func(d *terminal) { _, _ = io.WriteString(d.person, "\x1c") }, code: 2},
		"SIGTERM":      {end: func(d *terminal) { _ = d.cmd.Process.Signal(syscall.SIGTERM) }, code: 130},
		"SIGHUP":       {end: func(d *terminal) { _ = d.cmd.Process.Signal(syscall.SIGHUP) }, code: 130},
		"the time-out": {end: func(*terminal) {}, args: []string{"--timeout", "2s"}, code: 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := loginOnTerminal(t, c.args...)
			if d.edits() {
				t.Error("the terminal cuts lines")
			}
			c.end(d)
			if code := d.ends(); code != c.code || !d.edits() {
				t.Errorf("exit %d, the terminal edits lines: %v\n%.2000s", code, d.edits(), d.text())
			}
		})
	}
	t.Run("Ctrl-Z", func(t *testing.T) {
		t.Parallel()
		d, direct := loginOnTerminal(t)
		_, err := io.WriteString(d.person, "\x1a")
		check(t, err)
		var status syscall.WaitStatus
		_, err = syscall.Wait4(d.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err != nil || !status.Stopped() || !d.edits() {
			t.Fatalf("%v, %x, the terminal edits lines: %v", err, status, d.edits())
		}
		check(t, d.cmd.Process.Signal(syscall.SIGCONT))
		_, err = io.WriteString(d.person, endsOn(t.Context(), t, direct)+"\r")
		check(t, err)
		if code := d.ends(); code != 0 || !d.edits() {
			t.Errorf("exit %d, the terminal edits lines: %v\n%s", code, d.edits(), d.text())
		}
	})
}
