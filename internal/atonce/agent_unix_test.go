//go:build unix

package atonce

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
	for name, answer := range map[string]string{
		"nothing":       "",
		"cut off":       "HTTP/1.0 200 OK\r\nToken-Type: Bearer\r\n\r\nhalf-a-tok",
		"no body":       "HTTP/1.0 200 OK\r\nToken-Type: Bearer\r\n\r\n",
		"no head":       "HTTP/1.0 200 OK\r\nToken-Type: Bearer\r\n",
		"not at hand":   "HTTP/1.0 504 Gateway Timeout\r\n\r\ntoken\n",
		"another's":     "HTTP/1.0 421 Misdirected Request\r\n\r\ntoken\n",
		"two lines":     "HTTP/1.0 200 OK\r\n\r\ntoken\ntoken\n",
		"too long":      "HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("x", 2<<20) + "\n",
		"not HTTP":      "token\n",
		"control codes": "HTTP/1.0 200 OK\r\n\r\n\x1b[31mtoken\n",
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
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}()
		if (Question{Name: "work"}).fromAgent(getenv) {
			t.Errorf("%s: printed", name)
		}
		if request := <-asked; !strings.HasPrefix(request, "GET /sessions/work/access_token HTTP/1.0\r\n") || !strings.Contains(request, "\r\n"+FolderHeader+": "+Mark("/sessions")+"\r\n") {
			t.Errorf("%s: asked %q", name, request)
		}
	}
}
