package oidc_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// A kindOfJWT is a kind of JWT as an issuer may make it.
type kindOfJWT struct {
	name   string
	as     string   // what it verifies as, "" if only a provider takes it
	types  []string // of its header; "" leaves typ out
	claims map[string]any
}

// kindsOfJWT are every kind of JWT that the program knows, all of the same issuer, client and
// user, in their usual forms, and in those that say the least of what they are.
func kindsOfJWT(f peer) []kindOfJWT {
	now := f.Claims["iat"].(int64)
	of := func(more map[string]any, names ...string) map[string]any {
		common := map[string]any{
			"iss": f.URL, "sub": "u", "aud": fakeop.ClientID, "iat": now, "exp": now + 300, "jti": "1",
			"client_id": fakeop.ClientID, "scope": "read", "nonce": "n",
		}
		claims := maps.Clone(more)
		for _, name := range names {
			claims[name] = common[name]
		}
		return claims
	}
	type m = map[string]any
	untyped := []string{"", "JWT"}
	return []kindOfJWT{
		{"an ID Token", "id_token", untyped, of(m{"auth_time": now}, "iss", "sub", "aud", "iat", "exp", "nonce")},
		{"an ID Token of a refresh", "id_token", untyped, of(m{}, "iss", "sub", "aud", "iat", "exp")},
		{
			"an access token", "access_token",
			[]string{"at+jwt"},
			of(m{"aud": "api"}, "iss", "sub", "iat", "exp", "jti", "client_id", "scope"),
		},
		{
			"an untyped access token", "access_token", untyped,
			of(m{"aud": "api"}, "iss", "sub", "iat", "exp", "jti", "scope"),
		},
		{
			"an untyped access token that the client may use for itself", "access_token", untyped,
			of(m{"aud": []string{"api", fakeop.ClientID}}, "iss", "sub", "iat", "exp", "jti", "client_id", "scope"),
		},
		{
			"an untyped access token of no user", "access_token", untyped,
			of(m{"aud": []string{"api", fakeop.ClientID}}, "iss", "iat", "exp", "client_id", "scope"),
		},
		{
			"a refresh token", "refresh_token", untyped,
			of(m{"aud": f.URL}, "iss", "sub", "iat", "exp", "jti", "client_id", "scope"),
		},
		{"a UserInfo response", "userinfo", untyped, of(m{"name": "You"}, "iss", "sub", "aud")},
		{
			"a UserInfo response with times", "userinfo", untyped,
			of(m{"name": "You"}, "iss", "sub", "aud", "iat", "exp"),
		},
		{
			"a logout token", "logout_token",
			[]string{"", "JWT", "logout+jwt"},
			of(m{"sid": "s", "events": m{"http://schemas.openid.net/event/backchannel-logout": m{}}},
				"iss", "sub", "aud", "iat", "exp", "jti"),
		},
		{"an authorization response", "jarm", untyped, of(m{"code": "c", "state": "s"}, "iss", "aud", "exp")},
		{
			"an authorization response that refuses", "jarm", untyped,
			of(m{"error": "access_denied"}, "iss", "aud", "exp"),
		},
		{
			"an introspection response", "introspection",
			[]string{"token-introspection+jwt"},
			of(m{"token_introspection": m{"active": true, "sub": "u", "scope": "read"}}, "iss", "aud", "iat"),
		},
		{
			"a security event", "",
			[]string{"", "secevent+jwt"},
			of(m{"events": m{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": m{}}},
				"iss", "sub", "aud", "iat", "jti"),
		},
		{
			"a request object", "",
			[]string{"", "JWT", "oauth-authz-req+jwt"},
			of(m{"iss": fakeop.ClientID, "aud": f.URL, "response_type": "code", "redirect_uri": "https://app.example/"},
				"iat", "exp", "jti", "client_id", "scope", "nonce"),
		},
		{
			"a request object without iss", "", untyped,
			of(m{"aud": f.URL, "response_type": "code", "redirect_uri": "https://app.example/"},
				"client_id", "scope", "nonce"),
		},
		{
			"a client assertion", "",
			[]string{"", "JWT", "client-authentication+jwt"},
			of(m{"iss": fakeop.ClientID, "sub": fakeop.ClientID, "aud": f.URL}, "iat", "exp", "jti"),
		},
		{
			"an assertion of a grant", "", untyped,
			of(m{"iss": "https://trusted.example", "aud": f.URL + "/token"}, "sub", "iat", "exp", "jti"),
		},
		{
			"a DPoP proof", "",
			[]string{"dpop+jwt"},
			of(m{"htm": "POST", "htu": f.URL + "/token", "ath": "x"}, "iat", "jti"),
		},
		{
			"a software statement", "", untyped,
			of(m{
				"iss": "https://federation.example", "software_id": "4",
				"redirect_uris": []string{"https://a.example/"},
			}, "iat"),
		},
	}
}

// alike are the pairs that nobody can tell apart, with the reason: the kind that is offered, and
// what it verifies as.
var alike = map[[2]string]string{
	{"an ID Token of a refresh", "userinfo"}:       noMarks,
	{"a UserInfo response with times", "id_token"}: noMarks + "; in a login the nonce tells them apart",

	{"an ID Token", "refresh_token"}:                                                readByTheProvider,
	{"an ID Token of a refresh", "refresh_token"}:                                   readByTheProvider,
	{"an untyped access token", "refresh_token"}:                                    readByTheProvider,
	{"an untyped access token that the client may use for itself", "refresh_token"}: readByTheProvider,
	{"an untyped access token of no user", "refresh_token"}:                         readByTheProvider,
	{"a UserInfo response", "refresh_token"}:                                        readByTheProvider,
	{"a UserInfo response with times", "refresh_token"}:                             readByTheProvider,

	{"a refresh token", "access_token, whatever its audience"}: "only its audience tells it from an access token",
}

const (
	noMarks           = "an ID Token without nonce and hashes has the same claims as a UserInfo response with times"
	readByTheProvider = "only the provider reads refresh tokens (RFC 6749 section 1.5): they may hold anything, even a nonce"
)

// Every kind of JWT is offered as every other, signed with the key that would do: exactly
// those verify that are of the kind (RFC 8725 section 3.12).
func TestKindsOfJWT(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Metadata["introspection_endpoint"] = f.URL + "/introspect"
	var answer string // of the introspection endpoint
	f.Handlers["/introspect"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/token-introspection+jwt")
		_, _ = io.WriteString(w, answer)
	}
	client := f.client()
	ctx := context.Background()
	verifiers := map[string]func(raw string) error{
		"id_token": func(raw string) error {
			_, err := client.VerifyIDToken(ctx, raw, "", oidc.Expectation{Optional: true})
			return err
		},
		"access_token": func(raw string) error {
			expect := oidc.AccessTokenExpectation{Audience: []string{"api"}, Scope: []string{"read"}}
			_, err := client.VerifyAccessToken(ctx, raw, expect)
			return err
		},
		"access_token, whatever its audience": func(raw string) error {
			_, err := client.VerifyAccessToken(ctx, raw, oidc.AccessTokenExpectation{})
			return err
		},
		"refresh_token": func(raw string) error { _, err := client.VerifyRefreshToken(ctx, raw); return err },
		"userinfo":      func(raw string) error { _, err := client.VerifyUserInfo(ctx, raw); return err },
		"logout_token": func(raw string) error {
			_, err := client.VerifyLogoutToken(ctx, raw, oidc.LogoutExpectation{})
			return err
		},
		"jarm": func(raw string) error { _, err := client.VerifyJARM(ctx, raw); return err },
		"introspection": func(raw string) error {
			answer = raw
			_, err := client.Introspect(ctx, oidc.IntrospectionRequest{Token: "t", Signed: true})
			return err
		},
	}
	met := map[[2]string]bool{}
	for _, kind := range kindsOfJWT(f) {
		for _, typ := range kind.types {
			raw := signTyped(t, f, typ, kind.claims)
			for _, as := range slices.Sorted(maps.Keys(verifiers)) {
				err := verifiers[as](raw)
				plain, _, _ := strings.Cut(as, ",")
				pair := [2]string{kind.name, as}
				switch {
				case plain == kind.as && err != nil:
					t.Errorf("%s, typ %q, does not verify as %s: %v", kind.name, typ, as, err)
				case plain != kind.as && err == nil && alike[pair] == "":
					t.Errorf("%s, typ %q, verifies as %s", kind.name, typ, as)
				case plain != kind.as && err == nil:
					met[pair] = true
				}
			}
		}
	}
	for pair := range alike {
		if !met[pair] {
			t.Errorf("%s can be told from %s: it needs no reason", pair[0], pair[1])
		}
	}
}

// signTyped signs claims by the provider's key; typ is left out of the header if it is "".
func signTyped(t *testing.T, f peer, typ string, claims map[string]any) string {
	t.Helper()
	options := (&gojose.SignerOptions{}).WithHeader("kid", f.KID)
	if typ != "" {
		options = options.WithHeader("typ", typ)
	}
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.ES256, Key: f.Key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A logout token is signed by the algorithm of the ID Token that it belongs to (OpenID Connect
// Back-Channel Logout 1.0 section 2.4), where that is known, whatever else the metadata allows.
func TestLogoutTokenAlgorithm(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client() // RS256 and ES256 are allowed, and the token is signed by ES256
	kinds := kindsOfJWT(f)
	i := slices.IndexFunc(kinds, func(k kindOfJWT) bool { return k.as == "logout_token" })
	raw := signTyped(t, f, "logout+jwt", kinds[i].claims)
	for alg, ok := range map[string]bool{"": true, "ES256": true, "RS256": false, "HS256": false} {
		_, err := client.VerifyLogoutToken(context.Background(), raw, oidc.LogoutExpectation{Algorithm: alg})
		if (err == nil) != ok || err != nil && kindOf(err) != "logout_token.alg" {
			t.Errorf("the alg of the ID Token is %q: %v", alg, err)
		}
	}
}

// A client without a provider verifies nothing, and says so.
func TestVerifyWithoutProvider(t *testing.T) {
	t.Parallel()
	ctx, client := context.Background(), &oidc.Client{ID: fakeop.ClientID}
	for name, verify := range map[string]func() error{
		"ID Token": func() error { _, err := client.VerifyIDToken(ctx, "a.b.c", "", oidc.Expectation{}); return err },
		"access token": func() error {
			_, err := client.VerifyAccessToken(ctx, "a.b.c", oidc.AccessTokenExpectation{})
			return err
		},
		"refresh token": func() error { _, err := client.VerifyRefreshToken(ctx, "a.b.c"); return err },
		"UserInfo":      func() error { _, err := client.VerifyUserInfo(ctx, "a.b.c"); return err },
		"logout token": func() error {
			_, err := client.VerifyLogoutToken(ctx, "a.b.c", oidc.LogoutExpectation{})
			return err
		},
		"authorization response": func() error { _, err := client.VerifyJARM(ctx, "a.b.c"); return err },
		"any JWT":                func() error { _, err := client.VerifyJWT(ctx, "a.b.c"); return err },
	} {
		if err := verify(); err == nil || !strings.Contains(err.Error(), "needs a Provider") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
