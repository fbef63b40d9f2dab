package oidc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// A peer is a fake provider and the test it serves.
type peer struct {
	*fakeop.OP
	t *testing.T
}

func newPeer(t *testing.T) peer {
	t.Helper()
	op := fakeop.Start()
	t.Cleanup(op.Close)
	return peer{op, t}
}

func (f peer) client() *oidc.Client {
	f.t.Helper()
	op, err := oidc.Discovery{HTTP: f.Client()}.Provider(context.Background(), f.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	return &oidc.Client{Provider: op, ID: fakeop.ClientID, HTTP: f.Client()}
}

func (f peer) refresh() (*oidc.Tokens, error) {
	f.t.Helper()
	return f.client().Token(context.Background(), oidc.RefreshToken("old"))
}

var isJSON = map[string]string{"Content-Type": "application/json"}

func TestRefreshAndUserInfo(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client()
	var received *oidc.Tokens
	grant := oidc.RefreshToken("old", "openid", "email").With("resource", "urn:a", "urn:b")
	grant.Received = func(t *oidc.Tokens) error { received = t; return nil }
	tokens, err := client.Token(context.Background(), grant)
	if err != nil {
		t.Fatal(err)
	}
	if received != tokens || tokens.RefreshToken != fakeop.Rotated || !tokens.IDToken.Verified ||
		tokens.IDToken.Subject != "u" {
		t.Errorf("tokens: %+v", tokens)
	}
	want := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"old"}, "scope": {"openid email"},
		"client_id": {fakeop.ClientID}, "resource": {"urn:a", "urn:b"},
	}
	if f.Forms()[0].Encode() != want.Encode() {
		t.Errorf("form: %v", f.Forms()[0])
	}
	info, err := client.UserInfo(context.Background(), tokens)
	if err != nil || info.Subject != "u" {
		t.Errorf("UserInfo: %+v, %v", info, err)
	}
}

// What the token endpoint may not answer: the error's type, that nothing was
// sent twice, and that a rotated refresh token comes out all the same.
func TestTokenEndpointAnswers(t *testing.T) {
	t.Parallel()
	const tokens = `{"access_token":"at","token_type":"Bearer","refresh_token":"new-refresh-token"}`
	const (
		refused  = "*oidc.Error"
		protocol = "*oidc.ProtocolError"
		transit  = "*oidc.TransportError"
	)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
		rotated bool // the new refresh token is returned beside the error
	}{
		"OAuth error": {
			fakeop.Says(400, isJSON, `{"error":"invalid_grant","error_description":"expired"}`), refused, false,
		},
		"tokens beside a 400": {
			fakeop.Says(400, isJSON, `{"error":"invalid_grant","refresh_token":"new-refresh-token"}`), refused, false,
		},
		"OAuth error in a 401": {fakeop.Says(401, isJSON, `{"error":"invalid_client"}`), refused, false},
		"OAuth error in a 200": {fakeop.Says(200, isJSON, `{"error":"invalid_grant"}`), refused, false},
		"OAuth error as text": {
			fakeop.Says(400, map[string]string{"Content-Type": "text/plain"}, `{"error":"invalid_grant"}`), refused,
			false,
		},
		"400 and HTML":    {fakeop.Says(400, nil, "<html>no</html>"), protocol, false},
		"400 and nothing": {fakeop.Says(400, nil, ""), protocol, false},
		"201":             {fakeop.Says(201, isJSON, tokens), protocol, true},
		"204":             {fakeop.Says(204, nil, ""), protocol, false},
		"HTML":            {fakeop.Says(200, nil, "<html>log in to the network</html>"), protocol, false},
		"empty":           {fakeop.Says(200, isJSON, ""), protocol, false},
		"array":           {fakeop.Says(200, isJSON, "["+tokens+"]"), protocol, true},
		"two documents":   {fakeop.Says(200, isJSON, tokens+tokens), protocol, true},
		"duplicate member": {
			fakeop.Says(200, isJSON, `{"access_token":"a","access_token":"b","token_type":"Bearer"}`), protocol, false,
		},
		"tokens as text/plain": {
			fakeop.Says(200, map[string]string{"Content-Type": "text/plain"}, tokens), protocol, true,
		},
		"tokens as a form": {
			fakeop.Says(200, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "access_token=a"),
			protocol, false,
		},
		"no token_type": {
			fakeop.Says(200, isJSON, `{"access_token":"a","refresh_token":"new-refresh-token"}`), protocol, true,
		},
		"no access_token": {
			fakeop.Says(200, isJSON, `{"token_type":"Bearer","refresh_token":"new-refresh-token"}`), protocol, true,
		},
		"duplicate beside tokens": {
			fakeop.Says(200, isJSON,
				`{"x":1,"x":2,"access_token":"a","token_type":"Bearer","refresh_token":"new-refresh-token"}`), protocol,
			true,
		},
		"byte order mark": {fakeop.Says(200, isJSON, "\uFEFF"+tokens), protocol, true},
		"cut after the tokens": {
			fakeop.Says(200, map[string]string{"Content-Type": "application/json", "Content-Length": "500"},
				`{"access_token":"a","refresh_token":"new-refresh-token","id_tok`),
			transit, true,
		},
		"a notice before it": {fakeop.Says(200, isJSON, "Notice: undefined index\n"+tokens), protocol, true},
		"a warning with braces": {
			fakeop.Says(200, isJSON, "Warning: in {closure}() on line 3\n"+tokens), protocol, true,
		},
		"another object before it": {fakeop.Says(200, isJSON, `{"debug":1}`+tokens), protocol, true},
		"an empty one after it": {
			fakeop.Says(200, isJSON, tokens[:len(tokens)-1]+`,"refresh_token":""}`), protocol, true,
		},
		"null after it": {
			fakeop.Says(200, isJSON, tokens[:len(tokens)-1]+`,"refresh_token":null}`), protocol, true,
		},
		"many members": {
			fakeop.Says(200, isJSON, `{`+strings.Repeat(`"":1,`, 160_000)+tokens[1:]), protocol, true,
		},
		"a page with a token": {
			fakeop.Says(200, map[string]string{"Content-Type": "text/html"},
				`<pre>{"refresh_token":"new-refresh-token"}</pre>`),
			protocol, false,
		},
		"a refusal with a token": {
			fakeop.Says(200, isJSON, `{"error":"invalid_grant","refresh_token":"new-refresh-token"}`), refused, false,
		},
		"deep beside tokens": {
			fakeop.Says(200, isJSON, `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+","+tokens[1:]), protocol,
			true,
		},
		"huge number, duplicate": {fakeop.Says(200, isJSON, `{"x":1e400,"x":2,`+tokens[1:]), protocol, true},
		"tokens, and too long": {
			fakeop.Says(200, isJSON, tokens[:len(tokens)-1]+`,"x":"`+strings.Repeat("x", 1<<20)+`"}`), protocol, true,
		},
		"half a surrogate": {
			fakeop.Says(200, isJSON,
				`{"x":"\ud800","access_token":"a","token_type":"Bearer","refresh_token":"new-refresh-token"}`),
			protocol, true,
		},
		"odd charset": {
			fakeop.Says(200, map[string]string{"Content-Type": "application/json; charset"}, tokens), "<nil>", true,
		},
		"error beside tokens": {
			fakeop.Says(200, isJSON,
				`{"error":"server_error","access_token":"a","token_type":"Bearer","refresh_token":"new-refresh-token"}`), refused, true,
		},
		"more than a megabyte": {
			fakeop.Says(200, isJSON, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`), protocol, false,
		},
		"tokens further inside": {
			fakeop.Says(200, isJSON, `{"status":"ok","data":{"tokens":`+tokens+`}}`), protocol, true,
		},
		"tokens as a whole form": {
			fakeop.Says(200, map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
				"access_token=a&token_type=bearer&refresh_token=new-refresh-token"),
			protocol, true,
		},
		"a page with parameters": {
			fakeop.Says(200, map[string]string{"Content-Type": "text/html"},
				`<a href="/?&access_token=a&refresh_token=new-refresh-token&x">`),
			protocol, false,
		},
		"a comment in it":         {fakeop.Says(200, isJSON, `{/* v2 */`+tokens[1:]), protocol, true},
		"single quotes elsewhere": {fakeop.Says(200, isJSON, `{'v': 2, `+tokens[1:]), protocol, true},
		"tokens in a 400":         {fakeop.Says(400, isJSON, tokens), protocol, true},
		"tokens beside a refusal": {fakeop.Says(400, isJSON, `{"error":"server_error",`+tokens[1:]), refused, true},
		"tokens in a 500":         {fakeop.Says(500, isJSON, tokens), transit, true},
		"tokens in a redirect": {
			fakeop.Says(302, map[string]string{"Location": "/elsewhere", "Content-Type": "application/json"}, tokens),
			protocol, true,
		},
		"an empty error beside": {fakeop.Says(200, isJSON, `{"error":"",`+tokens[1:]), "<nil>", true},
		"expires_in is a list":  {fakeop.Says(200, isJSON, `{"expires_in":[3600],`+tokens[1:]), protocol, true},
		"101 and no end": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil { // left open: nothing must wait for it to end
				_, _ = io.WriteString(conn,
					"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			}
		}, protocol, false},
		"500":                     {fakeop.Says(500, nil, "oops"), transit, false},
		"503 with an OAuth error": {fakeop.Says(503, isJSON, `{"error":"temporarily_unavailable"}`), transit, false},
		"429":                     {fakeop.Says(429, map[string]string{"Retry-After": "999999"}, ""), transit, false},
		"307 to elsewhere": {
			fakeop.Says(307, map[string]string{"Location": "/elsewhere"}, ""), protocol, false,
		},
		"302 to elsewhere": {
			fakeop.Says(302, map[string]string{"Location": "/elsewhere"}, ""), protocol, false,
		},
		"broken off": {
			fakeop.Says(200, map[string]string{"Content-Type": "application/json", "Content-Length": "100"}, tokens),
			transit, true,
		},
		"closed without an answer": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, transit, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			f.Handlers["/token"] = c.handler
			f.Handlers["/jwks"] = fakeop.Says(200, isJSON, `{"keys":[]}`)
			tokens, err := f.refresh()
			if got := kindOf(err); got != c.want {
				t.Errorf("got %s: %v", got, err)
			}
			if got := tokens != nil && tokens.RefreshToken == fakeop.Rotated; got != c.rotated {
				t.Errorf("the rotated token came out: %v", got)
			}
			if spent := c.want != refused && err != nil; oidc.MayBeSpent(err) != spent {
				t.Errorf("may be spent: %v", !spent)
			}
			if f.Asked("/token") != 1 || f.Asked("/elsewhere") != 0 {
				t.Errorf("asked: %v", f.Forms())
			}
		})
	}
}

func kindOf(err error) string {
	var transport *oidc.TransportError
	var protocol *oidc.ProtocolError
	var refusal *oidc.Error
	var broken *check.Error
	switch {
	case errors.As(err, &transport):
		return "*oidc.TransportError"
	case errors.As(err, &protocol):
		return "*oidc.ProtocolError"
	case errors.As(err, &refusal):
		return "*oidc.Error"
	case errors.As(err, &broken):
		return broken.First.ID
	}
	return fmt.Sprintf("%T", err)
}

// H03: what is bounded is the body as it unpacks.
func TestCompressedBodiesAreBoundedUnpacked(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 64<<20))
	_ = z.Close()
	f := newPeer(t)
	f.Handlers["/token"] = fakeop.Says(
		200, map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}, bomb.String(),
	)
	if _, err := f.refresh(); kindOf(err) != "*oidc.ProtocolError" ||
		!strings.Contains(err.Error(), "longer than 1048576 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestDiscoveryAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(peer)
		want   string
	}{
		"another issuer":    {func(f peer) { f.Metadata["issuer"] = f.URL + "INVALID" }, "discovery.issuer"},
		"a closing slash":   {func(f peer) { f.Metadata["issuer"] = f.URL + "/" }, "closing slash"},
		"no issuer":         {func(f peer) { delete(f.Metadata, "issuer") }, "discovery.issuer_named"},
		"Entra's template":  {func(f peer) { f.Metadata["issuer"] = f.URL + "/{tenantid}/v2.0" }, "template"},
		"no token_endpoint": {func(f peer) { delete(f.Metadata, "token_endpoint") }, "discovery.token_endpoint"},
		"http endpoint": {
			func(f peer) { f.Metadata["token_endpoint"] = "http://op.example/token" }, "discovery.endpoint_urls",
		},
		"endpoint is a number": {func(f peer) { f.Metadata["token_endpoint"] = 7 }, "token_endpoint is a number"},
		"alias by http": {func(f peer) {
			f.Metadata["mtls_endpoint_aliases"] = map[string]any{"token_endpoint": "http://x.example/"}
		}, "discovery.endpoint_urls"},
		"HTML": {func(f peer) {
			f.Handlers["/.well-known/openid-configuration"] = fakeop.Says(200, nil, "<html>hello")
		}, "begins \"<html>hello\""},
		"a redirect": {func(f peer) {
			f.Handlers["/.well-known/openid-configuration"] = fakeop.Says(302,
				map[string]string{"Location": "https://evil.example/"}, "")
		}, "not followed"},
		"nothing there": {func(f peer) {
			f.Handlers["/.well-known/openid-configuration"] = http.NotFound
		}, "HTTP status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			c.change(f)
			_, err := oidc.Discovery{HTTP: f.Client()}.Provider(context.Background(), f.URL)
			if kindOf(err) != "*oidc.ProtocolError" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if f.Asked("/token")+f.Asked("/jwks") != 0 {
				t.Error("something else was asked")
			}
		})
	}
	for _, issuer := range []string{
		"", "op.example", "http://op.example", "https://op.example?a=b", "https://op.example#a", "ftp://op.example",
		"https://u:p@op.example",
	} {
		if _, err := oidc.Discover(context.Background(), issuer); kindOf(err) != "*oidc.ProtocolError" {
			t.Errorf("issuer %q: %v", issuer, err)
		}
	}
}

// V26, V28: where the metadata of an issuer with a path is looked for.
func TestDiscoveryPlaces(t *testing.T) {
	t.Parallel()
	for path, serves := range map[string]string{
		"":            "/.well-known/openid-configuration",
		"/":           "/.well-known/openid-configuration",
		"/a/b":        "/a/b/.well-known/openid-configuration",
		"/a/b/":       "/a/b/.well-known/openid-configuration",
		"/oauth":      "/.well-known/oauth-authorization-server/oauth",
		"/with%2Fone": "/with%2Fone/.well-known/openid-configuration",
	} {
		var issuer string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.EscapedPath() != serves {
				http.NotFound(w, r)
				return
			}
			fakeop.JSON(
				w,
				map[string]any{
					"issuer": issuer, "token_endpoint": issuer + "/t", "jwks_uri": issuer + "/j",
					"authorization_endpoint": issuer + "/a",
				},
			)
		}))
		issuer = server.URL + path
		op, err := oidc.Discover(context.Background(), issuer)
		if err != nil || op.URL != server.URL+serves {
			t.Errorf("%s: %v", path, err)
		}
		server.Close()
	}
}

func TestOverriddenEndpointsAndExpectedIssuer(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Metadata["issuer"] = "https://public.example"
	f.Metadata["token_endpoint"] = "http://inside.example/token"
	d := oidc.Discovery{
		HTTP: f.Client(), ExpectedIssuer: "https://public.example",
		Endpoints: map[string]string{"token_endpoint": f.URL + "/token"},
	}
	op, err := d.Provider(context.Background(), f.URL)
	if err != nil || op.Issuer != "https://public.example" || op.TokenEndpoint != f.URL+"/token" {
		t.Errorf("%+v, %v", op, err)
	}
	d.Endpoints["token_endpoint"] = "http://inside.example/token"
	if _, err := d.Provider(context.Background(), f.URL); err == nil {
		t.Error("an override by http was accepted")
	}
}

// D07, D08, C16, C17, F01 and V21: keys, their rotation, and no more requests
// than that takes.
func TestKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(peer)
		want    string // the broken rule, "" for none
		fetches int
	}{
		"one key":         {func(peer) {}, "", 1},
		"junk beside it":  {func(f peer) { f.Keys = []any{map[string]any{"kty": "AKP"}, 7, nil} }, "", 1},
		"no kid, one key": {func(f peer) { f.Tokens["id_token"] = fakeop.Sign(f.Key, "", f.Claims) }, "", 1},
		"no kid, two keys": {func(f peer) {
			f.Tokens["id_token"] = fakeop.Sign(f.Key, "", f.Claims)
			f.Keys = []any{fakeop.PublicJWK(fakeop.NewKey(), "k2")}
		}, "id_token.signature", 1},
		"the kid twice": {
			func(f peer) { f.Keys = []any{fakeop.PublicJWK(fakeop.NewKey(), "k1")} }, "id_token.signature", 1,
		},
		"unknown kid": {
			func(f peer) { f.Tokens["id_token"] = fakeop.Sign(f.Key, "other", f.Claims) }, "id_token.signature", 2,
		},
		"key of somebody else": {
			func(f peer) { f.Tokens["id_token"] = fakeop.Sign(fakeop.NewKey(), "k1", f.Claims) }, "id_token.signature",
			1,
		},
		"keys that are not there": {func(f peer) { f.Handlers["/jwks"] = http.NotFound }, "*oidc.ProtocolError", 1},
		"keys that are no keys": {
			func(f peer) { f.Handlers["/jwks"] = fakeop.Says(200, isJSON, "[]") }, "*oidc.ProtocolError", 1,
		},
		"keys that fail": {
			func(f peer) { f.Handlers["/jwks"] = fakeop.Says(500, nil, "") }, "*oidc.TransportError", 1,
		},
		"keys fail, iss wrong": {
			func(f peer) { f.Handlers["/jwks"] = fakeop.Says(500, nil, ""); f.Claims["iss"] = "x" }, "id_token.iss", 1,
		},
		"more than 512 KiB": {func(f peer) {
			f.Handlers["/jwks"] = fakeop.Says(200, isJSON, `{"keys":["`+strings.Repeat("x", 512<<10)+`"]}`)
		}, "*oidc.ProtocolError", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			c.change(f)
			tokens, err := f.refresh()
			if err != nil && kindOf(err) != c.want || err == nil && c.want != "" {
				t.Errorf("want %q, got %v", c.want, err)
			}
			if tokens == nil || tokens.RefreshToken != fakeop.Rotated || tokens.IDToken == nil ||
				tokens.IDToken.Verified != (c.want == "") {
				t.Errorf("tokens: %+v", tokens)
			}
			if got := f.Asked("/jwks"); got != c.fetches {
				t.Errorf("%d fetches, want %d", got, c.fetches)
			}
		})
	}
}

// A key that appears between two refreshes is found; kids that nobody has do
// not cause a fetch each (H22).
func TestKeyRotationAndUnknownKids(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client()
	var now atomic.Int64
	start := time.Now()
	client.Now = func() time.Time { return start.Add(time.Duration(now.Load())) }
	get := func() error {
		_, err := client.Token(context.Background(), oidc.RefreshToken("old"))
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	f.Lock()
	f.KID, f.Key = "k2", fakeop.NewKey()
	f.Unlock()
	if err := get(); err != nil {
		t.Errorf("after the keys changed: %v", err)
	}
	if n := f.Asked("/jwks"); n != 2 {
		t.Errorf("%d fetches after one change", n)
	}
	for i := range 5 {
		f.Tokens["id_token"] = fakeop.Sign(f.Key, fmt.Sprint("forged", i), f.Claims)
		if err := get(); err == nil {
			t.Error("a forged kid was accepted")
		}
	}
	if n := f.Asked("/jwks"); n != 2 {
		t.Errorf("forged kids caused %d fetches", n-2)
	}
	now.Store(int64(2 * time.Minute))
	_ = get()
	if n := f.Asked("/jwks"); n != 3 {
		t.Errorf("a minute later: %d fetches", n)
	}
}

func TestPolicyIsEnforced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy oidc.Policy
		change func(peer)
		want   string
	}{
		"amr_list, no match": {oidc.Policy{AMRValues: []string{"hwk"}}, nil, "id_token.amr"},
		"amr_list, match":    {oidc.Policy{AMRValues: []string{"hwk", "pwd"}}, nil, ""},
		"amr_list, no amr": {
			oidc.Policy{AMRValues: []string{"pwd"}}, func(f peer) { delete(f.Claims, "amr") }, "id_token.amr",
		},
		"amr_list, no ID Token": {
			oidc.Policy{AMRValues: []string{"pwd"}}, func(f peer) { f.Claims = nil }, "id_token.present",
		},
		"no ID Token": {oidc.Policy{}, func(f peer) { f.Claims = nil }, ""},
		"no ID Token, required": {
			oidc.Policy{RequireIDToken: true}, func(f peer) { f.Claims = nil }, "id_token.present",
		},
		"ID Token is no JWT": {
			oidc.Policy{}, func(f peer) { f.Tokens["id_token"] = "hello" }, "id_token.readable",
		},
		"ID Token is encrypted": {
			oidc.Policy{}, func(f peer) { f.Tokens["id_token"] = "a.b.c.d.e" }, "id_token.encryption",
		},
		"algorithm not listed": {oidc.Policy{Algorithms: []string{"RS256"}}, nil, "id_token.alg"},
		"skipped": {
			oidc.Policy{InsecureSkipVerification: true, AMRValues: []string{"hwk"}},
			func(f peer) { f.Claims["iss"] = "x" }, "",
		},
		"skipped and no JWT": {
			oidc.Policy{InsecureSkipVerification: true}, func(f peer) { f.Tokens["id_token"] = "hello" }, "",
		},
		"skipped, UserInfo judged": {
			oidc.Policy{InsecureSkipVerification: true}, func(f peer) { f.UserInfo["sub"] = "mallory" }, "userinfo.sub",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			if c.change != nil {
				c.change(f)
			}
			client := f.client()
			client.Policy = c.policy
			tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
			if err == nil {
				_, err = client.UserInfo(context.Background(), tokens)
			}
			if err != nil && kindOf(err) != c.want || err == nil && c.want != "" {
				t.Errorf("want %q, got %v", c.want, err)
			}
			if c.policy.InsecureSkipVerification && tokens.IDToken != nil &&
				(tokens.IDToken.Verified || tokens.IDToken.Checks[0].Outcome != check.Unknown) {
				t.Error("a skipped token counts as verified")
			}
		})
	}
}

func TestPreviousIDToken(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	for sub, want := range map[string]string{"u": "", "other": "refresh.sub"} {
		before := maps.Clone(f.Claims)
		before["sub"], before["iat"] = sub, time.Now().Unix()-3600
		g := oidc.RefreshToken("old")
		g.Expect.Previous = fakeop.Sign(fakeop.NewKey(), "gone", before) + "\n"
		_, err := f.client().Token(context.Background(), g)
		if err != nil && kindOf(err) != want || err == nil && want != "" {
			t.Errorf("previous sub %s: %v", sub, err)
		}
	}
}

func TestWaivedRulesAreRecorded(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Claims["aud"] = "somebody else"
	client := f.client()
	client.Waive = []string{"id_token.aud"}
	tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tokens.Checks, func(r check.Result) bool { return r.ID == "id_token.aud" })
	if r := tokens.Checks[i]; r.Outcome != check.Fail || !r.Waived || tokens.IDToken.Verified {
		t.Errorf("%+v, verified %v", r, tokens.IDToken.Verified)
	}
}

func TestUserInfoAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler func(peer) http.HandlerFunc
		want    string
		check   func(error) bool
	}{
		"another sub": {
			func(peer) http.HandlerFunc { return fakeop.Says(200, isJSON, `{"sub":"uinvalid"}`) }, "userinfo.sub", nil,
		},
		"no sub": {
			func(peer) http.HandlerFunc { return fakeop.Says(200, isJSON, `{"name":"x"}`) }, "userinfo.sub_present",
			nil,
		},
		"HTML": {
			func(peer) http.HandlerFunc { return fakeop.Says(200, nil, "<html>") }, "*oidc.ProtocolError", nil,
		},
		"404": {func(peer) http.HandlerFunc { return fakeop.Says(404, nil, "") }, "*oidc.ProtocolError", nil},
		"502": {func(peer) http.HandlerFunc { return fakeop.Says(502, nil, "") }, "*oidc.TransportError", nil},
		"Bearer error": {func(peer) http.HandlerFunc {
			return fakeop.Says(401,
				map[string]string{
					"WWW-Authenticate": `Basic realm="x", bearer error="invalid_token", error_description="it \"expired\""`,
				}, "")
		}, "*oidc.Error", func(err error) bool {
			var e *oidc.Error
			return errors.As(err, &e) && e.Code == "invalid_token" && e.Description == `it "expired"` && e.Status == 401
		}},
		"signed": {func(f peer) http.HandlerFunc {
			return fakeop.Says(
				200, map[string]string{"Content-Type": "application/jwt"}, fakeop.Sign(f.Key, f.KID, f.Claims),
			)
		}, "", nil},
		"signed for somebody else": {func(f peer) http.HandlerFunc {
			claims := maps.Clone(f.Claims)
			claims["aud"] = "other"
			return fakeop.Says(
				200, map[string]string{"Content-Type": "application/jwt"}, fakeop.Sign(f.Key, f.KID, claims),
			)
		}, "userinfo.aud", nil},
		"signed by somebody else": {func(f peer) http.HandlerFunc {
			return fakeop.Says(
				200, map[string]string{"Content-Type": "application/jwt"},
				fakeop.Sign(fakeop.NewKey(), f.KID, f.Claims),
			)
		}, "userinfo.signature", nil},
		"an unreadable JWT": {func(peer) http.HandlerFunc {
			return fakeop.Says(200, map[string]string{"Content-Type": "application/jwt"}, "a.b")
		}, "userinfo.readable", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			f.Handlers["/userinfo"] = c.handler(f)
			client := f.client()
			tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.UserInfo(context.Background(), tokens)
			if err != nil && kindOf(err) != c.want || err == nil && c.want != "" || c.check != nil && !c.check(err) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
	f := newPeer(t)
	client := f.client()
	for _, token := range []string{"", "a ", " a", "é", "a\r\nX-Evil: 1"} { // H25
		if _, err := client.UserInfo(context.Background(), &oidc.Tokens{AccessToken: token}); err == nil {
			t.Errorf("access token %q was sent", token)
		}
	}
	client.Provider.UserInfoEndpoint = ""
	if _, err := client.UserInfo(
		context.Background(), &oidc.Tokens{AccessToken: "a"},
	); !errors.Is(err, oidc.ErrNoUserInfo) {
		t.Errorf("no endpoint: %v", err)
	}
}

// A caller that gives up before the request is sent ends it at once; one that
// gives up after that still gets the answer, which holds the only token that
// works.
func TestCancelledRefreshBringsItsAnswerHome(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	f.Handlers["/token"] = func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-goOn
		f.Lock()
		delete(f.Handlers, "/token")
		f.Unlock()
		f.Answer(w, r)
	}
	client := f.client()
	got := make(chan string, 1)
	grant := oidc.RefreshToken("old")
	grant.Received = func(t *oidc.Tokens) error { got <- t.RefreshToken; return nil }
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-arrived
		cancel()
		close(goOn)
	}()
	_, _ = client.Token(ctx, grant)
	select {
	case token := <-got:
		if token != fakeop.Rotated {
			t.Errorf("got %q", token)
		}
	default:
		t.Error("the answer was thrown away")
	}

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	before := f.Asked("/token")
	_, err := client.Token(cancelled, oidc.RefreshToken("old"))
	if !errors.Is(err, context.Canceled) || oidc.MayBeSpent(err) || f.Asked("/token") != before {
		t.Errorf("cancelled before: %v, asked %d times", err, f.Asked("/token")-before)
	}
}

// What cannot be noted is not sent, and counts as not spent.
func TestSending(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]*fakeop.OP{"HTTP/1.1": fakeop.Start(), "HTTP/2": fakeop.StartTLS(true)} {
		f := peer{op, t}
		t.Cleanup(op.Close)
		full, grant := errors.New("disk full"), oidc.RefreshToken("old")
		grant.Sending = func() error { return full }
		_, err := f.client().Token(context.Background(), grant)
		if !errors.Is(err, full) || oidc.MayBeSpent(err) {
			t.Errorf("%s: got %v, may be spent: %v", name, err, oidc.MayBeSpent(err))
		}
		for _, form := range f.Forms() {
			if form.Has("refresh_token") {
				t.Errorf("%s: the refresh token was sent all the same", name)
			}
		}
	}
	noted, client, grant := false, newPeer(t).client(), oidc.RefreshToken("old")
	client.Provider.TokenEndpoint = "http://127.0.0.1:1/token" // where nobody listens
	grant.Sending = func() error { noted = true; return nil }
	if _, err := client.Token(context.Background(), grant); err == nil || noted {
		t.Errorf("without a connection: error %v, noted %v", err, noted)
	}
}

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Metadata["authorization_response_iss_parameter_supported"] = true
	client := f.client()
	login, err := client.Authorize(
		context.Background(),
		oidc.AuthorizationRequest{RedirectURI: "http://127.0.0.1/cb", Params: url.Values{"prompt": {"login"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := url.Parse(login.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := sent.Query()
	if q.Get("state") != login.State || q.Get("nonce") != login.Nonce || q.Get("code_challenge_method") != "S256" ||
		q.Get("prompt") != "login" || q.Get("scope") != "openid" {
		t.Errorf("request: %v", q)
	}
	good := url.Values{"state": {login.State}, "code": {"c"}, "iss": {f.URL}}
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"wrong state": {func(v url.Values) { v.Set("state", "x") }, "authorization_response.state"},
		"wrong iss":   {func(v url.Values) { v.Set("iss", "https://evil.example") }, "authorization_response.iss"},
		"no iss":      {func(v url.Values) { v.Del("iss") }, "authorization_response.iss"},
		"two codes":   {func(v url.Values) { v.Add("code", "d") }, "authorization_response.once"},
		"denied":      {func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, "*oidc.Error"},
	} {
		response := url.Values{}
		for k, v := range good {
			response[k] = slices.Clone(v)
		}
		c.change(response)
		if _, err := client.Exchange(context.Background(), login, response); kindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.Asked("/token") != 0 {
		t.Error("a code of a bad response was redeemed")
	}
	if _, err := client.Exchange(context.Background(), login, good); kindOf(err) != "id_token.nonce" {
		t.Errorf("an ID Token without the nonce: %v", err)
	}
	f.Claims["nonce"] = login.Nonce
	tokens, err := client.Exchange(context.Background(), login, good)
	if err != nil || !tokens.IDToken.Verified {
		t.Errorf("good response: %v", err)
	}
	if form := f.Forms()[len(f.Forms())-1]; form.Get("code_verifier") != login.CodeVerifier ||
		form.Get("redirect_uri") != "http://127.0.0.1/cb" {
		t.Errorf("form: %v", form)
	}
}

// One Client serves many goroutines.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
			if err == nil {
				_, err = client.UserInfo(context.Background(), tokens)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.Asked("/jwks"); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// A literal Provider is not judged, but nothing is sent in clear text.
func TestNothingIsSentInClearText(t *testing.T) {
	t.Parallel()
	client := &oidc.Client{
		ID: "cli", Provider: &oidc.Provider{Issuer: "https://op.example", TokenEndpoint: "http://op.example/token"},
	}
	if _, err := client.Token(context.Background(), oidc.RefreshToken("old")); kindOf(err) != "*oidc.ProtocolError" ||
		oidc.MayBeSpent(err) {
		t.Errorf("got %v", err)
	}
	for name, c := range map[string]*oidc.Client{
		"nothing": {}, "no ID": {Provider: client.Provider},
		"no issuer": {ID: "a", Provider: &oidc.Provider{TokenEndpoint: "https://op.example/t"}},
	} {
		if _, err := c.Token(context.Background(), oidc.RefreshToken("old")); err == nil {
			t.Errorf("a Client with %s asked for tokens", name)
		}
	}
	if _, err := (&oidc.Client{}).UserInfo(context.Background(), nil); err == nil {
		t.Error("UserInfo of nobody")
	}
	var key oidc.SigningKey
	if key.Fits("RS256") == nil || key.Algorithm() != "" || key.WithID("a").String() != "no key" {
		t.Error("a key without a key")
	}
	client.Auth, client.Provider.TokenEndpoint = oidc.PrivateKeyJWT(key, oidc.Assertion{}), "https://127.0.0.1:1/"
	if _, err := client.Token(context.Background(), oidc.RefreshToken("old")); err == nil || oidc.MayBeSpent(err) {
		t.Errorf("signed with no key: %v", err)
	}
}

// deaf is a transport that tells httptrace nothing, as many fakes are.
type deaf struct{}

func (deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return nil, errors.New("the connection was lost")
}

func TestMaySpendWithAnyTransport(t *testing.T) {
	t.Parallel()
	client := &oidc.Client{
		ID: "cli", HTTP: &http.Client{Transport: deaf{}},
		Provider: &oidc.Provider{Issuer: "https://op.example", TokenEndpoint: "https://op.example/token"},
	}
	if _, err := client.Token(context.Background(), oidc.RefreshToken("old")); !oidc.MayBeSpent(err) {
		t.Errorf("got %v", err)
	}
}

// A pinned endpoint is not replaced by an alias of the metadata.
func TestPinnedEndpointOutweighsAliases(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Metadata["mtls_endpoint_aliases"] = map[string]any{
		"token_endpoint": f.URL + "/alias", "userinfo_endpoint": f.URL + "/alias",
	}
	op, err := oidc.Discovery{
		HTTP: f.Client(), Endpoints: map[string]string{"token_endpoint": f.URL + "/token"},
	}.Provider(context.Background(), f.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &oidc.Client{Provider: op, ID: fakeop.ClientID, HTTP: f.Client(), Auth: oidc.TLSClientAuth()}
	tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
	if err != nil || f.Asked("/token") != 1 || f.Asked("/alias") != 0 {
		t.Fatalf("%v, asked %d", err, f.Asked("/alias"))
	}
	_, _ = client.UserInfo(context.Background(), tokens)
	if f.Asked("/alias") != 1 {
		t.Error("the alias of UserInfo was not used")
	}
}

// Without a new ID Token, UserInfo has to be of the user of the previous one.
func TestUserInfoContinuesThePreviousIDToken(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	before := maps.Clone(f.Claims)
	before["sub"] = "victim"
	f.Claims = nil
	g := oidc.RefreshToken("old")
	g.Expect.Previous = fakeop.Sign(fakeop.NewKey(), "", before)
	client := f.client()
	tokens, err := client.Token(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UserInfo(context.Background(), tokens); kindOf(err) != "userinfo.sub" {
		t.Errorf("got %v", err)
	}
	g.Expect.Previous = "no JWT"
	asked := f.Asked("/token")
	if _, err := client.Token(context.Background(), g); err == nil || f.Asked("/token") != asked {
		t.Errorf("a token was spent beside an unreadable previous ID Token: %v", err)
	}
}

// Keys are not used for ever, and keys that cannot be fetched again do not
// take the place of those that were.
func TestKeysGrowOld(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client()
	start := time.Now()
	var later atomic.Int64
	client.Now = func() time.Time { return start.Add(time.Duration(later.Load())) }
	get := func(token string) error {
		_, err := client.VerifyIDToken(context.Background(), token, "", oidc.Expectation{})
		return err
	}
	f.Claims["exp"] = start.Add(time.Hour).Unix()
	good := fakeop.Sign(f.Key, f.KID, f.Claims)
	if err := get(good); err != nil {
		t.Fatal(err)
	}
	f.Lock()
	f.Handlers["/jwks"] = fakeop.Says(500, nil, "")
	f.Unlock()
	if err := get(fakeop.Sign(f.Key, "forged", f.Claims)); err == nil {
		t.Error("a forged kid was accepted")
	}
	if err := get(good); err != nil {
		t.Errorf("the good keys were lost: %v", err)
	}
	later.Store(int64(11 * time.Minute))
	if err := get(good); kindOf(err) != "*oidc.TransportError" {
		t.Errorf("old keys were used: %v", err)
	}
}

// When Token returns, nothing goes on in the background, and the next call is
// not handed what was given up.
func TestWhatIsGivenUpEnds(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	asked, ended := make(chan struct{}), make(chan struct{})
	f.Handlers["/token"] = func(w http.ResponseWriter, r *http.Request) {
		<-asked
		fakeop.Says(400, isJSON, `{"error":"invalid_grant"}`)(w, r)
	}
	f.Handlers["/jwks"] = func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(ended)
	}
	client := f.client()
	if _, err := client.Token(context.Background(), oidc.RefreshToken("old")); kindOf(err) != "*oidc.Error" {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the fetch of the keys goes on")
	}
	f.Lock()
	f.Handlers = map[string]http.HandlerFunc{}
	f.Unlock()
	for range 50 {
		f.Lock()
		f.Handlers["/token"] = fakeop.Says(400, isJSON, `{"error":"invalid_grant"}`)
		f.Unlock()
		_, _ = client.Token(context.Background(), oidc.RefreshToken("old"))
		f.Lock()
		delete(f.Handlers, "/token")
		f.Unlock()
		if _, err := client.Token(context.Background(), oidc.RefreshToken("old")); err != nil {
			t.Fatalf("the call after: %v", err)
		}
	}
}

// A token is not verified if the metadata that says whose keys to trust is not.
func TestVerifiedNeedsVerifiedMetadata(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	op, err := oidc.Discovery{
		HTTP: f.Client(), Waive: []string{"discovery.issuer"},
	}.Provider(context.Background(), f.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &oidc.Client{Provider: op, ID: fakeop.ClientID, HTTP: f.Client()}
	tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
	if err != nil || tokens.IDToken.Verified {
		t.Errorf("verified %v, %v", tokens.IDToken.Verified, err)
	}
	f.Claims["scope"] = "read"
	jwt, err := client.VerifyAccessToken(
		context.Background(), fakeop.Sign(f.Key, f.KID, f.Claims), oidc.AccessTokenExpectation{},
	)
	if err != nil || jwt.Verified {
		t.Errorf("access token: verified %v, %v", jwt.Verified, err)
	}
}

func FuzzTokenResponse(f *testing.F) {
	f.Add([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":"1e3","id_token":"a.b.c"}`))
	f.Add([]byte(`{"error":"invalid_grant","error_description":"\u001b]0;x\u0007"}`))
	var body atomic.Value
	body.Store([]byte(nil))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body.Load().([]byte))
	}))
	f.Cleanup(server.Close)
	client := &oidc.Client{
		ID: "cli", Provider: &oidc.Provider{Issuer: server.URL, TokenEndpoint: server.URL, JWKSURI: server.URL},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		body.Store(data)
		tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
		if err == nil && (tokens == nil || tokens.AccessToken == "" || tokens.IDToken != nil) {
			t.Fatalf("accepted %q: %+v", data, tokens)
		}
	})
}

// V8, J02: a MAC is accepted only if the policy names it and has the secret.
func TestMACs(t *testing.T) {
	t.Parallel()
	const secret = "a client secret of at least 32 bytes"
	f := newPeer(t)
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.HS256, Key: []byte(secret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(f.Claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	if f.Tokens["id_token"], err = jws.CompactSerialize(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		policy oidc.Policy
		want   string
	}{
		"named, with the secret": {oidc.Policy{Algorithms: []string{"HS256"}, Secret: secret}, ""},
		"not named":              {oidc.Policy{Secret: secret}, "id_token.alg"},
		"named, another secret": {
			oidc.Policy{Algorithms: []string{"HS256"}, Secret: secret + "x"}, "id_token.signature",
		},
		"named, no secret": {oidc.Policy{Algorithms: []string{"HS256"}}, "id_token.signature"},
		"named, secret is too short": {
			oidc.Policy{Algorithms: []string{"HS256"}, Secret: secret[:31]}, "id_token.signature",
		},
	} {
		client := f.client()
		client.Policy = c.policy
		if _, err := client.Token(context.Background(), oidc.RefreshToken("old")); err != nil &&
			kindOf(err) != c.want || err == nil && c.want != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No error repeats a secret of the request, in whatever spelling the server sends it back.
func TestErrorsRepeatNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "canary+of/the==client"
	spellings := map[string]string{
		"as it is": secret, "form": url.QueryEscape(secret), "lower case": "canary%2bof%2fthe%3d%3dclient",
		"path":   "canary+of%2Fthe==client",
		"HTML":   "canary&#43;of&#x2F;the&equals;&equals;client",
		"base64": base64.RawURLEncoding.EncodeToString([]byte("cli:" + secret)),
	}
	for name, spelled := range spellings {
		for place, handler := range map[string]http.HandlerFunc{
			"Location": fakeop.Says(302, map[string]string{"Location": "https://op.example/x/" + spelled}, ""),
			"page": fakeop.Says(
				502, map[string]string{"Content-Type": "text/html"}, "<p>bad gateway for "+spelled,
			),
			"media type": fakeop.Says(200, map[string]string{"Content-Type": "text/" + spelled}, ""),
		} {
			f := newPeer(t)
			f.Handlers["/token"] = handler
			client := f.client()
			client.Auth = oidc.ClientSecretPost(secret)
			_, err := client.Token(context.Background(), oidc.RefreshToken("old"))
			if err == nil || strings.Contains(err.Error(), spelled) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s, %s: %v", place, name, err)
			}
		}
	}
}
