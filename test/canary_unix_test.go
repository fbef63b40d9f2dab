//go:build unix

package test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// The same with the agent, which tells the errors of one run in another.
func TestCanaryOfAgent(t *testing.T) {
	t.Parallel()
	schema := compile(t, "../docs/output.schema.json")
	for name, fault := range canaryFaults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := fakeop.Start()
			defer op.Close()
			op.Tokens["access_token"], op.Tokens["refresh_token"], op.Tokens["expires_in"] = canaryAccess,
				canaryRotated, 1
			op.Metadata["revocation_endpoint"] = op.URL + "/token"
			folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
			check(t, err)
			defer os.RemoveAll(folder)
			socket := filepath.Join(folder, "run", "agent.sock")
			env := map[string]string{
				"OIDC_SESSIONS": filepath.Join(folder, "sessions"), "OIDC_KEYRING": "off",
				"OIDC_AGENT_SOCK": socket,
			}
			file := filepath.Join(folder, "config.yaml")
			check(t,
				os.WriteFile(file,
					[]byte("issuer: "+op.URL+"\nclient_id: cli\nclient_secret: \""+canarySecret+
						"\"\nhttp_client_config: {extra_headers: {X-Api-Key: "+canaryHeader+", X-Gateway-Token: "+
						canaryGateway+"}}\n"), 0o600))

			said := make(chan string, 1)
			go func() {
				_, stdout, stderr := runProgramIn(env, []string{"agent", "--debug"}, "")
				said <- stdout + stderr
			}()
			for _, err := os.Stat(socket); err != nil; _, err = os.Stat(socket) {
				time.Sleep(10 * time.Millisecond)
			}
			for _, args := range [][]string{{"--save", "kept"}, {"--save", "lent", "--in-memory"}} {
				if code, _, stderr := runProgramIn(env,
					append([]string{"refresh-token", "-c", file, "--refresh-token", "-"}, args...),
					canaryRefresh); code != 0 {
					t.Fatalf("exit %d\n%s", code, stderr)
				}
			}
			op.Lock() // the agent may be asking
			fault(op)
			op.Unlock()
			time.Sleep(1100 * time.Millisecond) // the agent renews ahead, or tries to
			for _, session := range []string{"kept", "lent"} {
				for _, format := range []string{"text", "json"} {
					for _, args := range [][]string{
						{"token", session},
						{"token", session, "--id-token"},
						{"sessions", "refresh", session},
						{"sessions", "refresh", session, "--retry"},
						{"sessions", "show", session},
					} {
						code, stdout, stderr := runProgramIn(env, append(args, "--format", format, "--debug"), "")
						if args[0] == "token" && code == 0 {
							stdout = withoutToken(format, stdout)
						}
						leaks(t, "standard error of "+strings.Join(args, " "), stderr)
						leaks(t, "standard output of "+strings.Join(args, " "), stdout)
					}
				}
				for _, path := range []string{"/sessions", "/sessions/" + session, "/health", "/metrics"} {
					leaks(t, path, strings.ReplaceAll(ofAgent(t, socket, path), canaryAccess, ""))
				}
				_, stdout, stderr := runProgramIn(env, []string{"sessions", "logout", session, "--debug"}, "")
				leaks(t, "logout", stdout+stderr)
			}
			for _, what := range []string{"status", "stop"} {
				code, stdout, stderr := runProgramIn(env, []string{"agent", what, "--format", "json"}, "")
				doc, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
				check(t, err)
				if err := schema.Validate(doc); err != nil || code != 0 {
					t.Errorf("agent %s: exit %d, %v\n%s", what, code, err, stderr)
				}
			}
			leaks(t, "what the agent says", <-said)
		})
	}
}

// ofAgent is what the agent serves at a path.
func ofAgent(t *testing.T, socket, path string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	answer, err := client.Get("http://agent" + path)
	check(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	return string(body)
}
