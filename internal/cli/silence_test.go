package cli

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// silence is a response that never comes.
func silence(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// half is a response that stops in its body.
func half(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"`)) // a client that hung up is no error here
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// A server that does not respond is reported with the time that it had, at every endpoint and in every
// phase of a request, with -d too. Go's own words for it never reach a user.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // which accepts nothing, so a TLS handshake gets no answer
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	const bound = "http_client_config: {timeout_duration: 300ms}\n"
	for name, text := range map[string]string{
		"slow.yaml": "issuer: " + s.URL + "\nclient_id: cli\nclient_secret: " + stageSecret + "\n" + bound,
		"tls.yaml":  "issuer: https://" + listener.Addr().String() + "\nclient_id: cli\n" + bound,
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const within = "no response within 300ms"
	for _, c := range []struct {
		line, path, says string
		answer           http.HandlerFunc
	}{
		{"discover -d -c $DIR/tls.yaml", "", "discovery: " + within, nil},
		{
			"discover -d -c $DIR/slow.yaml", "/.well-known/openid-configuration", "discovery: " + within,
			silence,
		},
		{
			"discover -d -c $DIR/slow.yaml", "/.well-known/openid-configuration",
			"discovery: the response broke off: " + within, half,
		},
		{"discover -d -c $DIR/slow.yaml", "/jwks", "JWK Set: " + within, silence},
		{"client-credentials -d -c $DIR/slow.yaml", "/token", "token endpoint: " + within, silence},
		{
			"refresh-token -d -c $DIR/slow.yaml --refresh-token old", "/token",
			"token endpoint: the response broke off: " + within, half,
		},
		{"userinfo -d -c $DIR/slow.yaml --token a", "/userinfo", "userinfo endpoint: " + within, silence},
		{"revoke -d -c $DIR/slow.yaml --token a", "/revoke", "revocation endpoint: " + within, silence},
		{
			"discover -d -c $DIR/config.yaml --timeout 300ms", "/jwks", "JWK Set: the --timeout of 300ms ran out",
			silence,
		},
	} {
		end := func() {}
		if c.path != "" {
			end = s.says(c.path, c.answer)
		}
		got := s.run(c.line, "")
		end()
		if !strings.HasPrefix(got, "exit code 4\n") || !strings.Contains(got, "[ERROR] oidc-client: "+c.says) {
			t.Errorf("%s, %s does not respond: %s", c.line, c.path, got)
		}
		for _, words := range []string{"deadline exceeded", "Client.Timeout", "i/o timeout", "context canceled"} {
			if strings.Contains(got, words) {
				t.Errorf("%s, %s does not respond: the output has %q: %s", c.line, c.path, words, got)
			}
		}
	}
}
