package provider

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func acceptJWT(r *http.Request) {
	r.Header.Set("Accept", "application/json;q=0.5, application/token-introspection+jwt")
}

func TestSignedIntrospection(t *testing.T) {
	t.Parallel()
	private, public, err := NewDecryptionKeys()
	if err != nil {
		t.Fatal(err)
	}
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients,
			Client{ID: "es", Secret: "secret", IntrospectionSigningAlg: "ES256"},
			Client{ID: "sealed", Secret: "secret", JWKS: string(public), IntrospectionEncryptionAlg: "ECDH-ES+A128KW"})
	})
	tokens := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	for _, id := range []string{"es", "sealed"} {
		for _, token := range []string{text(tokens["access_token"]), "unknown"} {
			res, body := p.post("introspection_endpoint", id, "secret",
				url.Values{"token": {token}, "token_type_hint": {"magic"}}, acceptJWT)
			if res.Header.Get("Content-Type") != "application/token-introspection+jwt" {
				t.Fatalf("%s: %v, %v", id, res.Header, body)
			}
			compact := text(body["body"])
			if id == "sealed" {
				compact = decrypted(t, private, compact)
			}
			header, claims := p.open(compact)
			if header.ExtraHeaders[jose.HeaderType] != "token-introspection+jwt" ||
				id == "es" && header.Algorithm != "ES256" {
				t.Errorf("%s: %v", id, header)
			}
			info, _ := claims["token_introspection"].(map[string]any)
			if claims["iss"] != p.op.Issuer || claims["aud"] != id || claims["iat"] == nil ||
				info["active"] != (token != "unknown") {
				t.Errorf("%s: %v", id, claims)
			}
		}
		if _, info := p.post("introspection_endpoint", id, "secret",
			url.Values{"token": {text(tokens["access_token"])}}); info["active"] != true || info["acr"] != "2" {
			t.Errorf("%s, JSON: %v", id, info)
		}
	}
	if res, m := p.post("introspection_endpoint", "es", "wrong", url.Values{"token": {"x"}},
		acceptJWT); res.StatusCode != http.StatusUnauthorized || m["error"] != "invalid_client" {
		t.Errorf("wrong secret: %d, %v", res.StatusCode, m)
	}
	if res, _ := p.post("revocation_endpoint", "public", "",
		url.Values{
			"token":           {text(tokens["access_token"])},
			"token_type_hint": {"magic"},
		}); res.StatusCode != http.StatusOK {
		t.Errorf("revocation with an unknown hint: %d", res.StatusCode)
	}
}
