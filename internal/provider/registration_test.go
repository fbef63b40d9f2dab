package provider

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// send sends JSON with a bearer token.
func (p *peer) send(method, uri, token string, body any) (*http.Response, map[string]any) {
	p.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, uri, bytes.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return p.do(r)
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Registration = true })
	meta := map[string]any{
		"redirect_uris": []string{"http://127.0.0.1:7777/auth/callback"},
		"grant_types":   []string{"authorization_code", "refresh_token"},
		"client_name":   "Test", "backchannel_logout_uri": "http://127.0.0.1:1/logout",
	}
	res, c := p.send(http.MethodPost, p.endpoint("registration_endpoint"), "", meta)
	id, secret, token, uri := text(c["client_id"]), text(c["client_secret"]), text(c["registration_access_token"]),
		text(c["registration_client_uri"])
	if res.StatusCode != http.StatusCreated || id == "" || secret == "" || token == "" || uri == "" ||
		c["client_secret_expires_at"] != 0.0 || c["client_id_issued_at"] == nil {
		t.Fatalf("%d, %v", res.StatusCode, c)
	}
	tokens := p.redeem(id, secret, p.authorize(authorization(id)).Get("code"))
	if claims := p.claims(tokens, jose.RS256); claims["aud"] != id {
		t.Errorf("claims: %v", claims)
	}
	if res, c := p.get(uri, token); res.StatusCode != http.StatusOK || c["client_secret"] != secret ||
		c["registration_access_token"] != token || c["backchannel_logout_uri"] != meta["backchannel_logout_uri"] ||
		c["jwks"] != nil {
		t.Errorf("read: %d, %v", res.StatusCode, c)
	}
	for name, wrong := range map[string]string{"none": "", "wrong": "x"} {
		if res, _ := p.get(uri, wrong); res.StatusCode != http.StatusUnauthorized ||
			!strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d, %v", name, res.StatusCode, res.Header)
		}
	}
	meta["client_id"], meta["client_name"], meta["client_secret"] = id, "Other", secret
	if res, c := p.send(http.MethodPut, uri, token, meta); res.StatusCode != http.StatusOK ||
		c["client_name"] != "Other" || c["client_secret"] != secret || c["registration_access_token"] != token {
		t.Errorf("update: %d, %v", res.StatusCode, c)
	}
	for name, value := range map[string]any{
		"client_id": "other", "client_secret": "mine",
		"registration_access_token": token,
	} {
		changed := map[string]any{"client_id": id, "redirect_uris": meta["redirect_uris"]}
		changed[name] = value
		if res, c := p.send(http.MethodPut, uri, token, changed); res.StatusCode != http.StatusBadRequest ||
			c["error"] != "invalid_client_metadata" {
			t.Errorf("update of %s: %d, %v", name, res.StatusCode, c)
		}
	}
	if res, _ := p.send(http.MethodDelete, uri, token, nil); res.StatusCode != http.StatusNoContent {
		t.Errorf("delete: %d", res.StatusCode)
	}
	if res, _ := p.get(uri, token); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the deletion: %d", res.StatusCode)
	}
	if res, _ := p.get(p.endpoint("userinfo_endpoint"),
		text(tokens["access_token"])); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("UserInfo after the deletion: %d", res.StatusCode)
	}
	if status, m := p.refresh(id, secret, text(tokens["refresh_token"])); status != http.StatusUnauthorized {
		t.Errorf("refresh after the deletion: %d, %v", status, m)
	}
}

func TestRegistrationWithKeys(t *testing.T) {
	t.Parallel()
	private, public, err := NewDecryptionKeys()
	if err != nil {
		t.Fatal(err)
	}
	key, jwks := keyPair(t)
	var set, more jose.JSONWebKeySet
	if json.Unmarshal([]byte(jwks), &set) != nil || json.Unmarshal(public, &more) != nil {
		t.Fatal("no keys")
	}
	set.Keys = append(set.Keys, more.Keys...)
	p := automatic(t, func(o *Options) { o.RegistrationToken = "initial" })
	meta := map[string]any{
		"redirect_uris": []string{"http://127.0.0.1/auth/callback"}, "token_endpoint_auth_method": "private_key_jwt",
		"jwks":                            set,
		"id_token_encrypted_response_alg": "RSA-OAEP-256", "request_object_signing_alg": "ES256",
		"authorization_encrypted_response_alg": "ECDH-ES",
	}
	if res, m := p.send(http.MethodPost, p.endpoint("registration_endpoint"), "wrong",
		meta); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("wrong initial access token: %d, %v", res.StatusCode, m)
	}
	_, c := p.send(http.MethodPost, p.endpoint("registration_endpoint"), "initial", meta)
	id := text(c["client_id"])
	if id == "" || c["client_secret"] != nil || c["id_token_encrypted_response_alg"] != "RSA-OAEP-256" {
		t.Fatalf("%v", c)
	}
	object := p.requestObject(id, map[string]any{"response_mode": "jwt"})
	values, _ := p.respond(url.Values{"client_id": {id}, "request": {signed(t, jose.ES256, key, "JWT", object)}})
	_, response := p.open(decrypted(t, private, values.Get("response")))
	_, tokens := p.post("token_endpoint", id, "", url.Values{
		"grant_type": {"authorization_code"}, "code": {text(response["code"])}, "code_verifier": {verifier},
		"redirect_uri":          {"http://127.0.0.1:7777/auth/callback"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {p.assertion(id, jose.ES256, key, p.op.Issuer)},
	})
	if _, claims := p.open(decrypted(t, private, text(tokens["id_token"]))); claims["aud"] != id {
		t.Errorf("%v", claims)
	}
}

func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Registration = true })
	for name, meta := range map[string]map[string]any{
		"unknown method":          {"token_endpoint_auth_method": "magic"},
		"unknown grant":           {"grant_types": []string{"magic"}},
		"unknown response type":   {"response_types": []string{"magic"}},
		"unknown scope":           {"scope": "magic"},
		"private_key_jwt, no key": {"token_endpoint_auth_method": "private_key_jwt"},
		"encryption, no key":      {"id_token_encrypted_response_alg": "RSA-OAEP"},
		"http elsewhere":          {"redirect_uris": []string{"http://example.com/"}},
		"fragment":                {"redirect_uris": []string{"https://example.com/#x"}},
		"introspection alg":       {"introspection_signed_response_alg": "none"},
	} {
		res, m := p.send(http.MethodPost, p.endpoint("registration_endpoint"), "", meta)
		if res.StatusCode != http.StatusBadRequest || m["error"] != "invalid_client_metadata" {
			t.Errorf("%s: %d, %v", name, res.StatusCode, m)
		}
	}
	closed := automatic(t, nil)
	if closed.metadata["registration_endpoint"] != nil {
		t.Error("the metadata has a registration_endpoint that is not there")
	}
	if res, _ := closed.send(http.MethodPost, closed.op.Issuer+"/register", "",
		map[string]any{}); res.StatusCode != http.StatusNotFound {
		t.Errorf("registration without the option: %d", res.StatusCode)
	}
}

// Grants that only the layers in front know can be registered too.
func TestRegistrationForThePassword(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Registration, o.Password = true, true })
	_, c := p.send(http.MethodPost, p.endpoint("registration_endpoint"), "",
		map[string]any{"grant_types": []string{"password"}, "response_types": []string{}})
	id, secret := text(c["client_id"]), text(c["client_secret"])
	if grants, _ := json.Marshal(c["grant_types"]); !strings.Contains(string(grants), "password") ||
		strings.Contains(string(grants), "jwt-bearer") {
		t.Errorf("%v", c)
	}
	form := url.Values{"grant_type": {"password"}, "username": {"bob"}, "password": {"bob"}, "scope": {"openid"}}
	if _, tokens := p.post("token_endpoint", id, secret, form); tokens["id_token"] == nil {
		t.Errorf("%v", tokens)
	}
	if res, m := p.send(http.MethodPost, p.endpoint("registration_endpoint"), "",
		map[string]any{"grant_types": []string{string(grantSAML)}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a grant that is not there: %d, %v", res.StatusCode, m)
	}
}
