package provider

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What a developer gets wrong first is a page that says it, and no challenge to the browser.
func TestFailurePages(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for name, c := range map[string]struct {
		query url.Values
		want  string
	}{
		"client":     {with("<b>nobody", "scope", "openid"), "There is no such client"},
		"no client":  {with("public", "client_id", ""), "The request has no client_id"},
		"redirect":   {with("public", "redirect_uri", "http://evil.example"), "http://127.0.0.1/auth/callback"},
		"twice":      {url.Values{"client_id": {"public", "public"}}, "is there more than once"},
		"JSON claim": {with("public", "claims", "{"), "claims is no JSON object"},
	} {
		res, body := p.get(p.endpoint("authorization_endpoint")+"?"+c.query.Encode(), "")
		page := text(body["body"])
		if res.StatusCode != http.StatusBadRequest || res.Header.Get("WWW-Authenticate") != "" ||
			!strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !strings.Contains(page, c.want) ||
			strings.Contains(page, "<b>") {
			t.Errorf("%s: %d %v %s", name, res.StatusCode, res.Header, page)
		}
	}
}

// The device's page shows the code, before and after the login (RFC 8628 section 3.3).
func TestDevicePageShowsTheCode(t *testing.T) {
	t.Parallel()
	for _, automatic := range []bool{false, true} {
		p := start(t, func(o *Options) { o.Auto = automatic })
		_, m := p.post("device_authorization_endpoint", "public", "",
			url.Values{"client_id": {"public"}, "scope": {"openid"}})
		code := text(m["user_code"])
		_, body := p.get(text(m["verification_uri_complete"]), "")
		page := text(body["body"])
		if code == "" || !strings.Contains(page, code) {
			t.Errorf("automatic %v: no code %s: %s", automatic, code, page)
		}
		if automatic {
			continue
		}
		_, action, _ := strings.Cut(page, `action="`)
		action, _, _ = strings.Cut(action, `"`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.op.Issuer+action,
			strings.NewReader("username=alice&password=alice"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if _, body = p.do(r); !strings.Contains(text(body["body"]), code) {
			t.Errorf("after the login: %v", body)
		}
		_, body = p.get(p.op.Issuer+"/device?user_code=%3Cb%3E", "")
		if page := text(body["body"]); !strings.Contains(page, "No device waits with the code &lt;b&gt;") {
			t.Errorf("an unknown code: %s", page)
		}
	}
}

// The start page shows what there is, and what was asked for; no secret, and nothing that runs.
func TestStartPage(t *testing.T) {
	t.Parallel()
	seen := make(chan Logged, 100)
	p := automatic(t, func(o *Options) {
		o.Faults = func() [][2]string { return [][2]string{{"a-fault", "does <wrong>"}} }
		o.OnRequest = func(l Logged) { seen <- l }
		o.Users[1].Password = "not-to-be-seen"
	})
	p.authorize(with("public", "scope", "openid <script>"))
	p.post("token_endpoint", "confidential", "wrong-secret", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"canary-token"}, "client_assertion": {"canary-assertion"},
	})
	res, body := p.get(p.op.Issuer+"/", "")
	page := text(body["body"])
	for _, want := range []string{
		p.op.Issuer + "/token", "alice", "confidential", "a-fault", "does &lt;wrong&gt;", "POST token",
		"grant_type=refresh_token", "invalid_client", "(any port)", "GET authorization", "(not shown)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"canary", "wrong-secret", "<script", "s e:c%r+et", "not-to-be-seen"} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q", not)
		}
	}
	policy := res.Header.Get("Content-Security-Policy")
	if res.StatusCode != http.StatusOK || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%d, %q", res.StatusCode, policy)
	}
	var lines strings.Builder
	for len(seen) > 0 {
		l := <-seen
		lines.WriteString(l.String() + "\n")
	}
	if got := lines.String(); !strings.Contains(got, "POST token 401 client_id=confidential grant_type=refresh_token") ||
		strings.Contains(got, "canary") {
		t.Errorf("logged: %s", got)
	}
}
