package provider

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// What a client signs with its one key is taken for what it is, and for nothing else: request
// objects, client assertions and DPoP proofs, each offered as every other (RFC 8725 section
// 3.12). Each is made anew for each offer, since a jti counts once.
func TestKindsOfClientJWT(t *testing.T) {
	t.Parallel()
	key, jwks := keyPair(t)
	p := automatic(t, func(o *Options) {
		o.Clients = []Client{{ID: "app", JWKS: jwks, AuthMethod: "private_key_jwt", RequireSignedRequestObject: true}}
	})
	now := time.Now().Unix()
	assertion := func() map[string]any {
		return map[string]any{
			"iss": "app", "sub": "app", "aud": p.op.Issuer, "jti": rand.Text(), "iat": now,
			"exp": now + 60,
		}
	}
	kinds := []struct {
		name   string
		as     string // what it is, "" if none of the three
		types  []string
		claims func() map[string]any
	}{
		{"a request object", "request object", []string{"oauth-authz-req+jwt", "JWT"}, func() map[string]any {
			return p.requestObject("app", nil)
		}},
		{"a client assertion", "client assertion", []string{"JWT", "client-authentication+jwt"}, assertion},
		{"a DPoP proof", "DPoP proof", []string{"dpop+jwt"}, func() map[string]any {
			return map[string]any{"jti": rand.Text(), "htm": "POST", "htu": p.endpoint("token_endpoint"), "iat": now}
		}},
		{"a DPoP proof for the client", "", []string{"JWT"}, func() map[string]any {
			claims := assertion()
			claims["htm"], claims["htu"] = "POST", p.endpoint("token_endpoint")
			delete(claims, "sub")
			return claims
		}},
		{"an ID Token", "", []string{"JWT"}, func() map[string]any {
			claims := assertion()
			claims["iss"], claims["aud"], claims["nonce"] = p.op.Issuer, "app", "n"
			return claims
		}},
		{"an access token", "", []string{"at+jwt"}, func() map[string]any {
			claims := assertion()
			claims["iss"], claims["client_id"], claims["scope"] = p.op.Issuer, "app", "profile"
			return claims
		}},
	}
	credentials := func(assertion string, change ...func(*http.Request)) map[string]any {
		_, m := p.post("token_endpoint", "app", "", url.Values{
			"grant_type": {"client_credentials"}, "scope": {"profile"}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}, change...)
		return m
	}
	takes := map[string]func(raw string) bool{
		"request object": func(raw string) bool {
			query := url.Values{"client_id": {"app"}, "request": {raw}, "scope": {"openid"}}
			res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+query.Encode(), "")
			location, err := res.Location()
			return err == nil && location.Query().Has("code")
		},
		"client assertion": func(raw string) bool { return credentials(raw)["access_token"] != nil },
		"DPoP proof": func(raw string) bool {
			return credentials(signed(t, jose.ES256, key, "JWT", assertion()), proofHeader(raw))["token_type"] == "DPoP"
		},
	}
	for _, kind := range kinds {
		for _, typ := range kind.types {
			for _, as := range slices.Sorted(maps.Keys(takes)) {
				raw := signed(t, jose.ES256, key, typ, kind.claims())
				if as == "DPoP proof" { // which brings its key
					raw = signedWithItsKey(t, key, typ, kind.claims())
				}
				if ok := takes[as](raw); ok != (kind.as == as) {
					t.Errorf("%s, typ %q, as a %s: taken is %v", kind.name, typ, as, ok)
				}
			}
		}
	}
}

// signedWithItsKey makes a JWT that has the public key in its header.
func signedWithItsKey(t *testing.T, key jose.JSONWebKey, typ string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.Key}}, options)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}
