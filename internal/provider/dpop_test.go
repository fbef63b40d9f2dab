package provider

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// A prover makes DPoP proofs.
type prover struct {
	t   *testing.T
	key jose.JSONWebKey
}

func newProver(t *testing.T) prover {
	t.Helper()
	return prover{t, jose.JSONWebKey{Key: ecKey(t)}}
}

// jkt is the thumbprint of the key.
func (v prover) jkt() string {
	v.t.Helper()
	thumbprint, err := v.key.Thumbprint(5) // SHA-256
	if err != nil {
		v.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(thumbprint)
}

// proof makes a proof, with some claims changed; nil takes one out.
func (v prover) proof(method, uri string, change map[string]any) string {
	v.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: v.key},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		v.t.Fatal(err)
	}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": time.Now().Unix()}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	compact, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		v.t.Fatal(err)
	}
	return compact
}

func proofHeader(proofs ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Dpop"] = proofs }
}

func ath(token string) string {
	digest := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func (p *peer) codeForm(id string, pairs ...string) url.Values {
	p.t.Helper()
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {p.authorize(with(id, pairs...)).Get("code")},
		"code_verifier": {verifier}, "redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
	}
}

func TestProofsAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Clients = append(o.Clients, Client{ID: "bound", DPoPBound: true}) })
	mine, other := newProver(t), newProver(t)
	uri := p.endpoint("token_endpoint")
	used := mine.proof("POST", uri, nil)
	p.post("token_endpoint", "public", "", p.codeForm("public"), proofHeader(used))
	for name, c := range map[string]struct {
		client, jkt string
		proofs      []string
		want        string // error
	}{
		"good":             {"public", "", []string{mine.proof("POST", uri, nil)}, ""},
		"with a query":     {"public", "", []string{mine.proof("POST", uri+"?a=b#c", nil)}, ""},
		"none where bound": {"bound", "", nil, "invalid_request"},
		"used before":      {"public", "", []string{used}, "invalid_dpop_proof"},
		"two": {
			"public", "", []string{mine.proof("POST", uri, nil), mine.proof("POST", uri, nil)}, "invalid_dpop_proof",
		},
		"other method": {"public", "", []string{mine.proof("GET", uri, nil)}, "invalid_dpop_proof"},
		"other URI":    {"public", "", []string{mine.proof("POST", uri+"/", nil)}, "invalid_dpop_proof"},
		"old": {
			"public", "",
			[]string{mine.proof("POST", uri, map[string]any{"iat": time.Now().Unix() - 900})},
			"invalid_dpop_proof",
		},
		"no jti": {
			"public", "", []string{mine.proof("POST", uri, map[string]any{"jti": nil})}, "invalid_dpop_proof",
		},
		"no proof at all":    {"public", "", []string{"x"}, "invalid_dpop_proof"},
		"dpop_jkt":           {"public", mine.jkt(), []string{mine.proof("POST", uri, nil)}, ""},
		"dpop_jkt, other":    {"public", mine.jkt(), []string{other.proof("POST", uri, nil)}, "invalid_dpop_proof"},
		"dpop_jkt, no proof": {"public", mine.jkt(), nil, "invalid_request"},
	} {
		_, tokens := p.post("token_endpoint", c.client, "", p.codeForm(c.client, "dpop_jkt", c.jkt),
			proofHeader(c.proofs...))
		if text(tokens["error"]) != c.want || c.want == "" && tokens["token_type"] != "DPoP" {
			t.Errorf("%s: %v, want %q", name, tokens, c.want)
		}
	}
}

// ask asks a resource, with or without a proof.
func (p *peer) ask(uri, authorization string, proofs ...string) (*http.Response, map[string]any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, uri, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	proofHeader(proofs...)(r)
	return p.do(r)
}

func TestProofsAtResources(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	mine, other := newProver(t), newProver(t)
	_, tokens := p.post("token_endpoint", "public", "", p.codeForm("public"),
		proofHeader(mine.proof("POST", p.endpoint("token_endpoint"), nil)))
	token := text(tokens["access_token"])
	for _, uri := range []string{p.endpoint("userinfo_endpoint"), p.op.Issuer + "/resource"} {
		good := map[string]any{"ath": ath(token)}
		used := mine.proof("GET", uri, good)
		for _, c := range []struct {
			name, scheme string
			proofs       []string
			want         string
		}{
			{"good", "DPoP ", []string{used}, ""},
			{"lower case", "dpop ", []string{mine.proof("GET", uri, good)}, ""},
			{"used before", "DPoP ", []string{used}, "invalid_dpop_proof"},
			{"as a bearer token", "Bearer ", []string{mine.proof("GET", uri, good)}, "invalid_token"},
			{"no proof", "DPoP ", nil, "invalid_dpop_proof"},
			{"other key", "DPoP ", []string{other.proof("GET", uri, good)}, "invalid_token"},
			{"no ath", "DPoP ", []string{mine.proof("GET", uri, nil)}, "invalid_token"},
			{"other URI", "DPoP ", []string{mine.proof("GET", p.op.Issuer+"/other", good)}, "invalid_dpop_proof"},
		} {
			res, m := p.ask(uri, c.scheme+token, c.proofs...)
			challenge := strings.Join(res.Header.Values("WWW-Authenticate"), ", ")
			switch {
			case c.want == "" && m["sub"] != "alice":
				t.Errorf("%s, %s: %d, %v", uri, c.name, res.StatusCode, m)
			case c.want != "" &&
				(res.StatusCode != http.StatusUnauthorized || !strings.Contains(challenge, `error="`+c.want+`"`)):
				t.Errorf("%s, %s: %d, %s", uri, c.name, res.StatusCode, challenge)
			}
		}
	}
	_, info := p.post("introspection_endpoint", "confidential", "s e:c%r+et", url.Values{"token": {token}})
	if cnf, _ := info["cnf"].(map[string]any); cnf["jkt"] != mine.jkt() || info["token_type"] != "DPoP" {
		t.Errorf("introspection: %v", info)
	}
}

func TestNonces(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.DPoPNonces = true })
	mine := newProver(t)
	nonce := func(n string) map[string]any { return map[string]any{"nonce": n} }
	var newest string
	for _, endpoint := range []string{
		"pushed_authorization_request_endpoint", "device_authorization_endpoint",
		"backchannel_authentication_endpoint", "token_endpoint",
	} {
		id, secret := "public", ""
		if endpoint == "backchannel_authentication_endpoint" {
			id, secret = "confidential", "s e:c%r+et"
		}
		form := func() url.Values {
			switch endpoint {
			case "token_endpoint":
				return p.codeForm(id)
			case "backchannel_authentication_endpoint":
				return url.Values{"scope": {"openid"}, "login_hint": {"alice"}}
			}
			return authorization(id)
		}
		uri := p.endpoint(endpoint)
		res, m := p.post(endpoint, id, secret, form(), proofHeader(mine.proof("POST", uri, nil)))
		newest = res.Header.Get("DPoP-Nonce")
		if res.StatusCode != http.StatusBadRequest || m["error"] != "use_dpop_nonce" || newest == "" {
			t.Fatalf("%s without a nonce: %d, %v", endpoint, res.StatusCode, m)
		}
		if res, m := p.post(endpoint, id, secret, form(),
			proofHeader(mine.proof("POST", uri, nonce("x")))); m["error"] != "use_dpop_nonce" ||
			res.Header.Get("DPoP-Nonce") != newest {
			t.Errorf("%s with a wrong nonce: %v", endpoint, m)
		}
		res, m = p.post(endpoint, id, secret, form(), proofHeader(mine.proof("POST", uri, nonce(newest))))
		if res.StatusCode/100 != 2 || res.Header.Get("DPoP-Nonce") == newest || res.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: %d, %v, nonce %q", endpoint, res.StatusCode, m, res.Header.Get("DPoP-Nonce"))
		}
		if _, m := p.post(endpoint, id, secret, form(),
			proofHeader(mine.proof("POST", uri, nonce(newest)))); m["error"] != "use_dpop_nonce" {
			t.Errorf("%s with an old nonce: %v", endpoint, m)
		}
		newest = res.Header.Get("DPoP-Nonce")
	}
	_, tokens := p.post("token_endpoint", "public", "", p.codeForm("public"),
		proofHeader(mine.proof("POST", p.endpoint("token_endpoint"), nonce(newest))))
	token := text(tokens["access_token"])
	server := p.op.nonces.current(false)
	for _, uri := range []string{p.op.Issuer + "/resource", p.endpoint("userinfo_endpoint")} {
		proof := func(n string) string { return mine.proof("GET", uri, map[string]any{"ath": ath(token), "nonce": n}) }
		res, _ := p.ask(uri, "DPoP "+token, proof(server))
		challenge, current := res.Header.Get("WWW-Authenticate"), res.Header.Get("DPoP-Nonce")
		if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, `DPoP error="use_dpop_nonce"`) ||
			current == "" || current == server {
			t.Fatalf("the other nonce: %d, %s, %q", res.StatusCode, challenge, current)
		}
		res, _ = p.ask(uri, "DPoP "+token, proof(current))
		if res.StatusCode != http.StatusOK || slices.Contains([]string{"", current}, res.Header.Get("DPoP-Nonce")) {
			t.Errorf("%d, %q", res.StatusCode, res.Header.Get("DPoP-Nonce"))
		}
		if res, _ := p.ask(uri, "DPoP "+token, proof(current)); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("an old nonce: %d", res.StatusCode)
		}
	}
	if res, _ := p.ask(p.op.Issuer+"/resource",
		"Bearer "+
			text(p.redeem("public", "",
				p.authorize(authorization("public")).Get("code"))["access_token"])); res.StatusCode != http.StatusOK {
		t.Errorf("a bearer token needs a nonce: %d", res.StatusCode)
	}
}

// A refresh token of a public client is bound to the key of the login.
func TestBoundRefreshTokens(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	mine, other := newProver(t), newProver(t)
	uri := p.endpoint("token_endpoint")
	_, tokens := p.post("token_endpoint", "public", "", p.codeForm("public"), proofHeader(mine.proof("POST", uri, nil)))
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(tokens["refresh_token"])}}
	for _, c := range []struct {
		name   string
		proofs []string
		want   string
	}{
		{"no proof", nil, "invalid_grant"},
		{"other key", []string{other.proof("POST", uri, nil)}, "invalid_dpop_proof"},
		{"good", []string{mine.proof("POST", uri, nil)}, ""},
	} {
		if res, m := p.post("token_endpoint", "public", "", form,
			proofHeader(c.proofs...)); text(m["error"]) != c.want ||
			c.want != "" && res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, %v", c.name, res.StatusCode, m)
		}
	}
}
