package oidc_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// A resource server accepts a token that is bound to a key from nobody but who has that key
// (RFC 9449 section 7.1, RFC 8705 section 3), and a token without a bound to its life from
// nobody.
func TestAccessTokenPossession(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	own, other := &x509.Certificate{Raw: []byte("own")}, &x509.Certificate{Raw: []byte("other")}
	sum := sha256.Sum256(own.Raw)
	x5t := base64.RawURLEncoding.EncodeToString(sum[:])
	jkt, cert := map[string]any{"jkt": "k"}, map[string]any{"x5t#S256": x5t}
	expect := func(e oidc.AccessTokenExpectation) oidc.AccessTokenExpectation {
		e.Audience = []string{"api"}
		return e
	}
	for name, c := range map[string]struct {
		cnf    any
		expect oidc.AccessTokenExpectation
		want   string // the rule that is broken, "" if none is
	}{
		"a bearer token":                    {nil, expect(oidc.AccessTokenExpectation{}), ""},
		"a bearer token with a certificate": {nil, expect(oidc.AccessTokenExpectation{Certificate: own}), ""},
		"a bearer token with a proof": {
			nil, expect(oidc.AccessTokenExpectation{KeyThumbprint: "k"}), "access_token.possession",
		},
		"bound to a key, and proved":     {jkt, expect(oidc.AccessTokenExpectation{KeyThumbprint: "k"}), ""},
		"bound to a key, sent as bearer": {jkt, expect(oidc.AccessTokenExpectation{}), "access_token.possession"},
		"bound to a key, no audience":    {jkt, oidc.AccessTokenExpectation{}, "access_token.possession"},
		"bound to a key, another proved": {
			jkt, expect(oidc.AccessTokenExpectation{KeyThumbprint: "l"}), "access_token.possession",
		},
		"bound to a certificate":             {cert, expect(oidc.AccessTokenExpectation{Certificate: own}), ""},
		"bound to a certificate, none shown": {cert, expect(oidc.AccessTokenExpectation{}), "access_token.possession"},
		"bound to another certificate": {
			cert, expect(oidc.AccessTokenExpectation{Certificate: other}), "access_token.possession",
		},
		"bound to both, one shown": {
			map[string]any{"jkt": "k", "x5t#S256": x5t},
			expect(oidc.AccessTokenExpectation{Certificate: own}),
			"access_token.possession",
		},
		"bound to what nobody knows": {
			map[string]any{"kid": "k"}, expect(oidc.AccessTokenExpectation{}), "access_token.possession",
		},
		"cnf is no object": {
			"k", expect(oidc.AccessTokenExpectation{KeyThumbprint: "k"}), "access_token.possession",
		},
		"jkt is no string": {
			map[string]any{"jkt": 1},
			expect(oidc.AccessTokenExpectation{KeyThumbprint: "k"}),
			"access_token.possession",
		},
		"not judged": {jkt, expect(oidc.AccessTokenExpectation{InsecureSkipKeyBinding: true}), ""},
	} {
		claims := map[string]any{
			"iss": f.URL, "sub": "u", "aud": "api", "client_id": "app", "scope": "read", "jti": "1",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		}
		if c.cnf != nil {
			claims["cnf"] = c.cnf
		}
		server := &oidc.Client{Provider: f.client().Provider, Policy: oidc.Policy{Algorithms: []string{"ES256"}}}
		_, err := server.VerifyAccessToken(t.Context(), signTyped(t, f, "at+jwt", claims), c.expect)
		if oidc.Reason(err) != c.want {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		delete(claims, "exp")
		delete(claims, "cnf")
		endless := fakeop.Sign(f.Key, f.KID, claims)
		_, err = server.VerifyAccessToken(t.Context(), endless, c.expect)
		if len(c.expect.Audience) > 0 && oidc.Reason(err) != "access_token.required" {
			t.Errorf("%s, without exp: got %v", name, err)
		}
	}
}

// A challenge that a resource server writes is the one that a client reads.
func TestChallengeString(t *testing.T) {
	t.Parallel()
	age := 5 * time.Minute
	for want, c := range map[string]oidc.Challenge{
		`Bearer`: {},
		`Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource"`: {
			ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource",
		},
		`DPoP error="insufficient_scope", scope="read write"`: {
			Scheme: "DPoP", Code: "insufficient_scope", Scope: "read write",
		},
		`Bearer error="insufficient_user_authentication", acr_values="a b", max_age="300"`: {
			Code: "insufficient_user_authentication", ACRValues: []string{"a", "b"}, MaxAge: &age,
		},
		`Bearer error="invalid_token", error_description="'a'? ??b"`: {
			Code: "invalid_token", Description: "\"a\"\\ \r\nb",
		},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", c.String())
			w.WriteHeader(http.StatusUnauthorized)
		}))
		res, err := (&oidc.Client{}).Resource(t.Context(), nil, oidc.ResourceRequest{URL: server.URL})
		server.Close()
		if err == nil || res == nil || res.Challenge == nil || res.Challenge.Code != c.Code ||
			res.Challenge.String() != want {
			t.Errorf("%s: read as %+v, error %v", want, res, err)
		}
	}
}
