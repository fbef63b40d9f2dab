//go:build unix

package cli

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// An answerer is an agent that answers as it is told to.
type answerer struct {
	sync.Mutex
	status int
	body   string
}

func (a *answerer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	a.Lock()
	defer a.Unlock()
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // whoever hung up needs no answer
}

// answers starts an agent for a stage.
func answers(f *testing.F, s *stage) *answerer {
	f.Helper()
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
	if err != nil {
		f.Fatal(err)
	}
	s.env["OIDC_AGENT_SOCK"] = filepath.Join(folder, "agent.sock")
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", s.env["OIDC_AGENT_SOCK"])
	if err != nil {
		f.Fatal(err)
	}
	a := &answerer{}
	server := &http.Server{Handler: a} //nolint:gosec // only the program asks it
	go func() { _ = server.Serve(listener) }()
	f.Cleanup(func() { _ = server.Close(); _ = os.RemoveAll(folder) })
	return a
}

// Whatever an agent says, token prints one token that can be sent in a header, or nothing and
// how it failed.
func FuzzAgentAnswers(f *testing.F) {
	f.Add(200,
		`{"issuer":"https://op.example","token_type":"Bearer","access_token":"a b","expires_at":"2030-01-01T00:00:00Z"}`)
	f.Add(200, `{"access_token":"a\r\nX: y","warning":"\u001b[31m"}`)
	f.Add(200, `{"access_token":"a","id_token":"b","expires_at":"soon"}`)
	f.Add(200, `[]`)
	f.Add(404, ``)
	f.Add(421, `{}`)
	f.Add(502, `{"error":{"kind":"network","message":"x\u202e","hint":"y"}}`)
	f.Add(502, `{"error":{"kind":"\u0000","http_status":-1}}`)
	s := aHelper(f)
	agent := answers(f, s)
	f.Fuzz(func(t *testing.T, status int, body string) {
		agent.Lock()
		agent.status, agent.body = 200+(status%400+400)%400, body
		agent.Unlock()
		code, stdout := s.helped("", "token work --header")
		token, header := strings.CutPrefix(strings.TrimSuffix(stdout, "\n"), "Authorization: ")
		switch visible := !strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r > '~' }); {
		case code == 0 && (!header || !visible || token == ""):
			t.Errorf("status %d, %q: printed %q", agent.status, body, stdout)
		case code < 0 || code > 6:
			t.Errorf("status %d, %q: exit code %d", agent.status, body, code)
		case code != 0 && stdout != "":
			t.Errorf("status %d, %q: exit code %d, and printed %q", agent.status, body, code, stdout)
		}
	})
}
