package provider

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What OpenID Connect Core 1.0 section 15.1 wants accepted, at least without an error.
func TestDisplay(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	for _, display := range []string{"page", "popup", "touch", "wap"} {
		if back := p.authorize(with("public", "display", display)); back.Get("code") == "" {
			t.Errorf("%s: %v", display, back)
		}
	}
}

// A client without PKCE is told what is missing, or let through if the options say so.
func TestPKCEOptional(t *testing.T) {
	t.Parallel()
	without := func(id string) url.Values { return with(id, "code_challenge", "", "code_challenge_method", "") }
	p := automatic(t, nil)
	for _, id := range []string{"confidential", "public"} {
		if back := p.authorize(without(id)); back.Get("error") != "invalid_request" ||
			!strings.Contains(back.Get("error_description"), "PKCE is missing") {
			t.Errorf("%s: %v", id, back)
		}
	}
	p = automatic(t, func(o *Options) { o.PKCEOptional = true })
	if back := p.authorize(without("public")); !strings.Contains(back.Get("error_description"), "public client") {
		t.Errorf("a public client (RFC 9700 section 2.1.1): %v", back)
	}
	back := p.authorize(without("confidential"))
	res, m := p.post("token_endpoint", "confidential", "s e:c%r+et", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")},
		"redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
	})
	if res.StatusCode != http.StatusOK || m["id_token"] == nil {
		t.Errorf("without PKCE: %v, %d %v", back, res.StatusCode, m)
	}
	p.redeem("public", "", p.authorize(authorization("public")).Get("code")) // with it, as before
}

// A refusal says why, in the characters that an error_description may have.
func TestRefusalsSayWhy(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	code := p.authorize(authorization("public")).Get("code")
	res, m := p.post("token_endpoint", "public", "", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"public"},
		"code_verifier": {strings.Repeat("x", 43)}, "redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
	})
	if res.StatusCode != http.StatusBadRequest ||
		!strings.Contains(text(m["error_description"]), "does not match the SHA-256 code_challenge") {
		t.Errorf("%d %v", res.StatusCode, m)
	}
	tokens := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	p.refresh("public", "", text(tokens["refresh_token"]))
	if _, m = p.refresh("public", "", text(tokens["refresh_token"])); m["error"] != "invalid_grant" ||
		!strings.Contains(text(m["error_description"]), "was used before") {
		t.Errorf("a spent refresh token: %v", m)
	}
	if _, m = p.refresh("public", "", "unknown"); !strings.Contains(text(m["error_description"]), "refresh token") {
		t.Errorf("an unknown refresh token: %v", m)
	}
	back := p.authorize(with("public", "scope", `openid "sec\ret`))
	if why := back.Get("error_description"); !strings.Contains(why, "scope 'sec/ret does not match") {
		t.Errorf("%q", why)
	}
}

// The metadata has no member that nobody registered (RFC 9396 has the types only).
func TestMetadataIsRegistered(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Registration = true })
	if p.metadata["authorization_details_types_supported"] == nil {
		t.Error("no authorization_details_types_supported")
	}
	registered := strings.Fields(`issuer authorization_endpoint token_endpoint jwks_uri registration_endpoint
		scopes_supported response_types_supported response_modes_supported grant_types_supported
		token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported ui_locales_supported
		revocation_endpoint revocation_endpoint_auth_methods_supported
		revocation_endpoint_auth_signing_alg_values_supported introspection_endpoint
		introspection_endpoint_auth_methods_supported introspection_endpoint_auth_signing_alg_values_supported
		code_challenge_methods_supported device_authorization_endpoint mtls_endpoint_aliases
		userinfo_endpoint acr_values_supported subject_types_supported id_token_signing_alg_values_supported
		id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported
		userinfo_signing_alg_values_supported userinfo_encryption_alg_values_supported
		userinfo_encryption_enc_values_supported request_object_signing_alg_values_supported
		request_object_encryption_alg_values_supported request_object_encryption_enc_values_supported
		display_values_supported claim_types_supported claims_supported claims_parameter_supported
		request_parameter_supported request_uri_parameter_supported require_request_uri_registration
		require_signed_request_object pushed_authorization_request_endpoint require_pushed_authorization_requests
		introspection_signing_alg_values_supported introspection_encryption_alg_values_supported
		introspection_encryption_enc_values_supported authorization_response_iss_parameter_supported
		frontchannel_logout_supported frontchannel_logout_session_supported backchannel_logout_supported
		backchannel_logout_session_supported end_session_endpoint backchannel_token_delivery_modes_supported
		backchannel_authentication_endpoint backchannel_authentication_request_signing_alg_values_supported
		backchannel_user_code_parameter_supported authorization_details_types_supported
		dpop_signing_alg_values_supported protected_resources prompt_values_supported
		tls_client_certificate_bound_access_tokens authorization_signing_alg_values_supported
		authorization_encryption_alg_values_supported authorization_encryption_enc_values_supported`)
	names := map[string]bool{}
	for _, name := range registered {
		names[name] = true
	}
	for name := range p.metadata {
		if !names[name] {
			t.Errorf("%s is not registered with IANA", name)
		}
	}
}

// htu is compared after normalization (RFC 9449 section 4.3).
func TestProofURIIsNormalized(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	v := newProver(t)
	here := p.endpoint("token_endpoint")
	for uri, want := range map[string]int{
		here: http.StatusOK, strings.ToUpper(here[:4]) + here[4:]: http.StatusOK,
		strings.Replace(here, "/token", "/%74oken", 1): http.StatusOK, here + "?a=b#c": http.StatusOK,
		here + "s": http.StatusBadRequest, strings.Replace(here, "/token", "/Token", 1): http.StatusBadRequest,
		strings.Replace(here, "http:", "https:", 1): http.StatusBadRequest, "/token": http.StatusBadRequest,
	} {
		res, m := p.post("token_endpoint", "public", "", p.codeForm("public"),
			proofHeader(v.proof(http.MethodPost, uri, nil)))
		if res.StatusCode != want {
			t.Errorf("%s: %d %v", uri, res.StatusCode, m)
		}
	}
	for uri, want := range map[string]string{
		"HTTPS://OP.Example:443": "https://op.example:443/", "https://op.example/a%62?c": "https://op.example:443/ab",
		"http://[::1]/x": "http://[::1]:80/x", "x": "", "%": "",
	} {
		if got := normalized(uri); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}

// A client of the file may have every member of a registration: also a whole response to one.
func TestFileHasAllMembersOfARegistration(t *testing.T) {
	t.Parallel()
	o, err := ReadFile([]byte(`
clients:
  - client_id: all
    client_secret: a secret
    token_endpoint_auth_method: client_secret_post
    client_name: All of it
    client_name#fr: Tout
    client_uri: https://rp.example
    contacts: [me@rp.example]
    application_type: web
    redirect_uris: ["https://rp.example/callback"]
    subject_type: public
    default_max_age: 0
    default_acr_values: ["2"]
    require_auth_time: true
    backchannel_logout_session_required: true
    frontchannel_logout_session_required: true
    client_id_issued_at: 1
    client_secret_expires_at: 0
    registration_access_token: t
    registration_client_uri: https://op.example/register/all
    jwks: {keys: [{kty: oct, k: AAAA, kid: a}]}
`), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.Clients[0].registration()
	if err != nil {
		t.Fatal(err)
	}
	if c.TokenAuthnMethod != "client_secret_post" || c.Name != "All of it" || c.ApplicationType != "web" ||
		c.DefaultMaxAgeSecs == nil || *c.DefaultMaxAgeSecs != 0 || c.DefaultACRValues != "2" ||
		c.CustomAttributes["backchannel_logout_session_required"] != true || len(c.Contacts) != 1 {
		t.Errorf("%+v", c)
	}
	for text, want := range map[string]string{
		"{client_id: a, client_title: b}":             "line 1: field client_title not found",
		"{client_id: a, subject_type: pairwise}":      "subject_type: the provider cannot do that",
		"{client_id: a, request_uris: [https://rp/]}": "request_uris: the provider cannot do that",
		"{client_id: a, default_max_age: soon}":       "default_max_age",
	} {
		o, err := ReadFile([]byte("clients: ["+text+"]"), "", nil)
		if err == nil {
			_, err = Start(o)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// default_acr_values is a list (Dynamic Client Registration 1.0 section 2), also for a client
// that registers itself.
func TestRegisterDefaultACRs(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Registration = true })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.endpoint("registration_endpoint"),
		strings.NewReader(`{"redirect_uris":["http://127.0.0.1/auth/callback"],"default_acr_values":["1"],
			"token_endpoint_auth_method":"none","default_max_age":60}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, m := p.do(r)
	if list, _ := m["default_acr_values"].([]any); res.StatusCode != http.StatusCreated || len(list) != 1 ||
		list[0] != "1" || m["default_max_age"] != 60.0 {
		t.Fatalf("%d %v", res.StatusCode, m)
	}
	claims := ParseJWT(text(p.redeem(text(m["client_id"]), "",
		p.authorize(authorization(text(m["client_id"]))).Get("code"))["id_token"])).Claims
	if claims["acr"] != "1" {
		t.Errorf("acr: %v", claims)
	}
}

// What a client is registered with counts where it asks for nothing else.
func TestRegisteredDefaults(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients, Client{ID: "weak", More: map[string]any{"default_acr_values": []any{"1"}}},
			Client{ID: "eager", More: map[string]any{"default_max_age": 0}})
	})
	p.browser()
	claims := func(id string) map[string]any {
		return ParseJWT(text(p.redeem(id, "", p.authorize(authorization(id)).Get("code"))["id_token"])).Claims
	}
	if got := claims("weak"); text(got["acr"]) != "1" {
		t.Errorf("acr: %v", got)
	}
	if claims("eager")["sid"] == claims("eager")["sid"] {
		t.Error("default_max_age: 0 did not ask for another login")
	}
}
