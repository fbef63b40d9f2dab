//go:build unix

package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// pipe returns the name of a pipe that holds a text, as a shell makes it for <(...). It can be read once.
func pipe(t *testing.T, text []byte) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("/dev/fd/%d", r.Fd())
}

// A pipe works wherever a file does: nothing is read twice, and what a configuration in a pipe names is where the
// program runs. Words such as <key.pem are pipes with the content of that file.
func TestPipes(t *testing.T) {
	t.Parallel()
	s := encryptedStage(t)
	defer s.Close()
	for name, text := range map[string]string{
		"secret": stageSecret + "\n", "at": "the-access-token\n", "sesame": sesame,
		"named.yaml": "issuer: " + s.URL + "\nclient_id: cli\nclient_secret: " + stageSecret + "\nca_cert: " +
			s.folder + "/ca.pem\n",
		"provider.yaml": "users: [{name: alice, password: alice}]\n",
	} {
		if err := os.WriteFile(s.folder+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.env["OIDC_TLS_CLIENT_KEY_PASSWORD"] = sesame
	const base = "--issuer $OP --client-id cli --ca-cert $DIR/ca.pem "
	for _, c := range []struct{ line, code, says string }{
		{"client-credentials -c <named.yaml", "0", "the-access-token"},
		{"config validate <named.yaml", "0", "is valid"},
		{"client-credentials -c <named.yaml --save piped", "0", "session piped"},
		{"token piped", "0", "the-access-token"},
		{"token piped -c <named.yaml", "0", "the-access-token"},
		{"discover $OP --ca-cert <ca.pem", "0", "Provider Metadata"},
		{"client-credentials " + base + "--client-secret @<secret", "0", "the-access-token"},
		{"client-credentials " + base + "--auth-method private_key_jwt --pem-key <key.pem", "0", "the-access-token"},
		{
			"client-credentials " + base + "--client-secret @<secret --pem-cert <client.pem --pem-key <key.pem",
			"0", "the-access-token",
		},
		{"client-credentials " + base + "--client-secret @<secret --pem-cert <key.p12", "0", "the-access-token"},
		{"refresh-token -c <named.yaml --refresh-token @<old", "0", "Access Token Response"},
		{"userinfo -c <named.yaml --token @<at", "0", "Userinfo"},
		{"jwt jwks --pem-key <key.pem", "0", "kty"},
		{"jwt verify --token $ID --issuer $OP --client-id cli --jwks <jwks.json", "5", "no key"},
		{"register create --issuer $OP --ca-cert $DIR/ca.pem --metadata @<body.json", "4", `"client_name":"mine"`},
	} {
		words := strings.Fields(c.line)
		for i, word := range words {
			if before, name, ok := strings.Cut(word, "<"); ok {
				words[i] = before + pipe(t, s.read(name))
			}
		}
		if got := s.run(strings.Join(words, " "), ""); !strings.HasPrefix(got, "exit code "+c.code+"\n") ||
			!strings.Contains(got, c.says) {
			t.Errorf("%s: %s", c.line, got)
		}
	}
}

// A command that reads its configuration again, for a login, has what it read from a pipe or standard input.
func TestPipeIsReadOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.person = true
	makeSession(s)
	loseSession(s)
	if err := os.WriteFile(s.folder+"/secret", []byte(stageSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ config, secret, stdin string }{
		{pipe(t, s.read("config.yaml")), "", ""},
		{"-", "", string(s.read("config.yaml"))},
		{"", "@" + pipe(t, s.read("secret")), ""},
		{"", "-", stageSecret},
	} {
		line := "token work --login --port 0 "
		if c.config != "" {
			line += "-c " + c.config
		} else {
			line += "--issuer $OP --client-id cli --client-secret " + c.secret
		}
		loseSession(s)
		if got := s.run(line, c.stdin); !strings.HasPrefix(got, "exit code 0\nthe-access-token") {
			t.Errorf("%s: %s", line, got)
		}
	}
}
