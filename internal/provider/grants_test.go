package provider

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	form := func(pairs ...string) url.Values {
		f := url.Values{
			"grant_type": {"password"}, "username": {"alice"}, "password": {"alice"},
			"scope": {"openid email"},
		}
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f
	}
	p := automatic(t, func(o *Options) {
		o.Password = true
		o.Clients = append(o.Clients, Client{ID: "code", GrantTypes: []string{"authorization_code"}},
			Client{ID: "only", GrantTypes: []string{"password"}})
	})
	_, tokens := p.post("token_endpoint", "public", "", form())
	if claims := p.claims(tokens, jose.RS256); claims["sub"] != "alice" || claims["auth_time"] == nil ||
		tokens["refresh_token"] == nil {
		t.Errorf("%v, %v", tokens, claims)
	}
	if _, info := p.get(p.endpoint("userinfo_endpoint"),
		text(tokens["access_token"])); info["email"] != "alice@example.com" {
		t.Errorf("UserInfo: %v", info)
	}
	if status, m := p.refresh("public", "", text(tokens["refresh_token"])); status != http.StatusOK {
		t.Errorf("refresh: %d, %v", status, m)
	}
	if _, m := p.post("token_endpoint", "only", "", form()); m["access_token"] == nil {
		t.Errorf("a client with this grant only: %v", m)
	}
	for name, c := range map[string]struct {
		client, secret string
		form           url.Values
		want           string
	}{
		"another assertion": {
			"only", "", form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x"),
			"unauthorized_client",
		},
		"wrong password":      {"public", "", form("password", "x"), "invalid_grant"},
		"unknown user":        {"public", "", form("username", "x"), "invalid_grant"},
		"wrong client secret": {"confidential", "x", form(), "invalid_client"},
		"not registered":      {"code", "", form(), "unauthorized_client"},
		"unknown scope":       {"public", "", form("scope", "magic"), "invalid_scope"},
	} {
		if _, m := p.post("token_endpoint", c.client, c.secret, c.form); m["error"] != c.want {
			t.Errorf("%s: %v", name, m)
		}
	}
	if _, m := automatic(t, nil).post("token_endpoint", "public", "", form()); m["error"] != "unsupported_grant_type" {
		t.Errorf("without the option: %v", m)
	}
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	key, jwks := keyPair(t)
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients, Client{ID: "key", Secret: "secret", JWKS: jwks})
	})
	now := time.Now().Unix()
	assertion := func(change map[string]any) string {
		claims := map[string]any{
			"iss": "key", "sub": "bob", "aud": p.endpoint("token_endpoint"), "exp": now + 60,
			"iat": now,
		}
		for name, v := range change {
			claims[name] = v
		}
		return signed(t, jose.ES256, key, "JWT", claims)
	}
	once := assertion(map[string]any{"jti": "once"})
	for _, c := range []struct {
		name, assertion string
		ok              bool
	}{
		{"good", assertion(nil), true},
		{"for the issuer", assertion(map[string]any{"aud": p.op.Issuer}), true},
		{"with a jti", once, true},
		{"used before", once, false},
		{"expired", assertion(map[string]any{"exp": now - 120}), false},
		{"no exp", assertion(map[string]any{"exp": nil}), false},
		{"another iss", assertion(map[string]any{"iss": "public"}), false},
		{"another aud", assertion(map[string]any{"aud": "https://other.example"}), false},
		{"unknown user", assertion(map[string]any{"sub": "nobody"}), false},
		{
			"another key",
			signed(t, jose.ES256, jose.JSONWebKey{Key: ecKey(t), KeyID: "k"}, "JWT",
				map[string]any{"iss": "key", "sub": "bob", "aud": p.op.Issuer, "exp": now + 60}), false,
		},
		{"no JWT", "x", false},
	} {
		_, m := p.post("token_endpoint", "key", "secret", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {c.assertion},
			"scope": {"openid email"},
		})
		switch {
		case !c.ok && m["error"] != "invalid_grant":
			t.Errorf("%s: %v", c.name, m)
		case c.ok:
			if _, info := p.get(p.endpoint("userinfo_endpoint"),
				text(m["access_token"])); info["email"] != "bob@example.com" || m["refresh_token"] != nil {
				t.Errorf("%s: %v, %v", c.name, m, info)
			}
		}
	}
}

func TestSAMLBearer(t *testing.T) {
	t.Parallel()
	saml := func(name string) url.Values {
		xml := `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Subject><NameID>` + name +
			`</NameID></Subject></Assertion>`
		return url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:saml2-bearer"}, "scope": {"openid"},
			"assertion": {base64.RawURLEncoding.EncodeToString([]byte(xml))},
		}
	}
	for _, allowed := range []bool{false, true} {
		p := automatic(t, func(o *Options) { o.SAML = allowed })
		if _, m := p.post("token_endpoint", "public", "", saml("alice")); (m["id_token"] != nil) != allowed ||
			!allowed &&
				(m["error"] != "invalid_grant" || m["error_description"] != "SAML assertions are not understood") {
			t.Errorf("%v: %v", allowed, m)
		}
		if _, m := p.post("token_endpoint", "public", "", saml("nobody")); m["error"] != "invalid_grant" {
			t.Errorf("%v, nobody: %v", allowed, m)
		}
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	const kind = "urn:ietf:params:oauth:token-type:"
	p := automatic(t, func(o *Options) { o.JWTAccessTokens = true })
	alice := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	bob := p.redeem("public", "", p.authorize(with("public", "login_hint", "bob")).Get("code"))
	ask := func(token, tokenType string, pairs ...string) (map[string]any, map[string]any) {
		form := url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
			"subject_token_type": {kind + tokenType},
		}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		_, m := p.post("token_endpoint", "confidential", "s e:c%r+et", form)
		claims := map[string]any{}
		if t := ParseJWT(text(m["access_token"])); t != nil {
			_, claims = p.open(text(m["access_token"]))
		}
		return m, claims
	}
	access := text(alice["access_token"])
	for name, c := range map[string]struct {
		token, tokenType, asked, issued string
	}{
		"an access token":     {access, "access_token", "", "access_token"},
		"for a JWT":           {access, "jwt", "jwt", "jwt"},
		"a refresh token":     {text(alice["refresh_token"]), "refresh_token", "access_token", "access_token"},
		"an ID Token":         {text(alice["id_token"]), "id_token", "access_token", "access_token"},
		"for an ID Token":     {access, "access_token", "id_token", "id_token"},
		"for a refresh token": {access, "access_token", "refresh_token", "refresh_token"},
	} {
		var pairs []string
		if c.asked != "" {
			pairs = []string{"requested_token_type", kind + c.asked}
		}
		m, claims := ask(c.token, c.tokenType, pairs...)
		if m["issued_token_type"] != kind+c.issued || c.issued != "refresh_token" && claims["sub"] != "alice" ||
			text(m["access_token"]) == "" {
			t.Errorf("%s: %v, %v", name, m, claims)
		}
		if want := map[bool]string{
			true:  "Bearer",
			false: "N_A",
		}[c.issued == "access_token" || c.issued == "jwt"]; m["token_type"] != want {
			t.Errorf("%s: token_type %v", name, m["token_type"])
		}
	}
	m, claims := ask(access, "access_token", "actor_token", text(bob["access_token"]), "actor_token_type",
		kind+"access_token", "audience", "public", "resource", "https://api.example.com", "scope", "email")
	act, _ := claims["act"].(map[string]any)
	if act["sub"] != "bob" || claims["scope"] != "email" || len(claims["aud"].([]any)) != 2 {
		t.Errorf("with an actor: %v, %v", m, claims)
	}
	for name, c := range map[string]struct {
		token, tokenType string
		more             []string
		want             string
	}{
		"unknown token": {"x", "access_token", nil, "invalid_request"},
		"another type":  {text(alice["refresh_token"]), "access_token", nil, "invalid_request"},
		"a forged ID Token": {
			text(alice["id_token"])[:len(text(alice["id_token"]))-8] + "AAAAAAAA", "id_token", nil, "invalid_request",
		},
		"SAML": {access, "saml2", nil, "invalid_request"},
		"unknown actor": {
			access, "access_token",
			[]string{"actor_token", "x", "actor_token_type", kind + "access_token"},
			"invalid_request",
		},
		"actor without its type": {access, "access_token", []string{"actor_token", "x"}, "invalid_request"},
		"unknown audience":       {access, "access_token", []string{"audience", "nobody"}, "invalid_target"},
		"unknown resource": {
			access, "access_token", []string{"resource", "https://nobody.example"}, "invalid_target",
		},
		"unknown requested type": {
			access, "access_token", []string{"requested_token_type", "magic"}, "invalid_request",
		},
	} {
		if m, _ := ask(c.token, c.tokenType, c.more...); m["error"] != c.want {
			t.Errorf("%s: %v", name, m)
		}
	}
	narrow := p.redeem("public", "", p.authorize(with("public", "scope", "openid")).Get("code"))
	if m, _ := ask(text(narrow["access_token"]), "access_token", "scope", "email"); m["error"] != "invalid_scope" {
		t.Errorf("more scope than before: %v", m)
	}
}

// A code is good for once; what comes after is refused in the words of RFC 6749.
func TestCodeTwice(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	form := p.codeForm("public")
	_, tokens := p.post("token_endpoint", "public", "", form)
	for range 3 {
		if res, m := p.post("token_endpoint", "public", "", form); res.StatusCode != http.StatusBadRequest ||
			m["error"] != "invalid_grant" {
			t.Errorf("%d, %v", res.StatusCode, m)
		}
	}
	if res, _ := p.get(p.endpoint("userinfo_endpoint"),
		text(tokens["access_token"])); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token after reuse of the code: %d", res.StatusCode)
	}
}
