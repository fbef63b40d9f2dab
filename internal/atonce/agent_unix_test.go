//go:build unix

package atonce

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func answer(status string, length int, body string) string {
	return fmt.Sprintf("HTTP/1.0 %s\r\nToken-Type: Bearer\r\nContent-Length: %d\r\n\r\n%s", status, length, body)
}

// Of an answer that is not whole, or not one, nothing is printed: what is would end the test.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short, and its folder private
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	socket := filepath.Join(folder, "agent.sock")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	getenv := func(name string) string {
		return map[string]string{"OIDC_AGENT_SOCK": socket, "OIDC_SESSIONS": "/sessions"}[name]
	}
	for name, text := range map[string]string{
		"nothing":       "",
		"cut off":       answer("200 OK", 20, "half-a-tok"),
		"no line":       answer("200 OK", 5, "token"),
		"no length":     "HTTP/1.0 200 OK\r\nToken-Type: Bearer\r\n\r\ntoken\n",
		"no body":       answer("200 OK", 0, ""),
		"no head":       "HTTP/1.0 200 OK\r\nToken-Type: Bearer\r\n",
		"not at hand":   answer("504 Gateway Timeout", 6, "token\n"),
		"another's":     answer("421 Misdirected Request", 6, "token\n"),
		"two lines":     answer("200 OK", 12, "token\ntoken\n"),
		"more than all": answer("200 OK", 6, "token\ntoken\n"),
		"too long":      answer("200 OK", 2<<20+1, strings.Repeat("x", 2<<20)+"\n"),
		"not HTTP":      "token\n",
		"control codes": answer("200 OK", 11, "\x1b[31mtoken\n"),
	} {
		asked := make(chan string, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 4<<10)
			n, _ := conn.Read(request)
			asked <- string(request[:n])
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}()
		if (Question{Name: "mine"}).fromAgent(getenv) {
			t.Errorf("%s: printed", name)
		}
		if request := <-asked; !strings.HasPrefix(request, "GET /sessions/mine/access_token HTTP/1.0\r\n") || !strings.Contains(request, "\r\n"+FolderHeader+": "+Mark("/sessions")+"\r\n") {
			t.Errorf("%s: asked %q", name, request)
		}
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	if !whole([]byte(answer("200 OK", 6, "token\n"))) {
		t.Error("an answer is not whole")
	}
	for _, length := range []int{0, 5, 7, 60} {
		if whole([]byte(answer("200 OK", length, "token\n"))) {
			t.Errorf("six bytes of %d are whole", length)
		}
	}
}
