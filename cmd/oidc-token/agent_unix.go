//go:build unix

// Asking the agent: HTTP over its socket. Package net would double the time that
// this program takes to start.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/session"
)

// fromAgent asks the agent for a token that it has at hand, so that it asks no
// provider. The error is [session.ErrNoSession] if there is no agent, or it does
// not have the session.
func fromAgent(q question, getenv func(string) string) (token, error) {
	socket := place.Agent(getenv)
	if socket == "" || place.Trusted(socket) != nil {
		return token{}, session.ErrNoSession
	}
	kind := "access_token"
	if q.idToken {
		kind = "id_token"
	}
	response, err := exchange(socket, "GET /sessions/"+q.name+"/"+kind+" HTTP/1.0\r\nHost: agent\r\n"+
		"Cache-Control: only-if-cached\r\n"+
		place.FolderHeader+": "+place.FolderID(place.Sessions(getenv))+"\r\n\r\n")
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist): // an agent that ended
		return token{}, session.ErrNoSession
	case err != nil:
		return token{}, err
	}
	return readResponse(response)
}

// readResponse reads a token from a response of the agent.
func readResponse(response []byte) (token, error) {
	const notFound, otherFolder = "404 ", "421 "
	head, body, _ := bytes.Cut(response, []byte("\r\n\r\n"))
	status, _ := bytes.CutPrefix(head, []byte("HTTP/1.0 "))
	switch {
	case bytes.HasPrefix(status, []byte(notFound)), bytes.HasPrefix(status, []byte(otherFolder)):
		return token{}, session.ErrNoSession
	case !bytes.HasPrefix(status, []byte("200 ")):
		return token{}, errNotAtHand
	}
	var doc struct {
		TokenType   string    `json:"token_type"`
		AccessToken string    `json:"access_token"`
		IDToken     string    `json:"id_token"`
		Expires     time.Time `json:"expires_at"`
		Warning     string    `json:"warning"`
		Unverified  string    `json:"unverified"`
	}
	err := json.Unmarshal(body, &doc) // fails if the response was cut off
	if err != nil || doc.Warning != "" || doc.Unverified != "" {
		return token{}, errNotAtHand // oidc-client warns
	}
	return token{doc.AccessToken + doc.IDToken, doc.TokenType, doc.Expires}, nil
}

// exchange sends a request over a UNIX socket and reads the response to its end.
// An agent that has the token responds at once. If this one does not, oidc-client
// waits for it.
func exchange(socket, request string) ([]byte, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	conn := os.NewFile(uintptr(fd), socket)
	defer conn.Close()
	syscall.CloseOnExec(fd)
	patience := syscall.NsecToTimeval(int64(200 * time.Millisecond))
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
	return readAll(conn)
}

// readAll reads a response until all of it has come, as its length says, or to
// the end: not to wait until the agent closes the connection saves a little.
func readAll(conn io.Reader) ([]byte, error) {
	const most, chunk = 1 << 20, 4 << 10
	response := make([]byte, 0, chunk)
	for len(response) < most {
		response = slices.Grow(response, chunk)
		n, err := conn.Read(response[len(response):cap(response)])
		response = response[:len(response)+n]
		if complete(response) || errors.Is(err, io.EOF) {
			return response, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the response is too long")
}

// complete reports whether a response has the length that it says it has.
func complete(response []byte) bool {
	head, body, _ := bytes.Cut(response, []byte("\r\n\r\n"))
	_, field, found := bytes.Cut(head, []byte("\r\nContent-Length: "))
	digits, _, _ := bytes.Cut(field, []byte("\r\n"))
	length, err := strconv.Atoi(string(digits))
	return found && err == nil && len(body) == length
}
