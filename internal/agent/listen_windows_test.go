package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

const testPipe = `\\.\pipe\oidc-client-agent-test-`

// greet lets whoever connects in, with a word.
func greet(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "hello") // who connects may be gone
		_ = conn.Close()
	}
}

// reached is what comes from a pipe. wine lets the first to connect in where nobody accepts, so the
// second try counts.
func reached(ctx context.Context, pipe string) (string, error) {
	conn, err := Dial(ctx, pipe)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

// An agent is reached at its pipe, and a second one is told of the first.
func TestPipeOfAnAgent(t *testing.T) {
	t.Parallel()
	pipe := testPipe + "ours"
	l, err := Listen(t.Context(), pipe)
	if err != nil {
		t.Fatal(err)
	}
	go greet(l)
	text, err := reached(t.Context(), pipe)
	for range 5 {
		if text == "hello" {
			break
		}
		text, err = reached(t.Context(), pipe)
	}
	if text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Listen(t.Context(), pipe); !errors.Is(err, ErrRunning) {
		t.Errorf("a second agent: %v", err)
	}
	if !l.Present() {
		t.Error("the pipe is not where it is")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := reached(t.Context(), pipe); err == nil {
		t.Error("the pipe is there after its agent")
	}
}

// A pipe that belongs to somebody else is not used, neither by commands nor by an agent.
func TestPipeOfAStranger(t *testing.T) {
	t.Parallel()
	pipe := testPipe + "stranger"
	administrators := &winio.PipeConfig{SecurityDescriptor: "O:BAG:BAD:P(A;;GA;;;WD)"}
	l, err := winio.ListenPipe(pipe, administrators)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go greet(l)
	if _, err := reached(t.Context(), pipe); err == nil || !strings.HasSuffix(err.Error(), "is not yours") {
		t.Errorf("a stranger's pipe is used: %v", err)
	}
	if _, err := Listen(t.Context(), pipe); err == nil || errors.Is(err, ErrRunning) {
		t.Errorf("a stranger's pipe passes for an agent: %v", err)
	}
}

// Only the user of the agent can open its pipe.
func TestPipeIsPrivate(t *testing.T) {
	t.Parallel()
	user, err := currentUser()
	if err != nil {
		t.Fatal(err)
	}
	pipe := testPipe + "private"
	l, err := Listen(t.Context(), pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go greet(l)
	conn, err := Dial(t.Context(), pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const what = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION
	sd, err := windows.GetSecurityInfo(windows.Handle(conn.(interface{ Fd() uintptr }).Fd()), windows.SE_KERNEL_OBJECT,
		what)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(sd.String(), user.String(), "USER")
	got = strings.Replace(got, ";GA;", ";FA;", 1) // all access, however it is written
	if want := "O:USERD:P(A;;FA;;;USER)"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
