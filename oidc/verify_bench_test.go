package oidc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/jose"
)

// signedTokens are a client that verifies with a key of an algorithm, and an ID
// Token by it.
func signedToken(b *testing.B, alg string) (*Client, SigningKey, string) {
	b.Helper()
	key, err := GenerateKey(alg)
	if err != nil {
		b.Fatal(err)
	}
	jwk, err := key.PublicJWK("sig")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := ReadKeySet(fmt.Appendf(nil, `{"keys":[%s]}`, jwk))
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	raw, err := key.key.Sign(alg, "JWT", map[string]any{
		"iss": "https://op.example", "sub": "alice", "aud": "cli", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"auth_time": now.Unix(), "nonce": "n-0S6_WzA2Mj", "acr": "2", "amr": []string{"pwd", "otp"},
		"email": "alice@example.com", "name": "Alice Adams",
	})
	if err != nil {
		b.Fatal(err)
	}
	c := &Client{
		Provider: &Provider{Issuer: "https://op.example", IDTokenSigningAlgorithms: SignatureAlgorithms()}, ID: "cli",
		Keys: keys,
	}
	return c, key, raw
}

// BenchmarkVerifyIDToken is a whole verification: reading, every rule, and the
// signature. BenchmarkSignature is the signature alone.
func BenchmarkVerifyIDToken(b *testing.B) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			c, _, raw := signedToken(b, alg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.VerifyIDToken(context.Background(), raw, "", Expectation{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSignature(b *testing.B) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			_, key, raw := signedToken(b, alg)
			token, err := jose.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			public := jose.PublicKey(key.key)
			b.ReportAllocs()
			for b.Loop() {
				if err := token.Verify(public); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
