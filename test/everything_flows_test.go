// What npm oidc-provider does, asked by raw HTTP: that the ground is firm which
// the tests of our own client stand on.

package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tokens redeems a code and wants tokens.
func (rp *rawClient) tokens(t *testing.T, response url.Values) answer {
	t.Helper()
	a := rp.redeem(t, response)
	if a.Status != http.StatusOK || a.text("access_token") == "" || a.text("id_token") == "" {
		t.Fatalf("token endpoint: %d %s", a.Status, a.Body)
	}
	return a
}

// userInfo is what the access token gives.
func (rp *rawClient) userInfo(t *testing.T, token string) answer {
	t.Helper()
	a := rp.read(t, http.MethodGet, rp.endpoint("userinfo_endpoint"), token)
	if a.Status != http.StatusOK {
		t.Fatalf("UserInfo: %d %s %v", a.Status, a.Body, a.Header)
	}
	return a
}

// Every way to authenticate as a client, and to bind tokens.
func TestEverythingClientAuthentication(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	for name, m := range authenticating() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := s.register(t, m)
			tokens := rp.tokens(t, rp.logIn(t, s.browser("alice"), way{}, nil))
			if claims := claimsOf(t, tokens.text("id_token")); claims["sub"] != "alice" ||
				claims["nonce"] != "the nonce" {
				t.Errorf("%v", claims)
			}
			rp.userInfo(t, tokens.text("access_token"))
			refreshed := rp.post(t, "token_endpoint",
				url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.text("refresh_token")}})
			if refreshed.Status != http.StatusOK || refreshed.text("refresh_token") == tokens.text("refresh_token") {
				t.Errorf("refresh: %d %s", refreshed.Status, refreshed.Body)
			}
			if rp.DPoP == nil { // our own client, with the same registration
				code, stdout, stderr := runProgram([]string{
					"refresh-token", "-c", rp.config(t, ""), "--refresh-token",
					"-",
				}, refreshed.text("refresh_token"))
				if code != 0 {
					t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
				}
			}
		})
	}
}

// authenticating are registrations with every method and every constraint.
func authenticating() map[string]metadata {
	list := map[string]metadata{
		"none":                {"token_endpoint_auth_method": "none"},
		"client_secret_basic": {"token_endpoint_auth_method": "client_secret_basic"},
		"client_secret_post":  {"token_endpoint_auth_method": "client_secret_post"},
		"client_secret_jwt": {
			"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS256",
		},
		"tls_client_auth": {"token_endpoint_auth_method": "tls_client_auth"},
		"tls_client_auth, bound": {
			"token_endpoint_auth_method": "tls_client_auth", "tls_client_certificate_bound_access_tokens": true,
		},
		"self_signed_tls_client_auth": {
			"token_endpoint_auth_method":                 "self_signed_tls_client_auth",
			"tls_client_certificate_bound_access_tokens": true,
		},
		"none, DPoP": {"token_endpoint_auth_method": "none", "dpop_bound_access_tokens": true},
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		list["private_key_jwt "+alg] = metadata{
			"token_endpoint_auth_method":      "private_key_jwt",
			"token_endpoint_auth_signing_alg": alg,
		}
	}
	return list
}

var responseTypes = []string{
	"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token",
	"none",
}

// Every response type, by every response mode.
func TestEverythingResponses(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	rp := s.register(t, metadata{"response_types": responseTypes, "authorization_signed_response_alg": "PS256"})
	for _, kind := range responseTypes {
		for _, mode := range []string{
			"", "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt",
			"form_post.jwt",
		} {
			if kind != "code" && kind != "none" && strings.HasPrefix(mode, "query") {
				continue // tokens in a query are refused
			}
			t.Run(kind+" "+mode, func(t *testing.T) {
				t.Parallel()
				own := *rp
				params := url.Values{"response_type": {kind}}
				if mode != "" {
					params.Set("response_mode", mode)
				}
				own.checkResponse(t, kind, mode, own.logIn(t, s.browser("alice"), way{}, params))
			})
		}
	}
}

func (rp *rawClient) checkResponse(t *testing.T, kind, mode string, response url.Values) {
	t.Helper()
	got := map[string]any{}
	for name := range response {
		got[name] = response.Get(name)
	}
	if strings.HasSuffix(mode, "jwt") {
		got = claimsOf(t, rp.decrypt(t, response.Get("response")))
		if got["aud"] != rp.ID || got["exp"] == nil {
			t.Errorf("%v", got)
		}
	}
	issuer := got["iss"] == rp.provider.Issuer
	if inIDToken := strings.Contains(kind, "id_token"); !issuer && !inIDToken || got["state"] != "the state" {
		t.Errorf("%v", got) // RFC 9207 section 2.4: an ID Token names the issuer as well
	}
	for part, name := range map[string]string{"code": "code", "id_token": "id_token", "token": "access_token"} {
		wanted := false
		for _, f := range strings.Fields(kind) {
			wanted = wanted || f == part
		}
		if (got[name] != nil) != wanted {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Pushed, signed and encrypted requests, encrypted responses, and everything
// encrypted that a client is sent.
func TestEverythingRequests(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	for name, c := range map[string]struct {
		way    way
		client metadata
		params url.Values
	}{
		"plain": {},
		"PAR": {
			way: way{PAR: true},
			client: metadata{
				"require_pushed_authorization_requests": true,
				"token_endpoint_auth_method":            "client_secret_basic",
			},
		},
		"PAR, DPoP": {way: way{PAR: true}, client: metadata{"dpop_bound_access_tokens": true}},
		"PAR, mTLS": {
			way: way{PAR: true},
			client: metadata{
				"token_endpoint_auth_method":                 "tls_client_auth",
				"tls_client_certificate_bound_access_tokens": true,
			},
		},
		"signed": {
			way:    way{Signed: true},
			client: metadata{"request_object_signing_alg": "ES256", "require_signed_request_object": true},
		},
		"signed, PAR": {
			way: way{Signed: true, PAR: true}, client: metadata{"request_object_signing_alg": "ES256"},
		},
		"encrypted RSA-OAEP": {
			way: way{Signed: true, Encrypt: "RSA-OAEP-256"}, client: metadata{"request_object_signing_alg": "ES256"},
		},
		"encrypted ECDH-ES": {
			way:    way{Signed: true, PAR: true, Encrypt: "ECDH-ES"},
			client: metadata{"request_object_signing_alg": "ES256"},
		},
		"encrypted JARM": {
			client: metadata{
				"authorization_encrypted_response_alg": "RSA-OAEP-256",
				"authorization_encrypted_response_enc": "A256GCM",
			}, params: url.Values{"response_mode": {"jwt"}},
		},
		"encrypted ID Token": {client: metadata{
			"id_token_encrypted_response_alg": "ECDH-ES",
			"id_token_encrypted_response_enc": "A128GCM",
		}},
		"encrypted UserInfo": {client: metadata{
			"userinfo_signed_response_alg":    "ES256",
			"userinfo_encrypted_response_alg": "RSA-OAEP", "userinfo_encrypted_response_enc": "A128CBC-HS256",
		}},
		"signed UserInfo": {client: metadata{"userinfo_signed_response_alg": "PS256"}},
		"pairwise": {client: metadata{
			"subject_type": "pairwise",
			"grant_types":  []string{"authorization_code"},
		}},
		"RAR": {
			params: url.Values{"authorization_details": {`[{"type":"payment","actions":["pay"],"amount":"12"}]`}},
		},
		"RAR, PAR": {
			way:    way{PAR: true},
			params: url.Values{"authorization_details": {`[{"type":"payment","actions":["pay"],"amount":"12"}]`}},
		},
		"claims parameter": {
			params: url.Values{
				"claims": {
					`{"userinfo":{"email":{"essential":true}},"id_token":{"acr":{"value":"urn:example:loa:2"}}}`,
				},
			},
		},
		"acr_values, max_age": {params: url.Values{"acr_values": {"urn:example:loa:2"}, "max_age": {"300"}}},
		"prompt login":        {params: url.Values{"prompt": {"login consent"}}},
		"ID Token with RS256": {client: metadata{"id_token_signed_response_alg": "RS256"}},
		"ID Token with EdDSA": {client: metadata{"id_token_signed_response_alg": "EdDSA"}},
		"opaque for resources": {params: url.Values{
			"resource": {"https://opaque.example/"},
			"scope":    {"openid api:read"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := s.register(t, c.client)
			response := rp.logIn(t, s.browser("alice"), c.way, c.params)
			if jwt := response.Get("response"); jwt != "" {
				response.Set("code", claimsOf(t, rp.decrypt(t, jwt))["code"].(string))
			}
			tokens := rp.tokens(t, response)
			claims := claimsOf(t, rp.decrypt(t, tokens.text("id_token")))
			if claims["iss"] != s.Issuer || claims["aud"] != rp.ID ||
				(claims["sub"] == "alice") == (name == "pairwise") {
				t.Errorf("%v", claims)
			}
			if strings.HasPrefix(name, "RAR") {
				if tokens.JSON["authorization_details"] == nil {
					t.Errorf("%s", tokens.Body)
				}
				return // the token is for another resource than UserInfo
			}
			info := rp.userInfo(t, tokens.text("access_token"))
			if strings.HasSuffix(name, "UserInfo") && claimsOf(t, rp.decrypt(t, info.Body))["sub"] != "alice" {
				t.Errorf("%s", info.Body)
			}
		})
	}
}

// What the provider refuses through the browser.
func TestEverythingRefusals(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	rp := s.register(t, metadata{"application_type": "web", "redirect_uris": []string{"http://127.0.0.1/callback"}})
	for name, c := range map[string]struct {
		user   string
		params url.Values
		want   string
	}{
		"the user says no": {"deny", nil, "access_denied"},
		"nobody logged in": {"alice", url.Values{"prompt": {"none"}}, "login_required"},
		"bad RAR": {
			"alice", url.Values{"authorization_details": {`[{"type":"other"}]`}}, "invalid_authorization_details",
		},
		"bad resource": {"alice", url.Values{"resource": {"https://unknown.example/"}}, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			own := s.register(t, nil)
			b := s.browser(c.user)
			b.Deny = c.user == "deny"
			if got := own.logIn(t, b, way{}, c.params); got.Get("error") != c.want || got.Get("code") != "" {
				t.Errorf("%v", got)
			}
		})
	}
	b := s.browser("alice")
	b.Password = "wrong"
	p, err := b.Open(t.Context(), s.Metadata.text("authorization_endpoint")+"?"+url.Values{
		"client_id": {rp.ID}, "response_type": {"code"}, "scope": {"openid"},
		"redirect_uri":   {"http://127.0.0.1/callback"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}.Encode())
	check(t, err)
	if !strings.Contains(p.Body, "That is not right.") {
		t.Errorf("%s", p.Body)
	}
}

// prompt=none for somebody who is logged in, and logging out with and without a
// page to return to; clients hear of it on the back channel.
func TestEverythingLogout(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	told := make(chan string, 2)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(receiver.Close)
	for name, back := range map[string]bool{"and back": true, "and nowhere": false} {
		t.Run(name, func(t *testing.T) {
			l := land(t)
			rp := s.register(t, metadata{
				"application_type": "web", "redirect_uris": []string{l.URL},
				"post_logout_redirect_uris": []string{l.URL},
				"backchannel_logout_uri":    receiver.URL, "backchannel_logout_session_required": true,
			})
			b := s.browser("alice")
			tokens := rp.tokens(t, rp.visit(t, b, l, nil))
			if claimsOf(t, tokens.text("id_token"))["sid"] == nil {
				t.Error("no sid")
			}
			if again := rp.visit(t, b, l, url.Values{"prompt": {"none"}}); again.Get("code") == "" {
				t.Errorf("%v", again)
			}
			query := url.Values{"id_token_hint": {tokens.text("id_token")}, "state": {"s"}}
			if back {
				query.Set("post_logout_redirect_uri", l.URL)
			}
			p, err := b.Open(t.Context(), s.Metadata.text("end_session_endpoint")+"?"+query.Encode())
			check(t, err)
			if ended := strings.HasPrefix(p.URL.String(), l.URL+"?state=s"); ended != back ||
				p.Status != http.StatusOK {
				t.Errorf("%s: %d %s", p.URL, p.Status, p.Body)
			}
			if claims := claimsOf(t, <-told); claims["sub"] != "alice" || claims["sid"] == nil ||
				claims["events"] == nil {
				t.Errorf("%v", claims)
			}
		})
	}
}

// visit logs in with a redirect URI that is registered as it is.
func (rp *rawClient) visit(t *testing.T, b browser, l *landing, params url.Values) url.Values {
	t.Helper()
	_, err := b.Open(t.Context(),
		rp.provider.Metadata.text("authorization_endpoint")+"?"+rp.request(l, params).Encode())
	check(t, err)
	response := l.wait(t)
	response.Set("redirect_uri", l.URL)
	return response
}

// Grants without a browser of the client's.
func TestEverythingGrants(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	for name, m := range map[string]metadata{
		"client_secret_basic": {"token_endpoint_auth_method": "client_secret_basic"},
		"DPoP":                {"token_endpoint_auth_method": "private_key_jwt", "dpop_bound_access_tokens": true},
		"mTLS": {
			"token_endpoint_auth_method": "tls_client_auth", "tls_client_certificate_bound_access_tokens": true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := s.register(t, m)
			assertion := rp.assertion()
			assertion["sub"] = "bob"
			password := rp.grant(t, "password",
				url.Values{"username": {"bob"}, "password": {"bob-password"}, "scope": {"openid email"}})
			rp.grant(t, "client_credentials", url.Values{"scope": {"api:read"}, "resource": {"https://api.example/"}})
			rp.grant(t, grantJWT,
				url.Values{
					"assertion": {rp.Signing.sign(t, map[string]any{"kid": rp.Signing.ID}, assertion)},
					"scope":     {"openid"},
				})
			exchanged := rp.grant(t, grantExchange, url.Values{
				"subject_token":      {password.text("access_token")},
				"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
				"audience":           {"https://api.example/"}, "scope": {"api:read"},
			})
			if claimsOf(t, exchanged.text("access_token"))["sub"] != "bob" ||
				exchanged.text("issued_token_type") == "" {
				t.Errorf("%s", exchanged.Body)
			}
			if info := rp.userInfo(t, password.text("access_token")); info.text("email") != "bob@example.com" {
				t.Errorf("%s", info.Body)
			}
		})
	}
}

func (rp *rawClient) grant(t *testing.T, grant string, form url.Values) answer {
	t.Helper()
	form.Set("grant_type", grant)
	a := rp.post(t, "token_endpoint", form)
	if a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", grant, a.Status, a.Body)
	}
	if want := map[bool]string{true: "DPoP", false: "Bearer"}[rp.DPoP != nil]; a.text("token_type") != want {
		t.Errorf("%s: %s", grant, a.Body)
	}
	return a
}

// The device flow, with the browser entering the code or following the complete
// address.
func TestEverythingDevice(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	for name, c := range map[string]struct {
		address, user, want string
	}{
		"complete address": {"verification_uri_complete", "alice", ""},
		"refused":          {"verification_uri_complete", "deny", "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := s.register(t, nil)
			device := rp.post(t, "device_authorization_endpoint", url.Values{"scope": {"openid"}})
			form := url.Values{"grant_type": {grantDevice}, "device_code": {device.text("device_code")}}
			if a := rp.post(t, "token_endpoint", form); a.text("error") != "authorization_pending" {
				t.Errorf("%s", a.Body)
			}
			b := s.browser(c.user)
			b.Deny = c.user == "deny"
			_, err := b.Open(t.Context(), device.text(c.address))
			check(t, err)
			if a := rp.post(t, "token_endpoint", form); a.text("error") != c.want ||
				(a.text("id_token") == "") != (c.want != "") {
				t.Errorf("%s", a.Body)
			}
		})
	}
}

// CIBA by poll and ping, with hints and signed requests.
func TestEverythingCIBA(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	for name, c := range map[string]struct {
		user   string
		more   metadata
		signed bool
		wait   bool     // until the test decides
		want   []string // the errors, before tokens
	}{
		"poll":    {user: "alice"},
		"pending": {user: "later", want: []string{"authorization_pending"}},
		"refused": {user: "deny", want: []string{"access_denied"}},
		"decided": {user: "later", want: []string{"authorization_pending"}, wait: true},
		"signed": {
			user: "alice", more: metadata{"backchannel_authentication_request_signing_alg": "ES256"}, signed: true,
		},
		"ping": {user: "alice", more: metadata{"backchannel_token_delivery_mode": "ping"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.tryCIBA(t, c.user, c.more, c.signed, c.wait, c.want)
		})
	}
}

func (s *everything) tryCIBA(t *testing.T, user string, more metadata, signed, wait bool, want []string) {
	pings := make(chan string, 1)
	asked := metadata{
		"grant_types":                     []string{grantCIBA, "authorization_code"},
		"backchannel_token_delivery_mode": "poll", "token_endpoint_auth_method": "client_secret_basic",
	}
	for name, value := range more {
		asked[name] = value
	}
	if asked["backchannel_token_delivery_mode"] == "ping" {
		asked["backchannel_client_notification_endpoint"] = s.listener(t, func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				ID string `json:"auth_req_id"`
			}
			_ = json.NewDecoder(r.Body).Decode(&body)
			w.WriteHeader(http.StatusNoContent)
			pings <- r.Header.Get("Authorization") + " " + body.ID
		})
	}
	rp := s.register(t, asked)
	message := "tx-1"
	if wait {
		message = "wait"
	}
	form := url.Values{
		"scope": {"openid"}, "login_hint": {user}, "binding_message": {message},
		"client_notification_token": {"the-token"},
	}
	if signed {
		form = url.Values{"request": {rp.requestObject(t, way{}, form)}}
	}
	started := rp.post(t, "backchannel_authentication_endpoint", form)
	id := started.text("auth_req_id")
	if id == "" {
		t.Fatalf("%d %s", started.Status, started.Body)
	}
	if asked["backchannel_token_delivery_mode"] == "ping" {
		if got := <-pings; got != "Bearer the-token "+id {
			t.Errorf("%s", got)
		}
	}
	poll := url.Values{"grant_type": {grantCIBA}, "auth_req_id": {id}}
	a := rp.post(t, "token_endpoint", poll)
	if wait {
		s.decide(t, id, true)
	}
	for _, e := range want {
		if a.text("error") != e {
			t.Errorf("%s", a.Body)
		}
		if e != "authorization_pending" {
			return
		}
		a = rp.pollAgain(t, poll)
	}
	if claimsOf(t, a.text("id_token"))["sub"] != user {
		t.Errorf("%s", a.Body)
	}
}

// pollAgain polls until there is something else to say than that there is
// nothing: the provider decides after its answer is out.
func (rp *rawClient) pollAgain(t *testing.T, form url.Values) answer {
	t.Helper()
	for range 100 {
		if a := rp.post(t, "token_endpoint", form); a.text("error") != "authorization_pending" {
			return a
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("still pending")
	return answer{}
}

// listener listens with a certificate that the provider trusts.
func (s *everything) listener(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = withCertificate(t, s.Folder, "server", s.Roots).Transport.(*http.Transport).TLSClientConfig
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// Introspection in JSON and as a JWT, revocation, and managing a registration.
func TestEverythingManagement(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	rp := s.register(t,
		metadata{"token_endpoint_auth_method": "client_secret_basic", "introspection_signed_response_alg": "ES256"})
	token := rp.grant(t, "password",
		url.Values{"username": {"alice"}, "password": {"alice-password"}, "scope": {"openid"}}).text("access_token")
	form := url.Values{"token": {token}}
	if a := rp.post(t, "introspection_endpoint", form); a.JSON["active"] != true || a.text("sub") != "alice" {
		t.Errorf("%s", a.Body)
	}
	signed := rp.postAccepting(t, "introspection_endpoint", form, "application/token-introspection+jwt")
	if inside, _ := claimsOf(t, signed.Body)["token_introspection"].(map[string]any); inside["active"] != true {
		t.Errorf("%s", signed.Body)
	}
	if a := rp.post(t, "revocation_endpoint", form); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := rp.post(t, "introspection_endpoint", form); a.JSON["active"] != false {
		t.Errorf("%s", a.Body)
	}
	read := rp.manage(t, http.MethodGet, rp.URI, rp.URIToken, nil)
	if read.text("client_id") != rp.ID {
		t.Fatalf("%d %s", read.Status, read.Body)
	}
	change := metadata(read.JSON)
	for _, name := range []string{
		"registration_access_token", "registration_client_uri", "client_secret_expires_at",
		"client_id_issued_at",
	} {
		delete(change, name)
	}
	change["client_name"] = "renamed"
	changed := rp.manage(t, http.MethodPut, rp.URI, rp.URIToken, change)
	if changed.text("client_name") != "renamed" || changed.text("registration_access_token") == rp.URIToken {
		t.Fatalf("%d %s", changed.Status, changed.Body)
	}
	if a := rp.manage(t, http.MethodDelete, rp.URI, changed.text("registration_access_token"),
		nil); a.Status != http.StatusNoContent {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// FAPI 2.0: PAR, sender-constrained tokens, private_key_jwt or mutual TLS; and
// what it refuses.
func TestEverythingFAPI(t *testing.T) {
	t.Parallel()
	s := startFAPI(t)
	for name, m := range map[string]metadata{
		"private_key_jwt, DPoP": {
			"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256",
			"dpop_bound_access_tokens": true, "id_token_signed_response_alg": "PS256",
		},
		"private_key_jwt, mTLS": {
			"token_endpoint_auth_method": "private_key_jwt", "tls_client_certificate_bound_access_tokens": true,
		},
		"mTLS": {
			"token_endpoint_auth_method": "tls_client_auth", "tls_client_certificate_bound_access_tokens": true,
		},
		"message signing": {
			"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256",
			"dpop_bound_access_tokens": true, "request_object_signing_alg": "PS256",
			"require_signed_request_object": true, "authorization_signed_response_alg": "PS256",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m["grant_types"] = []string{"authorization_code", "refresh_token"}
			rp := s.register(t, m)
			w, params := way{PAR: true}, url.Values{}
			if name == "message signing" {
				w.Signed, params = true, url.Values{"response_mode": {"jwt"}}
			}
			response := rp.logIn(t, s.browser("alice"), w, params)
			if jwt := response.Get("response"); jwt != "" {
				response.Set("code", claimsOf(t, jwt)["code"].(string))
			}
			tokens := rp.tokens(t, response)
			rp.userInfo(t, tokens.text("access_token"))
			if got := rp.logIn(t, s.browser("alice"), way{}, nil); got.Get("error") == "" {
				t.Errorf("a login without PAR: %v", got)
			}
			log := s.received(t, rp.ID, "/request")
			if len(log) == 0 || log[0].form().Get("redirect_uri") == "" && log[0].form().Get("request") == "" ||
				(log[0].Headers["dpop"] == "") != (rp.DPoP == nil) {
				t.Errorf("the log: %+v", log)
			}
		})
	}
}

// AUTO logs in without a page.
func TestEverythingAuto(t *testing.T) {
	t.Parallel()
	nodeProgram(t, "oidc-provider")
	s := newEverything(t, "", "AUTO=1")
	rp := s.register(t, nil)
	for user, want := range map[string]string{"": "alice", "bob": "bob"} {
		tokens := rp.tokens(t, rp.logIn(t, s.browser("nobody"), way{}, url.Values{"login_hint": {user}}))
		if got := claimsOf(t, tokens.text("id_token"))["sub"]; got != want {
			t.Errorf("%v, not %s", got, want)
		}
	}
	if got := rp.logIn(t, s.browser("nobody"), way{},
		url.Values{"login_hint": {"deny"}}); got.Get("error") != "access_denied" {
		t.Errorf("%v", got)
	}
}
