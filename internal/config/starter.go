// The starter file that config init writes.

package config

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// Starter returns a commented configuration file to begin with.
func Starter(issuer, clientID string) []byte {
	if issuer == "" {
		issuer = "https://op.example.com"
	}
	if clientID == "" {
		clientID = "my-client"
	}
	return fmt.Appendf(nil, starter, SchemaID, Quote(issuer), Quote(clientID))
}

// Quote writes a string as a value of the file: [Load] reads the same string. What looks like a
// variable is none: the string may be somebody else's.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range variable().ReplaceAllString(s, "$$$0") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r > 0xFFFF && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// variable returns the pattern of what [Load] replaces from the environment.
var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{[^}]*\}`) })

const starter = `# yaml-language-server: $schema=%s
#
# One client at one OpenID Provider. Every key can be overridden by a flag or by
# the environment (OIDC_CLIENT_ID and so on); ${NAME} in a value is replaced by
# the environment variable NAME. All keys: oidc-client config schema

# The provider's issuer identifier, exactly as its metadata has it.
issuer: %s

client_id: %s

# How the client authenticates: none, client_secret_basic, client_secret_post,
# client_secret_jwt, private_key_jwt, tls_client_auth,
# self_signed_tls_client_auth, client_assertion or spiffe_jwt. By default what
# the provider's metadata allows: client_secret_basic with a secret, none without.
#auth_method: client_secret_basic
#client_secret: ${MY_CLIENT_SECRET}

# For private_key_jwt: PEM, PKCS #12 or JWK.
#private_key: client-key.pem

# For client_assertion, without a secret: file, env, command or github.
#client_assertion:
#  file: /var/run/secrets/tokens/op

# For mutual TLS.
#tls_client_certificate: client.pem
#tls_client_key: client-key.pem

# What is asked for at a login.
scopes: [openid]

# What an ID Token must say: amr must hold one of amr_list, acr must be one of
# acr_list, and the login must not be longer ago than max_age seconds.
#amr_list: [mfa, hwk]
#acr_list: []
#max_age: 3600

# The algorithms an ID Token may be signed with. By default those of the
# metadata that use a public key, or RS256.
#token_signing_alg: [RS256]

# Fail if a refresh brings no ID Token.
#require_id_token: true

# Certificates to trust instead of the system's.
#ca_cert: ca.pem
`
