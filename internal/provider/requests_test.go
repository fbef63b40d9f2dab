package provider

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// keyPair is a client's key, and its jwks.
func keyPair(t *testing.T) (jose.JSONWebKey, string) {
	t.Helper()
	key := jose.JSONWebKey{Key: ecKey(t), KeyID: "k", Algorithm: "ES256", Use: "sig"}
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return key, string(jwks)
}

// signed makes a JWT.
func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, typ string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// requestObject are the claims of a request object, with some changed; nil takes
// one out.
func (p *peer) requestObject(id string, change map[string]any) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{"iss": id, "aud": p.op.Issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": rand.Text()}
	for name, values := range authorization(id) {
		claims[name] = values[0]
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

const longSecret = "a secret that is long enough for HS512: 0123456789 0123456789 0123456789"

func TestRequestObjects(t *testing.T) {
	t.Parallel()
	key, jwks := keyPair(t)
	p := automatic(t, func(o *Options) {
		o.Clients = []Client{
			{ID: "key", JWKS: jwks, RequireSignedRequestObject: true},
			{ID: "hs512", Secret: longSecret, RequestObjectSigningAlg: "HS512"},
		}
	})
	object := p.requestObject("key", nil)
	good := signed(t, jose.ES256, key, "oauth-authz-req+jwt", object)
	for name, c := range map[string]struct {
		client, request string
		ok              bool
	}{
		"by its key": {"key", good, true},
		"replayed":   {"key", good, false},
		"by another key": {
			"key",
			signed(t, jose.ES256, jose.JSONWebKey{Key: ecKey(t), KeyID: "k"}, "JWT", p.requestObject("key", nil)),
			false,
		},
		"expired": {
			"key",
			signed(t, jose.ES256, key, "JWT", p.requestObject("key", map[string]any{"exp": time.Now().Unix() - 120})),
			false,
		},
		"for another audience": {
			"key",
			signed(t, jose.ES256, key, "JWT", p.requestObject("key", map[string]any{"aud": "https://other.example"})),
			false,
		},
		"another client's": {
			"key", signed(t, jose.ES256, key, "JWT", p.requestObject("key", map[string]any{"client_id": "hs512"})),
			false,
		},
		"missing": {"key", "", false},
		"by its secret": {
			"hs512", signed(t, jose.HS512, []byte(longSecret), "JWT", p.requestObject("hs512", nil)), true,
		},
		"by another alg": {
			"hs512", signed(t, jose.HS256, []byte(longSecret), "JWT", p.requestObject("hs512", nil)), false,
		},
		"by another secret": {
			"hs512", signed(t, jose.HS512, []byte("x"+longSecret), "JWT", p.requestObject("hs512", nil)), false,
		},
	} {
		if name == "replayed" {
			continue // the map has no order
		}
		query := url.Values{"client_id": {c.client}, "request": {c.request}, "scope": {"openid"}, "state": {"outside"}}
		res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+query.Encode(), "")
		location, err := res.Location()
		if ok := err == nil && location.Query().Has("code"); ok != c.ok {
			t.Errorf("%s: %d, %v", name, res.StatusCode, location)
		} else if ok && location.Query().Get("state") != "st" {
			t.Errorf("%s: a parameter beside the request object was used: %v", name, location)
		}
	}
	res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+
		url.Values{"client_id": {"key"}, "request": {good}}.Encode(), "")
	if location, err := res.Location(); err == nil && location.Query().Has("code") {
		t.Error("a request object was accepted twice")
	}
	withoutCode := p.requestObject("key",
		map[string]any{"response_type": "id_token", "code_challenge": nil, "code_challenge_method": nil})
	values, _ := p.respond(url.Values{
		"client_id": {"key"},
		"request":   {signed(t, jose.ES256, key, "JWT", withoutCode)},
	})
	if values.Get("id_token") == "" {
		t.Errorf("response_type id_token: %v", values)
	}
}

func TestEncryptedRequestObjects(t *testing.T) {
	t.Parallel()
	key, jwks := keyPair(t)
	p := automatic(t, func(o *Options) { o.Clients = []Client{{ID: "key", JWKS: jwks}} })
	for _, alg := range encryptionAlgs() {
		var to jose.JSONWebKey
		for _, k := range p.op.keys.Public().Keys {
			if k.Use == "enc" && strings.HasSuffix(k.KeyID, "rsa-enc") == strings.HasPrefix(string(alg), "RSA") {
				to = k
			}
		}
		encrypter, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: alg, Key: to.Key, KeyID: to.KeyID},
			(&jose.EncrypterOptions{}).WithContentType("JWT"))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := encrypter.Encrypt([]byte(signed(t, jose.ES256, key, "JWT", p.requestObject("key", nil))))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := sealed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if back := p.authorize(url.Values{"client_id": {"key"}, "request": {compact}}); back.Get("code") == "" {
			t.Errorf("%s: %v", alg, back)
		}
	}
}

func TestPushedRequests(t *testing.T) {
	t.Parallel()
	key, jwks := keyPair(t)
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients,
			Client{ID: "key", AuthMethod: "private_key_jwt", JWKS: jwks},
			Client{ID: "jwt", AuthMethod: "client_secret_jwt", Secret: longSecret})
	})
	push := func(id, secret string, form url.Values) (int, string) {
		res, m := p.post("pushed_authorization_request_endpoint", id, secret, form)
		return res.StatusCode, text(m["request_uri"])
	}
	asserted := func(id string, alg jose.SignatureAlgorithm, key any) url.Values {
		form := authorization(id)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", p.assertion(id, alg, key, p.op.Issuer))
		return form
	}
	inObject := url.Values{"request": {signed(t, jose.ES256, key, "JWT", p.requestObject("key", nil))}}
	maps.Copy(inObject, asserted("key", jose.ES256, key))
	for name, c := range map[string]struct {
		id, secret string
		form       url.Values
		want       int
	}{
		"none":                {"public", "", authorization("public"), http.StatusCreated},
		"client_secret_basic": {"confidential", "s e:c%r+et", authorization("confidential"), http.StatusCreated},
		"wrong secret":        {"confidential", "wrong", authorization("confidential"), http.StatusUnauthorized},
		"client_secret_post":  {"post", "", with("post", "client_secret", "secret"), http.StatusCreated},
		"private_key_jwt":     {"key", "", asserted("key", jose.ES256, key), http.StatusCreated},
		"client_secret_jwt":   {"jwt", "", asserted("jwt", jose.HS256, []byte(longSecret)), http.StatusCreated},
		"in a request object": {"key", "", inObject, http.StatusCreated},
		"of a pushed one": {
			"public", "", with("public", "request_uri", "urn:ietf:params:oauth:request_uri:x"), http.StatusBadRequest,
		},
		"unknown redirect": {
			"public", "", with("public", "redirect_uri", "https://evil.example"), http.StatusBadRequest,
		},
		"details are no JSON": {"public", "", with("public", "authorization_details", "{"), http.StatusBadRequest},
	} {
		status, uri := push(c.id, c.secret, c.form)
		if status != c.want || (uri != "") != (c.want == http.StatusCreated) {
			t.Errorf("%s: %d, %q", name, status, uri)
		}
	}
	_, uri := push("public", "",
		with("public", "response_type", "id_token", "code_challenge", "", "code_challenge_method", ""))
	once := url.Values{"client_id": {"public"}, "request_uri": {uri}, "state": {"outside"}}
	if values, _ := p.respond(once); values.Get("id_token") == "" || values.Get("state") != "st" {
		t.Errorf("pushed: %v", values)
	}
	if res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+once.Encode(),
		""); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a request_uri was accepted twice: %d", res.StatusCode)
	}
	if res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+authorization("par").Encode(),
		""); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a request that had to be pushed was accepted: %d", res.StatusCode)
	}
}

// assertion is a client assertion.
func (p *peer) assertion(id string, alg jose.SignatureAlgorithm, key any, aud any) string {
	p.t.Helper()
	now := time.Now().Unix()
	return signed(p.t, alg, key, "JWT",
		map[string]any{"iss": id, "sub": id, "aud": aud, "jti": rand.Text(), "iat": now, "exp": now + 60})
}

func TestRichAuthorizationAndResources(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.JWTAccessTokens = true })
	query := with("public", "authorization_details", `[{"type":"payment","amount":"1"},{"type":"account"}]`)
	query["resource"] = []string{"https://api.example.com", "https://api2.example.com"}
	form := func(code string, more url.Values) url.Values {
		f := url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier},
			"redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
		}
		maps.Copy(f, more)
		return f
	}
	for name, c := range map[string]struct {
		more    url.Values
		details int
		aud     string
	}{
		"all":          {nil, 2, `["https://api.example.com","https://api2.example.com"]`},
		"one resource": {url.Values{"resource": {"https://api2.example.com"}}, 2, `"https://api2.example.com"`},
		"one detail": {
			url.Values{"authorization_details": {`[{"type":"account"}]`}},
			1,
			`["https://api.example.com","https://api2.example.com"]`,
		},
		"another detail":   {url.Values{"authorization_details": {`[{"type":"payment","amount":"2"}]`}}, 0, ""},
		"another resource": {url.Values{"resource": {p.op.Issuer + "/resource"}}, 0, ""},
	} {
		res, tokens := p.post("token_endpoint", "public", "", form(p.authorize(query).Get("code"), c.more))
		details, _ := tokens["authorization_details"].([]any)
		if (res.StatusCode == http.StatusOK) != (c.aud != "") || len(details) != c.details {
			t.Errorf("%s: %d, %v", name, res.StatusCode, tokens)
			continue
		}
		if c.aud == "" {
			continue
		}
		_, claims := p.open(text(tokens["access_token"]))
		if aud, _ := json.Marshal(claims["aud"]); string(aud) != c.aud {
			t.Errorf("%s: aud %s", name, aud)
		}
	}
}

func TestClaimsAndACR(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	for name, c := range map[string]struct {
		query url.Values
		want  string // error, or acr
	}{
		"her own":         {with("public"), "2"},
		"less":            {with("public", "acr_values", "1"), "1"},
		"what he has not": {with("public", "login_hint", "bob", "acr_values", "2"), "1"},
		"essential": {
			with("public", "claims", `{"id_token":{"acr":{"essential":true,"values":["2"]}}}`), "2",
		},
		"essential, not his": {
			with("public", "login_hint", "bob", "claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`),
			"unmet_authentication_requirements",
		},
		"voluntary, not his": {
			with("public", "login_hint", "bob", "claims", `{"id_token":{"acr":{"value":"2"}}}`), "1",
		},
		"another sub":            {with("public", "claims", `{"id_token":{"sub":{"value":"bob"}}}`), "login_required"},
		"max_age and ui_locales": {with("public", "max_age", "0", "ui_locales", "de", "prompt", "login"), "2"},
	} {
		back := p.authorize(c.query)
		if back.Get("error") != "" {
			if back.Get("error") != c.want {
				t.Errorf("%s: %v", name, back)
			}
			continue
		}
		if claims := p.claims(p.redeem("public", "", back.Get("code")), jose.RS256); claims["acr"] != c.want {
			t.Errorf("%s: acr %v", name, claims["acr"])
		}
	}
	back := p.authorize(with("public", "scope", "openid", "claims",
		`{"id_token":{"email":null,"magic":null},"userinfo":{"name":{"essential":true}}}`))
	tokens := p.redeem("public", "", back.Get("code"))
	if claims := p.claims(tokens, jose.RS256); claims["email"] != "alice@example.com" || claims["name"] != nil ||
		claims["magic"] != nil {
		t.Errorf("ID Token: %v", claims)
	}
	if _, info := p.get(p.endpoint("userinfo_endpoint"), text(tokens["access_token"])); info["name"] != "Alice Adams" ||
		info["email"] != nil {
		t.Errorf("UserInfo: %v", info)
	}
	values, _ := p.respond(with("public", "response_type", "id_token", "scope", "openid email"))
	if _, claims := p.open(values.Get("id_token")); claims["email"] != "alice@example.com" {
		t.Errorf("an ID Token without an access token: %v", claims)
	}
}
