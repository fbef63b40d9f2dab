package provider

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestResource(t *testing.T) {
	t.Parallel()
	for _, isJWT := range []bool{false, true} {
		p := automatic(t, func(o *Options) { o.JWTAccessTokens = isJWT })
		token := func(pairs ...string) string {
			return text(p.redeem("public", "", p.authorize(with("public", pairs...)).Get("code"))["access_token"])
		}
		refresh, err := p.op.IssueRefreshToken("public", "alice", "")
		if err != nil {
			t.Fatal(err)
		}
		own := p.op.Issuer + "/resource"
		for name, c := range map[string]struct {
			path, token string
			status      int
			challenge   string
		}{
			"good":              {"", token(), 200, ""},
			"for this resource": {"", token("resource", own), 200, ""},
			"for another": {
				"", token("resource", "https://api.example.com"), 401, `Bearer error="invalid_token"`,
			},
			"no token": {
				"", "", 401,
				`Bearer resource_metadata="` + p.op.Issuer + `/.well-known/oauth-protected-resource/resource"`,
			},
			"unknown":             {"", "x", 401, `Bearer error="invalid_token"`},
			"a refresh token":     {"", refresh, 401, `Bearer error="invalid_token"`},
			"email":               {"/email", token(), 200, ""},
			"email without scope": {"/email", token("scope", "openid"), 403, `error="insufficient_scope"`},
			"step-up":             {"/step-up", token("acr_values", "2"), 200, ""},
			"step-up, weak login": {
				"/step-up", token("acr_values", "1"), 401,
				`error="insufficient_user_authentication", error_description="another login is needed", acr_values="2", max_age="300"`,
			},
			"step-up, weak user":   {"/step-up", token("login_hint", "bob"), 401, `acr_values="2", max_age="300"`},
			"metadata in a denial": {"/step-up", token("acr_values", "1"), 401, `resource_metadata="`},
		} {
			res, m := p.get(own+c.path, c.token)
			challenge := strings.Join(res.Header.Values("WWW-Authenticate"), "; ")
			if res.StatusCode != c.status || !strings.Contains(challenge, c.challenge) {
				t.Errorf("%s: %d, %s", name, res.StatusCode, challenge)
			}
			if c.status == 200 &&
				(m["sub"] != "alice" || m["client_id"] != "public" || m["scope"] == nil || m["acr"] != "2") {
				t.Errorf("%s: %v", name, m)
			}
		}
		if res, _ := p.get(own, ""); !strings.Contains(strings.Join(res.Header.Values("WWW-Authenticate"), ";"),
			`DPoP resource_metadata=`) {
			t.Errorf("no DPoP challenge: %v", res.Header)
		}
	}
}

func TestStepUpAfterAnOldLogin(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	tokens := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	p.op.store.mu.Lock()
	for _, g := range p.op.store.grants {
		g.Store["auth_time"] = time.Now().Add(-301 * time.Second).Unix()
	}
	p.op.store.mu.Unlock()
	if res, _ := p.get(p.op.Issuer+"/resource/step-up",
		text(tokens["access_token"])); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a login that is too old: %d", res.StatusCode)
	}
}

func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	_, m := p.get(p.op.Issuer+"/.well-known/oauth-protected-resource/resource", "")
	servers, _ := m["authorization_servers"].([]any)
	if m["resource"] != p.op.Issuer+"/resource" || len(servers) != 1 || servers[0] != p.op.Issuer ||
		m["dpop_signing_alg_values_supported"] == nil {
		t.Errorf("%v", m)
	}
}

func TestUserInfoNeedsTheScopeOpenID(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	tokens := p.redeem("public", "", p.authorize(with("public", "scope", "email")).Get("code"))
	res, _ := p.get(p.endpoint("userinfo_endpoint"), text(tokens["access_token"]))
	if res.StatusCode != http.StatusForbidden ||
		!strings.Contains(res.Header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
		t.Errorf("%d, %s", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
}

func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Tokens that are bound to a certificate (RFC 8705 section 3).
func TestCertificateBoundTokens(t *testing.T) {
	t.Parallel()
	ca := certificate(t, "CA", nil)
	own, other := certificate(t, "own", nil), certificate(t, "other", nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	o := testOptions()
	o.Certificate, o.Auto = certificate(t, "server", ca), true
	o.Clients = []Client{{
		ID: "self", AuthMethod: "self_signed_tls_client_auth",
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Leaf.Raw})),
	}}
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	as := func(c *tls.Certificate) *peer {
		p := &peer{
			t: t, op: op,
			http: &http.Client{Timeout: 10 * time.Second, CheckRedirect: noRedirects, Transport: &http.Transport{
				DisableKeepAlives: true,
				TLSClientConfig: &tls.Config{
					RootCAs: roots, MinVersion: tls.VersionTLS12,
					GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						return c, nil
					},
				},
			}},
		}
		_, p.metadata = p.get(op.Issuer+"/.well-known/openid-configuration", "")
		aliases, _ := p.metadata["mtls_endpoint_aliases"].(map[string]any)
		for name, uri := range aliases {
			p.metadata[name] = uri
		}
		return p
	}
	mine := as(own)
	access := text(mine.redeem("self", "", mine.authorize(authorization("self")).Get("code"))["access_token"])
	for name, c := range map[string]struct {
		with *tls.Certificate
		want int
	}{"own": {own, 200}, "other": {other, 401}, "none": {&tls.Certificate{}, 401}} {
		for _, path := range []string{"/resource", "/userinfo"} {
			if res, m := as(c.with).get(op.at.mtls+path, access); res.StatusCode != c.want {
				t.Errorf("%s: %s %d, %v", name, path, res.StatusCode, m)
			}
		}
	}
	_, info := mine.post("introspection_endpoint", "self", "", url.Values{"token": {access}})
	if cnf, _ := info["cnf"].(map[string]any); cnf["x5t#S256"] != ath(string(own.Leaf.Raw)) {
		t.Errorf("introspection: %v", info)
	}
}
