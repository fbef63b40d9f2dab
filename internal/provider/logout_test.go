package provider

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	posted := make(chan string, 10)
	status := http.StatusOK
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posted <- r.PostFormValue("logout_token")
		w.WriteHeader(status)
	}))
	t.Cleanup(client.Close)
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients, Client{ID: "back", BackchannelLogoutURI: client.URL, IDTokenSigningAlg: "ES256"})
	})
	receive := func(want any) {
		t.Helper()
		header, claims := p.open(<-posted)
		events, _ := claims["events"].(map[string]any)
		if header.ExtraHeaders[jose.HeaderType] != "logout+jwt" || header.Algorithm != "ES256" ||
			claims["nonce"] != nil ||
			claims["iss"] != p.op.Issuer || claims["aud"] != "back" || claims["sub"] != "alice" ||
			claims["sid"] != want ||
			claims["jti"] == nil || claims["iat"] == nil || claims["exp"] == nil ||
			events["http://schemas.openid.net/event/backchannel-logout"] == nil {
			t.Errorf("%v, %v, want sid %v", header, claims, want)
		}
	}
	hint := text(p.redeem("back", "", p.authorize(authorization("back")).Get("code"))["id_token"])
	_, claims := p.open(hint)
	if claims["sid"] == nil {
		t.Fatalf("no sid: %v", claims)
	}
	p.get(p.endpoint("end_session_endpoint")+"?id_token_hint="+hint, "")
	receive(claims["sid"])

	hint = text(p.redeem("back", "", p.authorize(authorization("back")).Get("code"))["id_token"])
	_, claims = p.open(hint)
	if err := p.op.BackchannelLogout("back", "alice"); err != nil {
		t.Error(err)
	}
	receive(claims["sid"])
	if err := p.op.BackchannelLogout("back", "alice"); err != nil {
		t.Error(err)
	}
	receive(nil)
	status = http.StatusBadRequest
	for name, c := range map[string][2]string{
		"refused": {"back", "alice"}, "no client": {"x", "alice"},
		"no user": {"back", "x"}, "no URI": {"public", "alice"},
	} {
		if p.op.BackchannelLogout(c[0], c[1]) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLogoutPage(t *testing.T) {
	t.Parallel()
	const back = "http://127.0.0.1:7777/bye"
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients,
			Client{ID: "front", FrontchannelLogoutURI: "https://rp.example/logout?a=b", PostLogoutURIs: []string{back}},
			Client{ID: "plain", PostLogoutURIs: []string{back}})
	})
	hint := func(id string) string {
		return text(p.redeem(id, "", p.authorize(authorization(id)).Get("code"))["id_token"])
	}
	end := p.endpoint("end_session_endpoint") + "?"
	query := func(id string) string {
		return url.Values{"id_token_hint": {hint(id)}, "post_logout_redirect_uri": {back}, "state": {"s"}}.Encode()
	}
	res, _ := p.get(end+query("plain"), "")
	if location, err := res.Location(); err != nil || location.String() != back+"?state=s" {
		t.Errorf("without a frame: %v, %v", location, err)
	}
	res, _ = p.get(end+query("public"), "") // which registered nothing
	if location, err := res.Location(); err != nil || location.String() != back+"?state=s" {
		t.Errorf("any port of the loopback address: %v, %v", location, err)
	}
	frontHint := query("front")
	_, claims := p.open(func() string { v, _ := url.ParseQuery(frontHint); return v.Get("id_token_hint") }())
	res, body := p.get(end+frontHint, "")
	page := text(body["body"])
	frame := "https://rp.example/logout?a=b&amp;iss=" + url.QueryEscape(p.op.Issuer) + "&amp;sid=" + text(claims["sid"])
	for _, want := range []string{`<iframe src="` + frame, back + "?state=s", `http-equiv="refresh"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s: %s", want, page)
		}
	}
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src https://rp.example") {
		t.Errorf("policy: %s", policy)
	}
	for id, uri := range map[string]string{"plain": back + "s", "public": "https://evil.example"} {
		res, _ = p.get(end+url.Values{"id_token_hint": {hint(id)}, "post_logout_redirect_uri": {uri}}.Encode(), "")
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("an unknown URI of %s: %d", id, res.StatusCode)
		}
	}
}
