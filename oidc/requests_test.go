package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/oidc"
)

// C23, V36, V46: one transport for the access token: the header, never the
// query, never the body.
func TestAccessTokenIsInTheHeaderOnly(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	var seen *http.Request
	f.Handlers["/userinfo"] = func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(context.Background())
		f.Answer(w, r)
	}
	client := f.client()
	tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UserInfo(context.Background(), tokens); err != nil {
		t.Fatal(err)
	}
	if got := seen.Header.Values("Authorization"); !slices.Equal(got, []string{"Bearer the-access-token"}) {
		t.Errorf("Authorization: %q", got)
	}
	if seen.Method != http.MethodGet || seen.URL.RawQuery != "" || seen.ContentLength != 0 {
		t.Errorf("%s %s, %d bytes", seen.Method, seen.URL, seen.ContentLength)
	}
}

// D02: the keys come from where the metadata says, and from nowhere else.
func TestKeysAreThoseOfTheMetadata(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Metadata["jwks_uri"] = f.URL + "/keys-of-this-run"
	f.Handlers["/keys-of-this-run"] = func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/jwks"
		f.Answer(w, r)
	}
	if _, err := f.refresh(); err != nil {
		t.Fatal(err)
	}
	if f.Asked("/jwks") != 0 || f.Asked("/keys-of-this-run") != 1 {
		t.Errorf("asked: %d, %d", f.Asked("/jwks"), f.Asked("/keys-of-this-run"))
	}
}

// Q07, Q08, V38, V60 to V62: PKCE by S256, a nonce and a state, of 128 bits or
// more, new for every login.
func TestLoginsAreUnguessable(t *testing.T) {
	t.Parallel()
	client := &oidc.Client{
		ID:       "cli",
		Provider: &oidc.Provider{Issuer: "https://op.example", AuthorizationEndpoint: "https://op.example/auth"},
	}
	seen := map[string]bool{}
	for range 50 {
		login, err := client.Authorize(
			context.Background(), oidc.AuthorizationRequest{RedirectURI: "http://127.0.0.1/cb"},
		)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(login.URL)
		if err != nil {
			t.Fatal(err)
		}
		challenge := sha256.Sum256([]byte(login.CodeVerifier))
		q := u.Query()
		if q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) ||
			q.Get("code_challenge_method") != "S256" {
			t.Errorf("challenge: %v", q)
		}
		const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
		if n := len(login.CodeVerifier); n < 43 || n > 128 || strings.Trim(login.CodeVerifier, unreserved) != "" {
			t.Errorf("verifier of %d characters", n)
		}
		for _, value := range []string{login.State, login.Nonce, login.CodeVerifier} {
			if len(value) < 26 || seen[value] { // 26 characters of base32 are 130 bits
				t.Errorf("%d characters, seen before: %v", len(value), seen[value])
			}
			seen[value] = true
		}
	}
}
