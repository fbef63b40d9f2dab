//go:build linux

// A real keyring: the Secret Service of gnome-keyring, on a bus of the test's own.

package test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A bus is a session bus, with a keyring on it or not.
type bus struct {
	t       *testing.T
	folder  string
	env     []string
	keyring *exec.Cmd
}

// newBus starts a bus that starts nothing by itself.
func newBus(t *testing.T) *bus {
	t.Helper()
	for _, name := range []string{"dbus-daemon", "dbus-send", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(name); err != nil {
			needed(t, name, err)
		}
	}
	b := &bus{t: t, folder: t.TempDir()}
	config := filepath.Join(b.folder, "bus.conf")
	check(t, os.WriteFile(config, []byte(`<busconfig><type>session</type><listen>unix:dir=`+b.folder+`</listen>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="false"/><allow own="*"/></policy></busconfig>`), 0o600))
	cmd := exec.CommandContext(t.Context(), "dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile",
		"--print-address=1")
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		b.kill()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	b.env = []string{
		"DBUS_SESSION_BUS_ADDRESS=" + strings.TrimSpace(address), "XDG_RUNTIME_DIR=" + b.folder,
		"XDG_DATA_HOME=" + b.folder,
	}
	return b
}

// start starts a keyring, unlocked with a password or locked.
func (b *bus) start(unlock bool) {
	b.t.Helper()
	args := []string{
		"--foreground", "--components=secrets",
		"--control-directory=" + filepath.Join(b.folder, "control"),
	}
	b.keyring = exec.CommandContext(b.t.Context(), "gnome-keyring-daemon", args...)
	if unlock {
		b.keyring.Args = append(b.keyring.Args, "--unlock")
		b.keyring.Stdin = strings.NewReader("the password")
	}
	b.keyring.Env = append(os.Environ(), append(b.env, "HOME="+b.folder)...)
	check(b.t, b.keyring.Start())
	check(b.t, eventually(func() error {
		cmd := exec.CommandContext(b.t.Context(), "dbus-send", "--session", "--print-reply=literal",
			"--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
		cmd.Env = b.keyring.Env
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "true") {
			return fmt.Errorf("no keyring: %w, %s", err, out)
		}
		return nil
	}))
}

// kill ends the keyring.
func (b *bus) kill() {
	if b.keyring != nil {
		_ = b.keyring.Process.Kill()
		_ = b.keyring.Wait()
		b.keyring = nil
	}
}

// with makes a keeper use the bus.
func (k *keeper) with(b *bus, wish string) {
	k.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + k.folder, "OIDC_SESSIONS=" + k.store.Folder,
		"OIDC_KEYRING=" + wish,
	}
	if b != nil {
		k.env = append(k.env, b.env...)
	}
}

// saves makes a session by the name, and returns what is said and how long it took.
func (k *keeper) saves(name string) (code int, stderr string, took time.Duration) {
	k.t.Helper()
	refresh, _ := k.family.Current()
	k.write("refresh", refresh)
	began := time.Now()
	code, _, stderr = k.run("refresh-token", "-c", filepath.Join(k.folder, "config.yaml"), "--refresh-token",
		"@"+filepath.Join(k.folder, "refresh"), "--skip-userinfo", "--save", name, "--replace")
	return code, stderr, time.Since(began)
}

// inClear reports whether a session's file shows what renews it.
func (k *keeper) inClear(name string) bool {
	k.t.Helper()
	data, err := os.ReadFile(k.store.Path(name))
	check(k.t, err)
	refresh, _ := k.family.Current()
	for _, secret := range []string{refresh, keeperSecret} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))[:8]} {
			if strings.Contains(string(data), form) {
				return true
			}
		}
	}
	return false
}

const keyringPatience = limit.Keyring + 2*time.Second // for a busy machine

func TestKeyring(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	b.start(true)
	k := newKeeper(t)
	if !k.inClear("work") {
		t.Fatal("the test does not see what is in clear")
	}
	k.with(b, "")
	if code, stderr, _ := k.saves("work"); code != 0 || strings.Contains(stderr, "unencrypted") || k.inClear("work") {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	if code, stdout, _ := k.run("sessions", "show", "work"); code != 0 ||
		!strings.Contains(stdout, `"encrypted": true`) {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	k.expire() // it is written as it is, sealed
	k.prints()
	k.lives()
	if k.inClear("work") {
		t.Error("a refresh wrote it in clear")
	}

	b.kill()
	k.prints() // what is fresh is printed without a keyring
	k.expire()
	k.keyringIsSaid("the keyring")
	k.with(b, "require")
	asked := k.family.Asked()
	if code, stderr, took := k.saves("other"); code != 6 || took > keyringPatience ||
		!strings.Contains(stderr, "the keyring") || k.family.Asked() != asked {
		t.Errorf("exit %d after %v\n%s", code, took, stderr)
	}
	if _, err := k.store.Load("other"); err == nil {
		t.Error("it was kept all the same")
	}
	k.with(b, "off")
	k.keyringIsSaid("switched off")

	b.start(false) // locked
	k.with(b, "")
	k.keyringIsSaid("the keyring")
	if code, stderr, took := k.saves("other"); code != 0 || took > keyringPatience ||
		!strings.Contains(stderr, "unencrypted") || !strings.Contains(stderr, "the keyring") || !k.inClear("other") {
		t.Errorf("exit %d after %v\n%s", code, took, stderr)
	}
	k.with(b, "require")
	if code, stderr, took := k.saves("third"); code != 6 || took > keyringPatience {
		t.Errorf("exit %d after %v\n%s", code, took, stderr)
	}

	check(t, b.keyring.Process.Signal(syscall.SIGSTOP)) // as one that waits for a person
	k.with(b, "")
	k.keyringIsSaid("no answer within 3s")
	if code, stderr, took := k.saves("other"); code != 0 || took > keyringPatience ||
		!strings.Contains(stderr, "no answer within 3s") || !strings.Contains(stderr, "unencrypted") {
		t.Errorf("exit %d after %v\n%s", code, took, stderr)
	}

	b.kill()
	b.start(true)
	k.with(b, "")
	if code, stderr, _ := k.saves("work"); code != 0 || strings.Contains(stderr, "unencrypted") || k.inClear("work") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	k.expire()
	k.prints()
}

// keyringIsSaid checks that an expired session, whose keyring is of no use, says so in time,
// and sends nothing.
func (k *keeper) keyringIsSaid(why string) {
	k.t.Helper()
	asked := k.family.Asked()
	began := time.Now()
	code, stdout, stderr := k.run("token", "work", "--format", "json")
	if took := time.Since(began); code != 6 || took > keyringPatience ||
		!strings.Contains(stdout, `"code": "keyring"`) || !strings.Contains(stderr, why) ||
		!strings.Contains(stderr, "nothing was sent") {
		k.t.Errorf("exit %d after %v\n%s\n%s", code, took, stdout, stderr)
	}
	if s := k.stored(); k.family.Asked() != asked || s.Claim != nil {
		k.t.Errorf("asked %d times, %+v", k.family.Asked()-asked, s.Claim)
	}
}

// Many that keep their first session at once agree on one key.
func TestKeyringIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	b.start(true)
	k := newKeeper(t)
	k.with(b, "require")
	k.op.Handle("/token", nil) // its tokens are always the same
	k.write("refresh", "x")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			cmd := k.cmd("client-credentials", "-c", filepath.Join(k.folder, "config.yaml"), "--skip-userinfo",
				"--save", fmt.Sprint("s", i))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	for i := range 8 {
		if code, _, stderr := k.run("sessions", "refresh", fmt.Sprint("s", i)); code != 0 {
			t.Errorf("exit %d\n%s", code, stderr)
		}
	}
}

// Without a bus there is no keyring, which is said, and none is started.
func TestNoKeyring(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	launched := filepath.Join(k.folder, "launched")
	check(t, os.WriteFile(filepath.Join(k.folder, "dbus-launch"), []byte("#!/bin/sh\ntouch "+launched+"\n"), 0o700))
	for _, extra := range []string{"NOTHING=", "DBUS_SESSION_BUS_ADDRESS=autolaunch:", "XDG_RUNTIME_DIR=" + k.folder} {
		for _, wish := range []string{"", "auto", "off", "require"} {
			k.with(nil, wish)
			k.env = append(k.env, extra, "PATH="+k.folder+":"+os.Getenv("PATH"))
			code, stderr, _ := k.saves("work")
			refused := wish == "require"
			if (code == 6) != refused || (code == 0) == refused || strings.Contains(stderr, "unencrypted") == refused {
				t.Errorf("%s, OIDC_KEYRING=%s: exit %d\n%s", extra, wish, code, stderr)
			}
			if wish != "off" && !strings.Contains(stderr, "there is none here") {
				t.Errorf("%s, OIDC_KEYRING=%s:\n%s", extra, wish, stderr)
			}
		}
		// A session that was sealed, as on another machine.
		k.with(nil, "")
		k.env = append(k.env, extra, "PATH="+k.folder+":"+os.Getenv("PATH"))
		s := k.stored()
		s.Secret, s.Sealed = nil, &session.Sealed{KeyID: "k", Nonce: make([]byte, 12), Data: make([]byte, 16)}
		check(t, session.Save(k.store, s))
		k.prints()
		k.expire()
		k.keyringIsSaid("there is none here")
	}
	k.with(nil, "perhaps")
	if code, stderr, _ := k.saves("work"); code != 2 ||
		!strings.Contains(stderr, "OIDC_KEYRING is auto, off or require") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if _, err := os.Stat(launched); err == nil {
		t.Error("dbus-launch was started")
	}
}
