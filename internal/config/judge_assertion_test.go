package config

import (
	"slices"
	"strings"
	"testing"
)

// What makes no sense about client assertions is an error that names the key.
func TestAssertionsAreJudged(t *testing.T) {
	t.Parallel()
	const key, cert = "private_key: k.pem\n", "tls_client_certificate: c.pem\n"
	for name, c := range map[string]struct {
		file string
		want []string // beginnings of the messages, after the place
	}{
		"a file":           {"client_assertion: {file: /token}\n", nil},
		"an env":           {"client_assertion: {env: TOKEN, audience: a}\nauth_method: client_assertion\n", nil},
		"a command":        {"client_assertion: {command: [print-token, now]}\nauth_method: spiffe_jwt\n", nil},
		"github":           {"client_assertion: {github: true}\njwt_profile_token_audience: a\n", nil},
		"github, switched": {"client_assertion: {github: false, env: TOKEN}\n", nil},
		"a secret beside":  {"client_assertion: {file: /token}\nclient_secret: s\n", nil},
		"two sources": {
			"client_assertion: {file: /token, github: true}\n",
			[]string{"client_assertion.github: contradicts client_assertion.file"},
		},
		"the assertion itself": {
			"client_assertion: eyJhbGciOiJFUzI1NiJ9.e30.AA\n",
			[]string{"client_assertion: keys and values belong here, not a string"},
		},
		"a command that is text": {
			"client_assertion: {command: print-token}\n",
			[]string{"client_assertion.command: a list belongs here, not a string"},
		},
		"no source": {
			"client_assertion: {audience: a}\n",
			[]string{"client_assertion.audience: there is no client_assertion"},
		},
		"a method without one": {
			"auth_method: spiffe_jwt\n", []string{"auth_method: spiffe_jwt needs a client_assertion"},
		},
		"another method": {
			"auth_method: none\nclient_assertion: {file: /token}\n",
			[]string{"client_assertion.file: contradicts auth_method"},
		},
		"a typ that is not sent": {
			"client_assertion: {file: /token}\nclient_assertion_typ: a\n",
			[]string{"client_assertion_typ: contradicts client_assertion.file"},
		},
		"a value as a name": {
			"client_assertion: {env: 'TOKEN=x'}\n", []string{"client_assertion.env: it is the name"},
		},
		"an odd typ":  {"client_assertion_typ: \"a\\nb\"\n", []string{"client_assertion_typ: it contains the character"}},
		"an odd kid":  {"private_key_id: ü\n", []string{"private_key_id: it contains the character"}},
		"certificate": {key + cert + "client_assertion_certificate: x5t#S256\n", nil},
		"certificate without one": {
			key + "client_assertion_certificate: x5t\n", []string{"client_assertion_certificate: needs a private_key"},
		},
		"certificate, no such member": {
			key + cert + "client_assertion_certificate: x5u\n",
			[]string{"client_assertion_certificate: \"x5u\" is not one of"},
		},
		"certificate of TLS": {
			key + cert + "client_assertion_certificate: x5t\nauth_method: tls_client_auth\ntls_client_key: k.pem\n",
			[]string{
				"client_assertion_certificate: contradicts auth_method",
				"tls_client_key: contradicts client_assertion_certificate",
			},
		},
		"a profile": {
			"profile: fapi2\nclient_assertion: {file: /token}\n", []string{"profile: fapi2 does not allow client_assertion"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(Sources{Name: "c.yaml", File: []byte(minimal + c.file)})
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			matches := func(line, want string) bool {
				_, message, _ := strings.Cut(line, ": ")
				return strings.HasPrefix(message, want)
			}
			if !slices.EqualFunc(got, c.want, matches) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// The environment and the flags name a source, too.
func TestAssertionSources(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"OIDC_ISSUER": "https://op.example", "OIDC_CLIENT_ID": "me", "OIDC_CLIENT_ASSERTION_FILE": "/token",
		"OIDC_CLIENT_ASSERTION_AUDIENCE": "a",
	}
	c, err := Load(Sources{
		Getenv: func(name string) string { return env[name] },
		Flags:  map[string][]string{"client-assertion-file": {"/other"}, "client-assertion-audience": {"b"}},
	})
	if err != nil || c.Issued.File != "/other" || c.Issued.Audience != "a" || c.Assertion.TokenAudience != "b" ||
		c.Files()["client_assertion.file"] != "/other" {
		t.Errorf("%+v, %v", c.Issued, err)
	}
}
