package provider

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const grantCIBA = "urn:openid:params:grant-type:ciba"

// pollFor polls until something else than authorization_pending comes.
func (p *peer) pollFor(id, secret string, form url.Values) (int, map[string]any) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		res, m := p.post("token_endpoint", id, secret, form)
		if m["error"] != "authorization_pending" || time.Now().After(end) {
			return res.StatusCode, m
		}
	}
}

func startCIBA(t *testing.T, change func(*Options)) *peer {
	t.Helper()
	return automatic(t, func(o *Options) {
		o.PollInterval, o.ApproveAfter = time.Microsecond, 20*time.Millisecond
		if change != nil {
			change(o)
		}
	})
}

func TestCIBA(t *testing.T) {
	t.Parallel()
	p := startCIBA(t, nil)
	const id, secret = "confidential", "s e:c%r+et"
	begin := func(pairs ...string) (int, map[string]any) {
		form := url.Values{"scope": {"openid"}, "login_hint": {"bob"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		res, m := p.post("backchannel_authentication_endpoint", id, secret, form)
		return res.StatusCode, m
	}
	status, m := begin("binding_message", "W4SCT")
	if status != http.StatusOK || m["interval"] != 1.0 || m["expires_in"] == nil {
		t.Fatalf("%d, %v", status, m)
	}
	form := url.Values{"grant_type": {grantCIBA}, "auth_req_id": {text(m["auth_req_id"])}}
	if _, first := p.post("token_endpoint", id, secret, form); first["error"] != "authorization_pending" {
		t.Errorf("first poll: %v", first)
	}
	_, tokens := p.pollFor(id, secret, form)
	if claims := p.claims(tokens, jose.RS256); claims["sub"] != "bob" || claims["auth_time"] == nil {
		t.Errorf("claims: %v", claims)
	}
	if _, again := p.post("token_endpoint", id, secret, form); again["error"] == nil {
		t.Errorf("an auth_req_id was redeemed twice: %v", again)
	}
	_, m = begin("login_hint", "mallory")
	if status, m := p.pollFor(id, secret,
		url.Values{
			"grant_type":  {grantCIBA},
			"auth_req_id": {text(m["auth_req_id"])},
		}); status != http.StatusBadRequest ||
		m["error"] != "access_denied" {
		t.Errorf("denied: %d, %v", status, m)
	}
	_, m = begin("claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`)
	if _, m := p.pollFor(id, secret,
		url.Values{"grant_type": {grantCIBA}, "auth_req_id": {text(m["auth_req_id"])}}); m["error"] != "access_denied" {
		t.Errorf("what the user has not: %v", m)
	}
	for name, c := range map[string][3]string{
		"unknown user":  {"login_hint", "nobody", "unknown_user_id"},
		"long message":  {"binding_message", strings.Repeat("x", 65), "invalid_binding_message"},
		"odd message":   {"binding_message", "a\x1b[2J", "invalid_binding_message"},
		"no openid":     {"scope", "email", "invalid_scope"},
		"two hints":     {"id_token_hint", "x", "invalid_request"},
		"endless":       {"requested_expiry", "99999", "invalid_request"},
		"unknown scope": {"scope", "openid magic", "invalid_scope"},
	} {
		if status, m := begin(c[0], c[1]); status != http.StatusBadRequest || m["error"] != c[2] {
			t.Errorf("%s: %d, %v", name, status, m)
		}
	}
}

func TestCIBASlowDown(t *testing.T) {
	t.Parallel()
	p := startCIBA(t, func(o *Options) { o.PollInterval, o.ApproveAfter = time.Hour, time.Hour })
	_, m := p.post("backchannel_authentication_endpoint", "confidential", "s e:c%r+et",
		url.Values{"scope": {"openid"}, "login_hint": {"bob"}})
	for _, want := range []string{"authorization_pending", "slow_down"} {
		_, m := p.post("token_endpoint", "confidential", "s e:c%r+et",
			url.Values{"grant_type": {grantCIBA}, "auth_req_id": {text(m["auth_req_id"])}})
		if m["error"] != want {
			t.Errorf("%v, want %s", m, want)
		}
	}
}

func TestCIBAPing(t *testing.T) {
	t.Parallel()
	type ping struct{ token, id string }
	pings := make(chan ping, 1)
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			ID string `json:"auth_req_id"`
		}
		data, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(data, &body)
		pings <- ping{r.Header.Get("Authorization"), body.ID}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(client.Close)
	key, jwks := keyPair(t)
	p := startCIBA(t, func(o *Options) {
		o.Clients = []Client{{
			ID: "ping", Secret: "secret", JWKS: jwks, DeliveryMode: "ping", NotificationEndpoint: client.URL,
			CIBASigningAlg: "ES256",
		}}
	})
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": "ping", "aud": p.op.Issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": "1",
		"scope": "openid", "login_hint": "alice", "client_notification_token": "n-token",
	}
	for name, request := range map[string]string{
		"another key": signed(t, jose.ES256, jose.JSONWebKey{Key: ecKey(t), KeyID: "k"}, "JWT", claims),
		"not signed":  "",
	} {
		form := url.Values{
			"request": {request}, "scope": {"openid"}, "login_hint": {"alice"},
			"client_notification_token": {"n"},
		}
		if res, m := p.post("backchannel_authentication_endpoint", "ping", "secret",
			form); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, %v", name, res.StatusCode, m)
		}
	}
	request := url.Values{"request": {signed(t, jose.ES256, key, "JWT", claims)}}
	_, m := p.post("backchannel_authentication_endpoint", "ping", "secret", request)
	select {
	case got := <-pings:
		if got.token != "Bearer n-token" || got.id != m["auth_req_id"] || got.id == "" {
			t.Errorf("ping: %+v of %v", got, m)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no ping came")
	}
	if _, tokens := p.post("token_endpoint", "ping", "secret",
		url.Values{"grant_type": {grantCIBA}, "auth_req_id": {text(m["auth_req_id"])}}); tokens["id_token"] == nil {
		t.Errorf("after the ping: %v", tokens)
	}
	if res, m := p.post("backchannel_authentication_endpoint", "ping", "secret",
		request); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a request was accepted twice: %d, %v", res.StatusCode, m)
	}
}

func TestCIBAPage(t *testing.T) {
	t.Parallel()
	p := startCIBA(t, func(o *Options) { o.Auto = false })
	for deny, want := range map[string]string{"": "", "1": "access_denied"} {
		_, m := p.post("backchannel_authentication_endpoint", "confidential", "s e:c%r+et",
			url.Values{"scope": {"openid"}, "login_hint": {"alice"}, "binding_message": {"<W4SCT>"}})
		_, body := p.get(p.op.Issuer+"/ciba", "")
		page := text(body["body"])
		_, id, _ := strings.Cut(page, `name="id" value="`)
		id, _, _ = strings.Cut(id, `"`)
		if !strings.Contains(page, "&lt;W4SCT&gt;") || id == "" {
			t.Fatalf("page: %s", page)
		}
		p.metadata["page"] = p.op.Issuer + "/ciba"
		form := url.Values{"id": {id}, "username": {"alice"}, "password": {"wrong"}, "deny": {deny}}
		if _, body := p.post("page", "x", "", form); !strings.Contains(text(body["body"]), "Wrong") {
			t.Errorf("a wrong password: %v", body)
		}
		form.Set("username", "bob")
		form.Set("password", "bob")
		if _, body := p.post("page", "x", "", form); !strings.Contains(text(body["body"]), "Wrong") {
			t.Errorf("another user: %v", body)
		}
		form.Set("username", "alice")
		form.Set("password", "alice")
		p.post("page", "x", "", form)
		_, tokens := p.post("token_endpoint", "confidential", "s e:c%r+et",
			url.Values{"grant_type": {grantCIBA}, "auth_req_id": {text(m["auth_req_id"])}})
		if text(tokens["error"]) != want {
			t.Errorf("deny %q: %v", deny, tokens)
		}
	}
}

func TestDeviceDenied(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Auto, o.PollInterval = false, time.Microsecond })
	_, m := p.post("device_authorization_endpoint", "public", "", url.Values{"scope": {"openid"}})
	_, body := p.get(text(m["verification_uri_complete"]), "")
	_, action, _ := strings.Cut(text(body["body"]), `action="`)
	action, _, _ = strings.Cut(action, `"`)
	p.metadata["page"] = p.op.Issuer + action
	p.post("page", "x", "", url.Values{"deny": {"1"}})
	res, m := p.post("token_endpoint", "public", "",
		url.Values{
			"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
			"device_code": {text(m["device_code"])},
		})
	if res.StatusCode != http.StatusBadRequest || m["error"] != "access_denied" {
		t.Errorf("%d, %v", res.StatusCode, m)
	}
}

func TestDeviceInterval(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.PollInterval = 7 * time.Second })
	if _, m := p.post("device_authorization_endpoint", "public", "",
		url.Values{"scope": {"openid"}}); m["interval"] != 7.0 {
		t.Errorf("%v", m)
	}
}
