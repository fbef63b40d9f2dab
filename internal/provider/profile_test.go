package provider

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fapi starts a provider of a FAPI 2.0 profile with one client.
func fapi(t *testing.T, profile string) (*peer, jose.JSONWebKey) {
	t.Helper()
	key, jwks := keyPair(t)
	return automatic(t, func(o *Options) {
		o.FAPI2, o.Clients = profile, []Client{{ID: "key", AuthMethod: "private_key_jwt", JWKS: jwks}}
	}), key
}

// asserted adds a client assertion to a form.
func (p *peer) asserted(form url.Values, key jose.JSONWebKey, aud any) url.Values {
	p.t.Helper()
	form = maps.Clone(form)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", p.assertion("key", jose.ES256, key, aud))
	return form
}

func TestFAPI2Security(t *testing.T) {
	t.Parallel()
	p, key := fapi(t, "security")
	push := func(form url.Values, aud any) (int, map[string]any) {
		res, m := p.post("pushed_authorization_request_endpoint", "key", "", p.asserted(form, key, aud))
		return res.StatusCode, m
	}
	for name, c := range map[string]struct {
		form url.Values
		aud  any
		want int
	}{
		"good":          {authorization("key"), p.op.Issuer, http.StatusCreated},
		"aud is a list": {authorization("key"), []string{p.op.Issuer}, http.StatusUnauthorized},
		"aud is the endpoint": {
			authorization("key"), p.endpoint("pushed_authorization_request_endpoint"), http.StatusUnauthorized,
		},
		"no challenge": {
			with("key", "code_challenge", "", "code_challenge_method", ""), p.op.Issuer, http.StatusBadRequest,
		},
		"plain challenge":         {with("key", "code_challenge_method", "plain"), p.op.Issuer, http.StatusBadRequest},
		"another response type":   {with("key", "response_type", "code id_token"), p.op.Issuer, http.StatusBadRequest},
		"no redirect_uri":         {with("key", "redirect_uri", ""), p.op.Issuer, http.StatusBadRequest},
		"a request object is not": {authorization("key"), p.op.Issuer, http.StatusCreated},
	} {
		if status, m := push(c.form, c.aud); status != c.want {
			t.Errorf("%s: %d, %v", name, status, m)
		}
	}
	if res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+authorization("key").Encode(),
		""); res.StatusCode != http.StatusBadRequest {
		t.Errorf("not pushed: %d", res.StatusCode)
	}
	prover := newProver(t)
	redeem := func(proofs ...string) map[string]any {
		_, m := push(authorization("key"), p.op.Issuer)
		back := p.authorize(url.Values{"client_id": {"key"}, "request_uri": {text(m["request_uri"])}})
		_, tokens := p.post("token_endpoint", "key", "", p.asserted(url.Values{
			"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "code_verifier": {verifier},
			"redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
		}, key, p.op.Issuer), proofHeader(proofs...))
		return tokens
	}
	if tokens := redeem(); tokens["error"] != "invalid_request" {
		t.Errorf("an unbound token: %v", tokens)
	}
	tokens := redeem(prover.proof("POST", p.endpoint("token_endpoint"), nil))
	if header, _ := p.open(text(tokens["id_token"])); header.Algorithm != "PS256" || tokens["token_type"] != "DPoP" {
		t.Errorf("%v, %v", header, tokens)
	}
	_, refreshed := p.post("token_endpoint", "key", "",
		p.asserted(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(tokens["refresh_token"])}}, key,
			p.op.Issuer),
		proofHeader(prover.proof("POST", p.endpoint("token_endpoint"), nil)))
	if refreshed["access_token"] == nil || refreshed["refresh_token"] != nil {
		t.Errorf("refresh: %v", refreshed)
	}
}

func TestFAPI2MessageSigning(t *testing.T) {
	t.Parallel()
	p, key := fapi(t, "message-signing")
	push := func(form url.Values) (int, string) {
		res, m := p.post("pushed_authorization_request_endpoint", "key", "", p.asserted(form, key, p.op.Issuer))
		return res.StatusCode, text(m["request_uri"])
	}
	object := func(change map[string]any) url.Values {
		return url.Values{"request": {signed(t, jose.ES256, key, "oauth-authz-req+jwt",
			p.requestObject("key", change))}}
	}
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"good":        {object(map[string]any{"response_mode": "jwt"}), http.StatusCreated},
		"not signed":  {with("key", "response_mode", "jwt"), http.StatusBadRequest},
		"no JARM":     {object(nil), http.StatusBadRequest},
		"without nbf": {object(map[string]any{"response_mode": "jwt", "nbf": nil}), http.StatusBadRequest},
		"without exp": {object(map[string]any{"response_mode": "jwt", "exp": nil}), http.StatusBadRequest},
	} {
		if status, _ := push(c.form); status != c.want {
			t.Errorf("%s: %d", name, status)
		}
	}
	_, uri := push(object(map[string]any{"response_mode": "jwt"}))
	values, _ := p.respond(url.Values{"client_id": {"key"}, "request_uri": {uri}})
	if _, claims := p.open(values.Get("response")); claims["code"] == nil {
		t.Errorf("%v", claims)
	}
}

// A client with a certificate needs neither an assertion nor DPoP.
func TestFAPI2MutualTLS(t *testing.T) {
	t.Parallel()
	ca, own := certificate(t, "CA", nil), certificate(t, "own", nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	o := testOptions()
	o.Certificate, o.Auto, o.FAPI2, o.JWTAccessTokens = certificate(t, "server", ca), true, "security", true
	o.Clients = []Client{{
		ID: "self", AuthMethod: "self_signed_tls_client_auth",
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Leaf.Raw})),
	}}
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	p := &peer{
		t: t, op: op,
		http: &http.Client{Timeout: 10 * time.Second, CheckRedirect: noRedirects, Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{
				RootCAs: roots, Certificates: []tls.Certificate{*own},
				MinVersion: tls.VersionTLS12,
			},
		}},
	}
	_, p.metadata = p.get(op.Issuer+"/.well-known/openid-configuration", "")
	aliases, _ := p.metadata["mtls_endpoint_aliases"].(map[string]any)
	maps.Copy(p.metadata, aliases)
	_, m := p.post("pushed_authorization_request_endpoint", "self", "", authorization("self"))
	back := p.authorize(url.Values{"client_id": {"self"}, "request_uri": {text(m["request_uri"])}})
	_, claims := p.open(text(p.redeem("self", "", back.Get("code"))["access_token"]))
	if cnf, _ := claims["cnf"].(map[string]any); cnf["x5t#S256"] != ath(string(own.Leaf.Raw)) {
		t.Errorf("%v", claims)
	}
}

func TestFAPI2Clients(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"unknown profile": {FAPI2: "magic"},
		"secret":          {FAPI2: "security", Clients: []Client{{ID: "a", Secret: "s"}}},
		"public":          {FAPI2: "security", Clients: []Client{{ID: "a"}}},
	} {
		if op, err := Start(o); err == nil {
			t.Errorf("%s: started", name)
			_ = op.Close()
		}
	}
}
