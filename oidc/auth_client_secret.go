// client_secret_basic, client_secret_post (RFC 6749 section 2.3.1) and
// client_secret_jwt (OpenID Connect Core 1.0 section 9).

package oidc

import (
	"encoding/base64"
	"net/url"

	"github.com/oidc-client/oidc-client/internal/jose"
)

// ClientSecretBasic sends client_id and secret in the Authorization header,
// each form-urlencoded before they are joined, as RFC 6749 section 2.3.1 asks.
func ClientSecretBasic(secret string) ClientAuth {
	return ClientAuth{Method: "client_secret_basic", Apply: func(t *AuthTarget) error {
		credentials := url.QueryEscape(t.ClientID) + ":" + url.QueryEscape(secret)
		t.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
		return nil
	}}
}

// ClientSecretPost sends client_id and secret in the form (RFC 6749 section
// 2.3.1).
func ClientSecretPost(secret string) ClientAuth {
	return ClientAuth{Method: "client_secret_post", Apply: func(t *AuthTarget) error {
		t.Form.Set("client_id", t.ClientID)
		t.Form.Set("client_secret", secret)
		return nil
	}}
}

// ClientSecretJWT sends an assertion that is keyed with the secret (RFC 7523
// section 2.2). The algorithm is HS256 unless the assertion names another. The
// secret must be at least as long as the hash: 32, 48 or 64 bytes (RFC 7518
// section 3.2).
func ClientSecretJWT(secret string, a Assertion) ClientAuth {
	if a.Algorithm == "" {
		a.Algorithm = "HS256"
	}
	return a.auth("client_secret_jwt", func(claims any) (string, error) {
		return jose.SignWithSecret(a.Algorithm, secret, a.typ(), claims)
	})
}
