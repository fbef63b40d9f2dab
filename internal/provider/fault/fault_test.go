package fault

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// testKeys are the keys of all providers of these tests.
var testKeys = sync.OnceValue(func() *provider.Keys {
	keys, err := provider.NewKeys()
	if err != nil {
		panic(err)
	}
	return keys
})

// start starts a provider with two clients.
func start(t *testing.T, change func(*Options)) *Provider {
	t.Helper()
	o := Options{Options: provider.Defaults()}
	o.Keys = testKeys()
	o.Clients = []provider.Client{{ID: "confidential", Secret: "s e:c%r+et"}, {ID: "public"}}
	if change != nil {
		change(&o)
	}
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := op.CloseNow(); err != nil {
			t.Error(err)
		}
	})
	return op
}

const verifier = "a-verifier-of-at-least-43-characters-0123456789"

// authorization is an authorization request of a client.
func authorization(id string) url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
		"scope": {"openid profile email offline_access"}, "state": {"st"}, "nonce": {"no"},
		"code_challenge": {b64(challenge[:])}, "code_challenge_method": {"S256"},
	}
}

// A relying party that looks at nothing: it takes what looks like a token and
// goes on.
type credulous struct {
	t     *testing.T
	http  *http.Client
	op    *Provider
	token string
}

func (c credulous) ask(r *http.Request) map[string]any {
	res, err := c.http.Do(r)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(res.Body, 2<<20)) // twice what is long enough to be refused
	m := map[string]any{}
	_ = json.Unmarshal(data, &m) // whatever it is
	return m
}

func (c credulous) get(address, token string) map[string]any {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if token != "" {
		r.Header["Authorization"] = []string{"Bearer " + strings.Map(visibleOnly, token)}
	}
	return c.ask(r)
}

func visibleOnly(r rune) rune {
	if r > ' ' && r < 0x7F {
		return r
	}
	return -1
}

// run goes through the whole refresh, whatever it is told.
func (c credulous) run() {
	c.get(c.op.Issuer+"/.well-known/openid-configuration", "")
	tokens := c.tokens()
	c.get(c.op.Issuer+"/jwks", "")
	access, _ := tokens["access_token"].(string)
	c.get(c.op.Issuer+"/userinfo", access)
}

// refresh returns a new refresh token.
func (c credulous) refresh() string {
	token, _ := c.tokens()["refresh_token"].(string)
	return token
}

func (c credulous) tokens() map[string]any {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.token}, "client_id": {"public"}}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.op.Issuer+"/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.ask(r)
}

// Whoever takes everything is found out at every fault that shows, and only
// praised where there is nothing to refuse.
func TestJudgeFindsTheCredulous(t *testing.T) {
	t.Parallel()
	for _, f := range Faults() {
		if f.By != "" {
			continue // TestJudgeFindsTheCredulousElsewhere
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			op := start(t, func(o *Options) {
				Demand(&o.Clients[1], f.Config, someKeys())
			})
			token, err := op.IssueRefreshToken("public", "alice", "")
			if err != nil {
				t.Fatal(err)
			}
			party := credulous{t, &http.Client{Timeout: time.Second}, op, token}
			if f.Previous { // the first ID Token is right
				party.token = party.refresh()
			}
			if err := op.Misbehave(f.Name); err != nil {
				t.Fatal(err)
			}
			party.run()
			v := op.Judge()
			right := v.Findings[0].Right
			switch redirect := strings.Contains(f.Name, "redirect-3"); {
			case f.Unseen && !redirect:
				if right != nil {
					t.Errorf("judged what cannot be seen: %+v", v)
				}
			case right == nil || *right != f.mayGoOn() || !f.Accept && v.Findings[0].Did != "went_on":
				t.Errorf("%+v", v)
			case redirect && count(v.Requests, "bait") == 0:
				t.Errorf("it did not follow the redirect: %+v", v)
			}
			if _, shown := op.Quiet(); !shown {
				t.Error("the fault was not shown")
			}
		})
	}
}

// come is a relying party that does what other commands do: it takes whatever the
// browser brings, asks more often than it may, and answers every call with 200.
func (c credulous) come(f Fault) {
	c.get(c.op.Issuer+"/.well-known/openid-configuration", "")
	switch f.By {
	case "client":
		c.login(f)
	case "client-credentials":
		c.form("/token", url.Values{"grant_type": {"client_credentials"}})
	case "device":
		c.poll("/device_authorization", "urn:ietf:params:oauth:grant-type:device_code", "device_code",
			url.Values{"scope": {"openid"}})
	case "ciba":
		c.poll("/bc-authorize", "urn:openid:params:grant-type:ciba", "auth_req_id",
			url.Values{"scope": {"openid"}, "login_hint": {"alice"}})
	case "logout-receiver":
		for range 2 {
			_ = c.op.BackchannelLogout("confidential", "alice") // it is told nothing that matters here
		}
		return
	}
	c.get(c.op.Issuer+"/userinfo", "x")
}

// form posts a form as the client called confidential.
func (c credulous) form(path string, form url.Values) map[string]any {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.op.Issuer+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("confidential", url.QueryEscape("s e:c%r+et"))
	return c.ask(r)
}

// login redeems what it is given for a code, and asks for UserInfo.
func (c credulous) login(f Fault) {
	c.t.Helper()
	query := authorization("confidential")
	for line := range strings.Lines(f.Config) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); strings.HasPrefix(name, "response_") {
			query.Set(name, value)
		}
	}
	if strings.Contains(f.Config, "use_par") {
		c.form("/par", query)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.op.Issuer+"/authorize?"+query.Encode(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {c.code(r)}, "code_verifier": {verifier},
		"redirect_uri": query["redirect_uri"],
	}
	if strings.HasPrefix(f.Name, "client-assertion-") {
		form.Set("client_assertion", "none")
	}
	tokens := c.form("/token", form)
	access, _ := tokens["access_token"].(string)
	for range 3 {
		c.get(c.op.Issuer+"/userinfo", access)
	}
}

// code is that of an authorization response.
func (c credulous) code(r *http.Request) string {
	browser := *c.http
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Do(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	back := (&provider.Response{Request: r, Header: res.Header, Body: body}).Authorization()
	if back == nil {
		return ""
	}
	c.op.unpack(back.Values)
	return back.Values.Get("code")
}

// poll asks to have a user log in elsewhere, and then for tokens, whatever it is told.
func (c credulous) poll(path, grant, name string, form url.Values) {
	c.t.Helper()
	begun := c.form(path, form)
	if complete, _ := begun["verification_uri_complete"].(string); strings.HasPrefix(complete, c.op.Issuer) {
		c.get(complete, "")
	}
	code, _ := begun[name].(string)
	for range 6 {
		c.form("/token", url.Values{"grant_type": {grant}, name: {code}})
	}
}

// Whoever takes everything is found out elsewhere too.
func TestJudgeFindsTheCredulousElsewhere(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	for _, f := range Faults() {
		if !slices.Contains([]string{"client", "client-credentials", "device", "ciba", "logout-receiver"}, f.By) ||
			f.At == cibaNotification {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			op := start(t, func(o *Options) {
				o.Auto, o.PollInterval, o.ApproveAfter = true, time.Microsecond, time.Microsecond
				Demand(&o.Clients[0], f.Config, someKeys())
				o.Clients[0].BackchannelLogoutURI = receiver.URL
			})
			if err := op.Misbehave(f.Name); err != nil {
				t.Fatal(err)
			}
			credulous{t, &http.Client{Timeout: time.Second}, op, ""}.come(f)
			v := op.Judge()
			right := v.Findings[0].Right
			praised := f.Level == Choice || f.Accept && f.demands == nil
			if f.Unseen != (right == nil) || right != nil && *right != praised ||
				right != nil && !f.Accept && v.Findings[0].Did != "went_on" {
				t.Errorf("%+v", v)
			}
			if _, shown := op.Quiet(); !shown {
				t.Error("the fault was not shown")
			}
		})
	}
}

// mayGoOn reports whether no standard says that a relying party has to stop, or should.
func (f Fault) mayGoOn() bool { return f.Accept || f.Level == Choice }

// someKeys are a client's public keys, RSA and EC.
var someKeys = sync.OnceValue(func() string {
	_, public, err := provider.NewDecryptionKeys()
	if err != nil {
		panic(err)
	}
	return string(public)
})

// Each fault is judged by itself, from where it was shown.
func TestJudge(t *testing.T) {
	t.Parallel()
	stop := Fault{Name: "stop", At: "token"}
	accept := Fault{Name: "accept", At: "discovery", Accept: true}
	named := map[string]Fault{
		"stop": stop, "accept": accept, "unseen": {Name: "unseen", At: "userinfo", Unseen: true},
		"early":  {Name: "early", At: "discovery"},
		"par":    {Name: "par", At: "pushed_authorization_request"},
		"device": {Name: "device", At: "device_authorization"},
		"denied": {Name: "denied", At: "token"}, "pending": {Name: "pending", At: "token", More: 2},
		"nonce":      {Name: "nonce", At: "userinfo", More: 1},
		"registered": {Name: "registered", At: "registration"},
		"method":     {Name: "method", At: "registration", Accept: true},
		"metadata":   {Name: "metadata", At: "resource_metadata"},
		"revoked":    {Name: "revoked", At: "revocation", Unseen: true},
		"stepup":     {Name: "stepup", At: "resource", More: 1},
		"logout":     {Name: "logout", At: "backchannel_logout"},
		"goodbye":    {Name: "goodbye", At: "backchannel_logout", Accept: true},
		"ping":       {Name: "ping", At: "ciba_notification"},
		"keys":       {Name: "keys", At: "jwks"}, "login": {Name: "login", At: "authorization"},
		"refresh": {Name: "refresh", At: "token", Previous: true},
	}
	for _, c := range []struct {
		faults, requests string // "endpoint" or "endpoint!fault" or "endpoint=status"
		want             string // of each finding: + right, - wrong, ? cannot be told
	}{
		{"stop", "discovery token!stop", "+"},
		{"stop", "discovery token!stop jwks jwks", "+"},
		{"stop", "discovery jwks jwks token!stop", "+"}, // keys fetched before do not count
		{"stop", "discovery token!stop jwks jwks jwks", "-"},
		{"stop", "discovery token!stop userinfo", "-"},
		{"stop", "discovery token!stop introspection", "-"},
		{"stop", "discovery token!stop revocation", "+"},
		{"stop", "discovery token!stop token", "-"},
		{"stop", "discovery token!stop bait", "-"},
		{"stop", "discovery token=401", "?"},
		{"stop", "", "?"},
		{"refresh", "token userinfo", "?"},
		{"early", "discovery!early", "+"},
		{"early", "discovery!early discovery!early", "+"},
		{"early", "discovery!early jwks", "-"},
		{"early", "discovery!early pushed_authorization_request", "-"},
		{"keys", "jwks!keys token", "+"},
		{"keys", "jwks!keys token token", "-"},
		{"keys", "jwks!keys token userinfo", "-"},
		{"login", "authorization!login", "+"},
		{"login", "authorization!login token", "-"},
		{"par", "discovery pushed_authorization_request!par", "+"},
		{"par", "discovery pushed_authorization_request!par pushed_authorization_request!par", "+"}, // another login
		{"par", "discovery pushed_authorization_request!par authorization", "-"},
		{"device", "device_authorization!device", "+"},
		{"device", "device_authorization!device token", "-"},
		{"denied", "device_authorization token token!denied", "+"},
		{"denied", "device_authorization token token!denied token", "-"},
		{"pending", "device_authorization token!pending token!pending token!pending", "+"},
		{"pending", "device_authorization token!pending token!pending token!pending token!pending", "-"},
		{"nonce", "token userinfo!nonce userinfo!nonce", "+"},
		{"nonce", "token userinfo!nonce userinfo!nonce userinfo!nonce", "-"},
		{"registered", "registration!registered", "+"},
		{"registered", "registration!registered authorization", "-"},
		{"method", "registration!method", "+"},
		{"metadata", "resource resource_metadata!metadata", "+"},
		{"metadata", "resource resource_metadata!metadata authorization", "-"},
		{"revoked", "revocation!revoked", "?"},
		{"stepup", "resource!stepup authorization token resource!stepup", "+"},
		{"stepup", "resource!stepup authorization token resource!stepup authorization token resource!stepup", "-"},
		{"logout", "backchannel_logout!logout=400", "+"},
		{"logout", "backchannel_logout!logout=200", "-"},
		{"logout", "backchannel_logout!logout=401", "-"},
		{"logout", "backchannel_logout!logout=0", "-"}, // it hung up
		{"goodbye", "backchannel_logout!goodbye=204", "+"},
		{"goodbye", "backchannel_logout!goodbye=400", "-"},
		{"ping", "ciba_notification!ping=401", "+"},
		{"ping", "ciba_notification!ping=204", "-"},
		{"accept", "discovery!accept token userinfo", "+"},
		{"accept", "discovery!accept", "-"},
		{"unseen", "token userinfo!unseen", "?"},
		{"unseen", "token userinfo!unseen bait", "-"},
		{"accept stop", "discovery!accept token!stop", "++"}, // it went on to the tokens
		{"accept stop", "discovery!accept token!stop userinfo", "+-"},
		{"stop unseen", "token!stop userinfo!unseen", "-?"},
	} {
		var faults []Fault
		for name := range strings.FieldsSeq(c.faults) {
			faults = append(faults, named[name])
		}
		var requests []Request
		for r := range strings.FieldsSeq(c.requests) {
			r, status, refused := strings.Cut(r, "=")
			endpoint, fault, spoilt := strings.Cut(r, "!")
			request := Request{Endpoint: endpoint, Status: 200}
			if spoilt {
				request.Faults = []string{fault}
			}
			if refused {
				request.Status, _ = strconv.Atoi(status)
			}
			requests = append(requests, request)
		}
		v, got := judge(faults, requests), ""
		for _, f := range v.Findings {
			switch {
			case f.Right == nil:
				got += "?"
			case *f.Right:
				got += "+"
			default:
				got += "-"
			}
			if f.Why == "" || f.Did == "" {
				t.Errorf("%s after %s: nothing is said", c.faults, c.requests)
			}
		}
		if got != c.want {
			t.Errorf("%s after %q: %s, want %s: %+v", c.faults, c.requests, got, c.want, v.Findings)
		}
		if overall := v.Right; (overall != nil && *overall) != (strings.Contains(got, "+") &&
			!strings.Contains(got, "-")) {
			t.Errorf("%s after %q: %v over all", c.faults, c.requests, overall)
		}
	}
}

// A relying party that waits for an answer is not quiet.
func TestWaitingIsNotQuiet(t *testing.T) {
	t.Parallel()
	op := start(t, nil)
	if err := op.Misbehave("discovery-hang"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, op.Issuer+"/.well-known/openid-configuration", nil)
		if res, err := http.DefaultClient.Do(r); err == nil {
			_ = res.Body.Close()
		}
	}()
	waitFor(t, func() bool { _, shown := op.Quiet(); return shown })
	if since, _ := op.Quiet(); since != 0 {
		t.Errorf("quiet for %v, while it waits", since)
	}
	cancel()
	<-done
	waitFor(t, func() bool { since, _ := op.Quiet(); return since > 0 })
}

// waitFor waits until something holds, and not for ever.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to hold")
		}
	}
}

// A refusal is no answer to spoil.
func TestRefusalsAreNotSpoilt(t *testing.T) {
	t.Parallel()
	op := start(t, nil)
	if err := op.Misbehave("id-token-iss-wrong", "token-bom"); err != nil {
		t.Fatal(err)
	}
	credulous{t, &http.Client{Timeout: 10 * time.Second}, op, "unknown"}.refresh()
	v := op.Judge()
	if v.Right != nil || v.Findings[0].Did != "did_not_come" ||
		!strings.Contains(v.Findings[0].Why, "HTTP status 400") {
		t.Errorf("%+v", v)
	}
}

// Nobody who never came, or asks for keys without end, did right.
func TestJudgeOfTheAbsentAndTheGreedy(t *testing.T) {
	t.Parallel()
	op := start(t, nil)
	if err := op.Misbehave("id-token-kid-unknown"); err != nil {
		t.Fatal(err)
	}
	if v := op.Judge(); v.Right != nil || v.Findings[0].Did != "did_not_come" {
		t.Errorf("%+v", v)
	}
	if err := op.Misbehave("keys-none"); err != nil {
		t.Fatal(err)
	}
	party := credulous{t, &http.Client{Timeout: 10 * time.Second}, op, ""}
	for range 3 {
		party.get(op.Issuer+"/jwks", "")
	}
	if v := op.Judge(); v.Right == nil || *v.Right {
		t.Errorf("three times for the keys: %+v", v)
	}
	if op.Misbehave("no-such-fault") == nil {
		t.Error("an unknown fault was taken")
	}
	if _, err := Start(Options{Faults: []string{"no-such-fault"}}); err == nil {
		t.Error("an unknown fault was taken at the start")
	}
}
