package oidc

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// What others send is read without falling over, and what is accepted is what
// it seems.

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://op.example","token_endpoint":"https://op.example/token","jwks_uri":"https://op.example/jwks","authorization_endpoint":"https://op.example/auth"}`))
	f.Add([]byte(`{"issuer":"https://op.example","token_endpoint":"javascript:alert(1)","mtls_endpoint_aliases":{"token_endpoint":"http://x"}}`))
	f.Add([]byte(`{"issuer":"https://op.example/","scopes_supported":"openid","jwks_uri":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		p := &Provider{URL: "https://op.example/.well-known/openid-configuration", Raw: data}
		if p.decode(doc) != nil {
			return
		}
		if check.Run(discoveryRules, discoveryInput{Provider: p, Issuer: "https://op.example", OpenID: true}).Err() != nil {
			return
		}
		for _, u := range []string{p.TokenEndpoint, p.JWKSURI, p.UserInfoEndpoint, p.AuthorizationEndpoint, p.MTLSEndpointAliases["token_endpoint"]} {
			if u != "" && !strings.HasPrefix(strings.ToLower(u), "https://") && !strings.HasPrefix(strings.ToLower(u), "http://") {
				t.Fatalf("accepted the endpoint %q", u)
			}
		}
		if p.Issuer != "https://op.example" {
			t.Fatalf("accepted the issuer %q", p.Issuer)
		}
	})
}

func FuzzUserInfo(f *testing.F) {
	f.Add("application/json", []byte(`{"sub":"u","name":"\u001b[31m","big":9007199254740993}`))
	f.Add("application/json", []byte(`{"sub":null,"SUB":"u"}`))
	f.Add("application/jwt", []byte("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0."))
	f.Add("application/jwt; charset=x", []byte("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"))
	client := &Client{ID: "cli", Provider: &Provider{Issuer: "https://op.example"}} // without jwks_uri: nothing is fetched
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		in := client.userInfoInput(&Tokens{IDToken: &IDToken{Claims: Claims{Subject: "u"}}})
		answer := &response{endpoint: userInfoEndpoint, status: http.StatusOK, header: http.Header{"Content-Type": {mediaType}}, body: body}
		info, err := client.readUserInfo(context.Background(), answer, &in)
		if err != nil {
			return
		}
		if check.Run(userInfoRules, in).Err() != nil {
			return
		}
		doc, err := strictjson.Parse(info.JSON)
		if err != nil {
			t.Fatalf("accepted %q", body)
		}
		if sub, err := doc.String("sub"); err != nil || sub != "u" || info.Header != nil {
			t.Fatalf("accepted %q: sub %q, %v", body, sub, err)
		}
	})
}

func FuzzIDTokenRules(f *testing.F) {
	f.Add([]byte(`{"iss":"https://op.example","sub":"u","aud":["cli","api"],"azp":"cli","exp":1893593100,"iat":1893592800,"nonce":"n1","acr":"high","amr":["otp"],"auth_time":1893592800}`))
	f.Add([]byte(`{"iss":"https://op.example","sub":"u","aud":[["cli"]],"exp":1e400,"iat":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		in := goodIDToken(t)()
		in.Claims, _ = readClaims(doc)
		if check.Run(idTokenRules, in).Err() != nil {
			return
		}
		c := in.Claims
		if c.Issuer != "https://op.example" || c.Subject == "" || c.Nonce != "n1" || !c.Expiry.Add(in.Policy.tolerance()).After(in.Now) {
			t.Fatalf("accepted %s", data)
		}
	})
}
