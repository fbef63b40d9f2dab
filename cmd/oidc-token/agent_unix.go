//go:build unix

// A session that is in the agent's memory only: HTTP over its socket. Package
// net would double the time that this program takes to start.

package main

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"

	"github.com/oidc-client/oidc-client/internal/place"
)

// fromAgent asks the agent for a token that it has at hand, and returns it with
// its type. An agent of another folder, or another user, is not asked.
func fromAgent(q question, getenv func(string) string) (token, tokenType string, ok bool) {
	socket := place.Agent(getenv)
	if socket == "" || place.Trusted(socket) != nil {
		return "", "", false
	}
	kind := "access_token"
	if q.idToken {
		kind = "id_token"
	}
	response, err := exchange(socket, "GET /sessions/"+q.name+"/"+kind+" HTTP/1.0\r\nHost: agent\r\n"+
		"Accept: text/plain\r\nCache-Control: only-if-cached\r\n"+
		place.FolderHeader+": "+place.FolderID(place.Sessions(getenv))+"\r\n\r\n")
	head, body, _ := bytes.Cut(response, []byte("\r\n\r\n"))
	line, ended := bytes.CutSuffix(body, []byte("\n"))
	if err != nil || !ended || !complete(response) || !bytes.HasPrefix(head, []byte("HTTP/1.0 200 ")) {
		return "", "", false
	}
	return string(line), string(field(head, "Token-Type")), true
}

// complete reports whether all of a response has come.
func complete(response []byte) bool {
	head, body, ok := bytes.Cut(response, []byte("\r\n\r\n"))
	length, err := strconv.Atoi(string(field(head, "Content-Length")))
	return ok && err == nil && len(body) == length
}

// field is the value of a header field as the agent writes it.
func field(head []byte, name string) []byte {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if got, value, _ := bytes.Cut(line, []byte(": ")); string(got) == name {
			return value
		}
	}
	return nil
}

// exchange sends a request over a UNIX socket and reads the response. An agent
// that has the token responds at once.
func exchange(socket, request string) ([]byte, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	conn := os.NewFile(uintptr(fd), socket)
	defer conn.Close()
	syscall.CloseOnExec(fd)
	patience := syscall.Timeval{Sec: 1}
	err = errors.Join(
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &patience),
		syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}),
	)
	if err == nil {
		_, err = conn.WriteString(request)
	}
	if err != nil {
		return nil, err
	}
	const most, chunk = 1 << 20, 8 << 10
	var response []byte
	for len(response) < most {
		response = append(response, make([]byte, chunk)...)
		n, err := conn.Read(response[len(response)-chunk:])
		response = response[:len(response)-chunk+max(n, 0)]
		if complete(response) {
			return response, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the response is too long")
}
