//go:build unix

package atonce

import (
	"bytes"
	"errors"
	"os"
	"syscall"
)

// fromAgent asks the agent for a token that it has at hand: HTTP over the socket, without
// package net, which is a large part of what this package spares.
func (q Question) fromAgent(getenv func(string) string) bool {
	socket := Socket(getenv)
	if !path(q.Name) || socket == "" || Trusted(socket) != nil {
		return false
	}
	kind := "access_token"
	if q.IDToken {
		kind = "id_token"
	}
	answer, err := exchange(socket, "GET /sessions/"+q.Name+"/"+kind+" HTTP/1.0\r\nHost: agent\r\nAccept: text/plain\r\nCache-Control: only-if-cached\r\n"+FolderHeader+": "+Mark(Folder(getenv))+"\r\n\r\n")
	Silent = errors.Is(err, syscall.EAGAIN) // the time-out of a socket
	head, line, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	token, ok := bytes.CutSuffix(line, []byte("\n"))
	if err != nil || !ok || !whole(answer) || !bytes.HasPrefix(head, []byte("HTTP/1.0 200 ")) || field(head, UnverifiedHeader) != nil {
		return false
	}
	return q.Print(string(token), string(field(head, "Token-Type")))
}

// whole reports whether all of an answer has come.
func whole(answer []byte) bool {
	head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	length := field(head, "Content-Length")
	most := 0
	for _, c := range length {
		if c < '0' || c > '9' || most > 1<<20 {
			return false
		}
		most = 10*most + int(c-'0')
	}
	return ok && len(length) > 0 && len(body) == most
}

// field is the value of a field of a header as the agent writes it.
func field(head []byte, name string) []byte {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if got, value, _ := bytes.Cut(line, []byte(": ")); string(got) == name {
			return value
		}
	}
	return nil
}

// path reports whether a name can be in a path: the agent knows if it is a session's.
func path(name string) bool {
	return name != "" && !bytes.ContainsFunc([]byte(name), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	})
}

// exchange sends a request over a UNIX socket and reads the answer to its end. An agent
// that has the token answers at once.
func exchange(socket, request string) ([]byte, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written that could be lost
	syscall.CloseOnExec(fd)
	patience := syscall.Timeval{Sec: 1}
	err = errors.Join(
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &patience),
	)
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket})
	}
	if err == nil {
		_, err = syscall.Write(fd, []byte(request)) // short: it is taken whole
	}
	if err != nil {
		return nil, err
	}
	return drain(fd)
}

// drain reads until all has come, or to the end.
func drain(fd int) ([]byte, error) {
	const most, chunk = 1 << 20, 8 << 10
	var answer []byte
	for len(answer) < most {
		answer = append(answer, make([]byte, chunk)...)
		n, err := syscall.Read(fd, answer[len(answer)-chunk:])
		answer = answer[:len(answer)-chunk+max(n, 0)]
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return nil, err
		case n == 0 || whole(answer):
			return answer, nil
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
		return errors.New(socket + " is not a socket")
	}
	folder, err := os.Stat(socket[:bytes.LastIndexByte([]byte(socket), '/')+1] + ".")
	if err != nil {
		return err
	}
	for _, it := range []os.FileInfo{info, folder} {
		if stat, ok := it.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			return errors.New(socket + " is not yours")
		}
	}
	if folder.Mode().Perm()&0o077 != 0 {
		return errors.New("others can enter the folder of " + socket + ": chmod 700 makes it private")
	}
	return nil
}
