package oidc

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
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
		if check.Run(
			discoveryRules, discoveryInput{Provider: p, Issuer: "https://op.example"},
		).Err() != nil {
			return
		}
		for _, u := range []string{
			p.TokenEndpoint, p.JWKSURI, p.UserInfoEndpoint, p.AuthorizationEndpoint,
			p.MTLSEndpointAliases["token_endpoint"],
		} {
			if u != "" && !strings.HasPrefix(strings.ToLower(u), "https://") &&
				!strings.HasPrefix(strings.ToLower(u), "http://") {
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
	f.Add("application/jwt; charset=x",
		[]byte("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"))
	// without jwks_uri: nothing is fetched
	client := &Client{ID: "cli", Provider: &Provider{Issuer: "https://op.example"}}
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		in := client.userInfoInput(&Tokens{IDToken: &IDToken{StandardClaims: StandardClaims{Subject: "u"}}})
		answer := &response{
			endpoint: userInfoEndpoint, status: http.StatusOK, header: http.Header{"Content-Type": {mediaType}},
			body: body,
		}
		info, err := client.readUserInfo(context.Background(), answer, &in)
		if err != nil {
			return
		}
		if check.Run(userInfoRules, &in).Err() != nil {
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
		if check.Run(idTokenRules, &in).Err() != nil {
			return
		}
		c := in.Claims
		if c.Issuer != "https://op.example" || c.Subject == "" || c.Nonce != "n1" ||
			!c.Expiry.Add(in.Policy.tolerance()).After(in.Now) {
			t.Fatalf("accepted %s", data)
		}
	})
}

// tokenSeeds are JWTs, or nearly.
var tokenSeeds = []string{
	"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwiZXhwIjoxZTE5fQ.AA",
	"eyJhbGciOiJub25lIn0.eyJldmVudHMiOnsiaHR0cDovL3NjaGVtYXMub3BlbmlkLm5ldC9ldmVudC9iYWNrY2hhbm5lbC1sb2dvdXQiOnt9fX0.",
	"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA", "...", "",
}

// Nothing that nobody signed is accepted, as whatever it comes.
func FuzzSignedThings(f *testing.F) {
	for _, seed := range tokenSeeds {
		f.Add(seed)
	}
	// without jwks_uri: nothing is fetched
	client := &Client{ID: "cli", Provider: &Provider{Issuer: "https://op.example"}}
	f.Fuzz(func(t *testing.T, raw string) {
		if token, err := client.VerifyLogoutToken(context.Background(), raw, LogoutExpectation{}); err == nil ||
			token.Verified {
			t.Fatalf("accepted the logout token %q", raw)
		}
		if token, err := client.VerifyJARM(context.Background(), raw); err == nil || token.Verified {
			t.Fatalf("accepted the response %q", raw)
		}
		if token, err := client.VerifyJWT(context.Background(), raw); err == nil || token.Verified {
			t.Fatalf("accepted the token %q", raw)
		}
		login := &Login{State: "s", Request: AuthorizationRequest{ResponseMode: "query.jwt"}}
		response := url.Values{"response": {raw}}
		client.Matches(login, response)
		if _, err := client.Exchange(context.Background(), login, response); err == nil {
			t.Fatalf("redeemed %q", raw)
		}
	})
}

// No authorization response is accepted but that of the login.
func FuzzAuthorizationResponse(f *testing.F) {
	f.Add("code=c&state=s&iss=https%3A%2F%2Fop.example", "code")
	f.Add("error=access_denied&state=s", "code id_token")
	f.Add("id_token=a.b.c&state=s", "id_token")
	client := &Client{ID: "cli", Provider: &Provider{Issuer: "https://op.example", AuthorizationResponseIss: true}}
	f.Fuzz(func(t *testing.T, query, responseType string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		login := &Login{State: "the-state", Request: AuthorizationRequest{ResponseType: responseType}}
		if _, err := client.Exchange(context.Background(), login, values); err == nil {
			t.Fatalf("accepted %q", query)
		}
		if client.Matches(login, values) && values.Get("state") != "the-state" {
			t.Fatalf("taken for an answer: %q", query)
		}
	})
}

// Answers of the endpoints that are asked directly are judged without falling over,
// and what is accepted can be used.
func FuzzDirectAnswers(f *testing.F) {
	f.Add([]byte(`{"device_code":"d","user_code":"A","verification_uri":"https://op.example/d","verification_uri_complete":"https://op.example/d?c=A","expires_in":60,"interval":5}`))
	f.Add([]byte(`{"auth_req_id":"r","expires_in":1e400,"interval":-1}`))
	f.Add([]byte(`{"client_id":"c","client_secret":"s","client_secret_expires_at":0,"registration_client_uri":"javascript:1","registration_access_token":"r"}`))
	f.Add([]byte(`{"resource":"https://api.example/","authorization_servers":["http://x"]}`))
	f.Add([]byte(`{"request_uri":"urn:x","expires_in":"60"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		if check.Run(deviceAuthorizationRules, deviceAuthorizationInput{doc}).Err() == nil {
			uri, _ := doc.String("verification_uri")
			if complete, _ := doc.String("verification_uri_complete"); !wire.SecureURL(uri) ||
				complete != "" && !wire.SecureURL(complete) {
				t.Fatalf("a URI that is none: %s", data)
			}
		}
		if every := interval(doc); every < time.Second || every > 5*time.Minute {
			t.Fatalf("an interval of %s", every)
		}
		check.Run(backchannelAuthenticationRules, backchannelInput{doc})
		check.Run(pushedAuthorizationRules, pushedAuthorizationInput{doc})
		if check.Run(registrationRules, registrationInput{Response: doc, Provider: &Provider{}}).Err() == nil {
			if r := registrationOf(doc, Registration{}); r.ClientID == "" || r.URI != "" && !wire.SecureURL(r.URI) {
				t.Fatalf("a registration that cannot be used: %s", data)
			}
		}
		if check.Run(protectedResourceRules, protectedResourceInput{doc, "https://api.example/"}).Err() == nil {
			if resource, _ := doc.String("resource"); resource != "https://api.example/" {
				t.Fatalf("another resource: %s", data)
			}
		}
	})
}
