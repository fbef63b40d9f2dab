//go:build unix

package atonce

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// fromAgent asks the agent for a token that it has at hand: HTTP over the socket, without
// package net, which is a large part of what this package spares.
func (q question) fromAgent(getenv func(string) string) (string, bool) {
	socket := Socket(getenv)
	if socket == "" || Trusted(socket) != nil {
		return "", false
	}
	kind := "access_token"
	if q.need.IDToken {
		kind = "id_token"
	}
	const patience = time.Second // it answers at once, or there is something wrong with it
	answer, err := exchange(socket, fmt.Sprintf("GET /sessions/%s/%s HTTP/1.0\r\nHost: agent\r\nAccept: text/plain\r\nCache-Control: only-if-cached\r\n\r\n", q.name, kind), patience)
	if err != nil {
		return "", false
	}
	head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	status, fields, _ := strings.Cut(string(head), "\r\n")
	if !ok || !strings.HasPrefix(status, "HTTP/1.0 200 ") && !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return "", false
	}
	bearer := q.need.IDToken || strings.Contains(strings.ToLower(fields)+"\r\n", "\r\ntoken-type: bearer\r\n")
	return strings.TrimSuffix(string(body), "\n"), bearer || !q.header
}

// exchange sends a request over a UNIX socket and reads the answer to its end.
func exchange(socket, request string, patience time.Duration) ([]byte, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing is written that could be lost
	syscall.CloseOnExec(fd)
	bound := syscall.NsecToTimeval(patience.Nanoseconds())
	for _, option := range []int{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} {
		if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, option, &bound); err != nil {
			return nil, err
		}
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}); err != nil {
		return nil, err
	}
	if n, err := syscall.Write(fd, []byte(request)); err != nil || n < len(request) {
		return nil, errors.Join(err, errors.New("the request was not taken"))
	}
	return drain(fd)
}

func drain(fd int) ([]byte, error) {
	const most = 1 << 20
	buffer := make([]byte, 0, 8<<10)
	for len(buffer) < most {
		buffer = append(buffer, make([]byte, 4<<10)...)
		n, err := syscall.Read(fd, buffer[len(buffer)-4<<10:])
		if errors.Is(err, syscall.EINTR) {
			n, err = 0, nil
			buffer = buffer[:len(buffer)-4<<10]
			continue
		}
		buffer = buffer[:len(buffer)-4<<10+max(n, 0)]
		if err != nil || n == 0 {
			return buffer, err
		}
	}
	return nil, errors.New("the answer is too long")
}

// Trusted says why the socket of an agent is not to be used: it, and the folder it is in,
// must be ours, and nobody else may enter the folder. What it says of a socket that is not
// there is [os.ErrNotExist].
func Trusted(socket string) error {
	info, err := os.Lstat(socket)
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is not a socket", socket)
	}
	folder, err := os.Stat(filepath.Dir(socket))
	if err != nil {
		return err
	}
	for _, it := range []os.FileInfo{info, folder} {
		if stat, ok := it.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			return fmt.Errorf("%s is not yours", socket)
		}
	}
	if folder.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others can enter the folder of %s (mode %04o); chmod 700 makes it private", socket, folder.Mode().Perm())
	}
	return nil
}
