//go:build unix

// The socket of the agent.

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/place"
)

// Listen listens on a UNIX socket, in a folder that nobody else may enter. Only processes
// of the same user are let in. One that an agent left behind is replaced; the error is
// [ErrRunning] if there still is an agent.
func Listen(ctx context.Context, socket string) (*Listener, error) {
	// The system calls a longer one an invalid argument.
	if most := len(syscall.RawSockaddrUnix{}.Path) - 1; len(socket) > most {
		return nil, fmt.Errorf("the path of a socket has %d bytes at most, and this one %d", most, len(socket))
	}
	folder := filepath.Dir(socket)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	unlock, err := durable.Lock(ctx, socket, func() bool { return false }) // of two that start at once
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(ctx, socket); err != nil {
		return nil, err
	}
	listening, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	l := listening.(*net.UnixListener)
	l.SetUnlinkOnClose(false) // Go removes whatever has the name by then
	err = os.Chmod(socket, 0o600)
	if err == nil {
		err = place.Trusted(socket) // as clients will look at it
	}
	file, statErr := os.Lstat(socket)
	if err = errors.Join(err, statErr); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(socket))
	}
	return &Listener{ours{l, os.Geteuid()}, socket, file}, nil
}

// Dial connects to the socket of an agent. The caller has asked [place.Trusted] whose it is.
func Dial(ctx context.Context, socket string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", socket)
}

// removeStale removes a socket that nobody listens on any more.
func removeStale(ctx context.Context, socket string) error {
	info, err := os.Lstat(socket)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().Type() != os.ModeSocket {
		err = fmt.Errorf("%s is there, and not a socket", socket)
	}
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
	if err == nil {
		return errors.Join(ErrRunning, conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(socket)
}

// ours accepts connections of one user's processes only.
type ours struct {
	*net.UnixListener
	user int
}

func (l ours) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peer(conn)
		if err == nil && uid == l.user {
			return conn, nil
		}
		_ = conn.Close() // a stranger is told nothing
	}
}

// peer is the user at the other end of a connection.
func peer(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var asked error
	err = raw.Control(func(fd uintptr) { uid, asked = userAt(int(fd)) })
	if err = errors.Join(err, asked); err != nil {
		return -1, err
	}
	return uid, nil
}
