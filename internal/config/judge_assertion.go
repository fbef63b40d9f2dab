// What makes no sense about client assertions.

package config

import (
	"strings"

	"github.com/oidc-client/oidc-client/internal/wire"
)

// assertions judges how client assertions are made.
func (l *loader) assertions() {
	c := l.config
	if c.Assertion.EndpointAudience {
		for _, key := range []string{"jwt_profile_token_audience", "jwt_profile_token_endpoint_audience"} {
			if l.has(key) {
				l.conflict(key, "jwt_profile_endpoint_audience", "an assertion has one audience")
			}
		}
	}
	for key, value := range map[string]string{
		"client_assertion_typ": c.Assertion.Type, "private_key_id": c.PrivateKeyID,
	} {
		if odd, found := wire.Odd(value); found {
			l.about(key, "it contains the character %U; use printable ASCII characters only", odd)
		}
	}
	if !l.has("client_assertion_certificate") {
		return
	}
	if !l.has("private_key") || !l.has("tls_client_certificate") {
		l.about("client_assertion_certificate",
			"needs a private_key (--pem-key) to sign with, and its tls_client_certificate (--pem-cert)")
	}
	if l.has("auth_method") && c.AuthMethod != "private_key_jwt" {
		l.conflict("client_assertion_certificate", "auth_method", "only private_key_jwt names a certificate")
	}
	if l.has("tls_client_key") {
		l.conflict("tls_client_key", "client_assertion_certificate",
			"a certificate that assertions name is not presented in TLS, and its key is private_key")
	}
}

// issued judges where an assertion comes from that others issue.
func (l *loader) issued() {
	c := l.config
	var sources []string
	for _, key := range []string{"file", "env", "command", "github"} {
		if key = "client_assertion." + key; l.has(key) && (key != "client_assertion.github" || c.Issued.GitHub) {
			sources = append(sources, key)
		}
	}
	for i, key := range sources {
		if i > 0 {
			l.conflict(key, sources[0], "a client assertion comes from one place")
		}
	}
	sent := c.AuthMethod == "client_assertion" || c.AuthMethod == "spiffe_jwt"
	switch {
	case sent && len(sources) == 0:
		l.about("auth_method", "%s needs a client_assertion: a file, an env, a command or github", c.AuthMethod)
	case !sent && l.has("auth_method") && len(sources) > 0:
		l.conflict(sources[0], "auth_method", "client_assertion and spiffe_jwt send it, no other method does")
	case l.has("client_assertion.audience") && len(sources) == 0:
		l.about("client_assertion.audience", "there is no client_assertion: a file, an env, a command or github")
	}
	for _, key := range []string{"client_assertion_typ", "client_assertion_certificate"} {
		if l.has(key) && len(sources) > 0 {
			l.conflict(key, sources[0], "an assertion that others issue is sent as it is")
		}
	}
	if strings.ContainsAny(c.Issued.Env, "=\x00") {
		l.about("client_assertion.env", "it is the name of an environment variable, not its value")
	}
}
