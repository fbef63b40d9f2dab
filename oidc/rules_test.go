package oidc

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// testTable holds a rule table to its contract: the good input breaks nothing,
// every rule has a fault, and each fault breaks its rule and no other.
// Of several maps of faults, those for rules of other tables are passed over.
func testTable[In any](
	t *testing.T, rules []check.Rule[In], good func() In, faults map[string]func(*In), perhaps ...map[string]func(*In),
) {
	t.Helper()
	for _, more := range perhaps {
		for id, spoil := range more {
			if slices.ContainsFunc(rules, func(r check.Rule[In]) bool { return r.ID == id }) {
				faults[id] = spoil
			}
		}
	}
	if !check.Hold(rules, good()) {
		t.Error("good input does not hold")
	}
	for _, r := range check.Run(rules, good()) {
		if !r.Held() {
			t.Errorf("good input: %s: %s, want %q, got %q", r.ID, r.Outcome, r.Want, r.Got)
		}
	}
	left := maps.Clone(faults)
	seen := map[string]bool{}
	for _, rule := range rules {
		if seen[rule.ID] || rule.ID == "" || rule.Text == "" || rule.Spec.Doc == "" || rule.Level == "" {
			t.Errorf("rule %q is a duplicate or incomplete", rule.ID)
		}
		seen[rule.ID] = true
		spoil, ok := faults[rule.ID]
		if !ok {
			t.Errorf("no fault breaks the rule %s", rule.ID)
			continue
		}
		delete(left, rule.ID)
		in := good()
		spoil(&in)
		for _, r := range check.Run(rules, in) {
			if want := r.ID == rule.ID; !r.Held() != want {
				t.Errorf("fault of %s: %s: %s, want %q, got %q, note %q", rule.ID, r.ID, r.Outcome, r.Want, r.Got,
					r.Note)
			}
		}
		if check.Hold(rules, in) != (rule.Level != check.Must) {
			t.Errorf("fault of %s: not noticed where no results are kept", rule.ID)
		}
	}
	for id := range left {
		t.Errorf("a fault for %s, which is no rule", id)
	}
}

// byValue are the rules of an input that is large, and given by reference.
func byValue[In any](rules []check.Rule[*In]) []check.Rule[In] {
	return of(func(in In) *In { return &in }, rules)
}

func object(t *testing.T, json string) *strictjson.Object {
	t.Helper()
	o, err := strictjson.Parse([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func claims(t *testing.T, json string) claimSet {
	t.Helper()
	c, _ := readClaims(object(t, json))
	return c
}

// with is a set of claims where one more is there.
func with(t *testing.T, c claimSet, name string) claimSet {
	t.Helper()
	there := c.there
	c.there = func(n string) bool { return n == name || there(n) }
	return c
}

// without is a set of claims where one is not there.
func without(c claimSet, name string) claimSet {
	there := c.there
	c.there = func(n string) bool { return n != name && there(n) }
	return c
}

func TestDiscoveryRules(t *testing.T) {
	t.Parallel()
	good := func() discoveryInput {
		return discoveryInput{
			Issuer: "https://op.example",
			Provider: &Provider{
				Issuer: "https://op.example", TokenEndpoint: "https://op.example/token",
				JWKSURI:               "https://op.example/jwks",
				AuthorizationEndpoint: "https://op.example/auth", UserInfoEndpoint: "https://op.example/userinfo",
				ResponseTypesSupported: []string{"code"}, SubjectTypesSupported: []string{"public"},
				IDTokenSigningAlgorithms: []string{"ES256", "RS256"}, ScopesSupported: []string{"openid"},
				CodeChallengeMethods: []string{"S256"},
			},
		}
	}
	testTable(t, discoveryRules, good, map[string]func(*discoveryInput){
		"discovery.tls":          func(in *discoveryInput) { in.TLSUnverified = true },
		"discovery.issuer_named": func(in *discoveryInput) { in.Provider.Issuer = "" },
		"discovery.issuer":       func(in *discoveryInput) { in.Provider.Issuer += "INVALID" }, // D03
		"discovery.endpoint_urls": func(in *discoveryInput) {
			in.Provider.UserInfoEndpoint = "http://op.example/userinfo"
		},
		"discovery.unused": func(in *discoveryInput) {
			in.Uses, in.Provider.UserInfoEndpoint = []string{"token_endpoint"}, "http://op.example/userinfo"
		},
		"discovery.token_endpoint": func(in *discoveryInput) { in.Provider.TokenEndpoint = "" },
		"discovery.jwks_uri":       func(in *discoveryInput) { in.Provider.JWKSURI = "" },
		"discovery.authorization_endpoint": func(in *discoveryInput) {
			in.Provider.AuthorizationEndpoint = ""
			in.Provider.CodeChallengeMethods = nil
		},
		"discovery.response_types_supported": func(in *discoveryInput) {
			in.Provider.ResponseTypesSupported = nil
		},
		"discovery.subject_types_supported": func(in *discoveryInput) {
			in.Provider.SubjectTypesSupported = nil
		},
		"discovery.id_token_signing_alg_values_supported": func(in *discoveryInput) {
			in.Provider.IDTokenSigningAlgorithms = []string{"ES256"}
		},
		"discovery.scopes_supported": func(in *discoveryInput) {
			in.Provider.ScopesSupported = []string{"email"}
		},
		// H35
		"discovery.endpoint_hosts": func(in *discoveryInput) {
			in.Provider.TokenEndpoint = "https://elsewhere.example/token"
		},
		"discovery.pkce": func(in *discoveryInput) {
			in.Provider.CodeChallengeMethods = []string{"plain"}
		},
	})
}

// H08: what is not https, or says more than a place, is not an endpoint.
func TestEndpointURLs(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://op.example/token":            true,
		"https://op.example/token?tenant=1":   true,
		"http://localhost:8080/token":         true,
		"http://127.0.0.1/token":              true,
		"http://[::1]:80/token":               true,
		"http://op.example/token":             false,
		"http://127.0.0.1.evil.example/token": false,
		"http://localhost.evil.example/":      false,
		"file:///etc/passwd":                  false,
		"javascript:alert(1)":                 false,
		"https://user@op.example/":            false,
		"https://op.example/#fragment":        false,
		"/token":                              false,
		"//op.example/token":                  false,
		"https://":                            false,
		"https://:443/":                       false,
		"https:op.example":                    false,
		"https://op.example/\x00":             false,
	} {
		p := &Provider{TokenEndpoint: raw}
		if got := len(discoveryInput{Provider: p}.insecure(true)) == 0; got != ok {
			t.Errorf("%q: usable = %v", raw, got)
		}
	}
}

func TestTokenResponseRules(t *testing.T) {
	t.Parallel()
	const goodJSON = `{"access_token":"at","token_type":"bEARER","expires_in":"3600","refresh_token":"rt","id_token":"a.b.c","scope":"openid"}`
	with := func(json string) func(*tokenResponseInput) {
		return func(in *tokenResponseInput) { in.Response = object(t, json) }
	}
	good := func() tokenResponseInput { return tokenResponseInput{Response: object(t, goodJSON), Now: noon} }
	testTable(t, tokenResponseRules, good, map[string]func(*tokenResponseInput){
		"token_response.access_token":  with(`{"access_token":"a\u0007t","token_type":"Bearer"}`),
		"token_response.token_type":    with(`{"access_token":"at","token_type":"mac"}`),
		"token_response.expires_in":    with(`{"access_token":"at","token_type":"Bearer","expires_in":"soon"}`),
		"token_response.lifetime":      with(`{"access_token":"at","token_type":"Bearer","expires_in":0}`),
		"token_response.refresh_token": with(`{"access_token":"at","token_type":"Bearer","refresh_token":7}`),
		"token_response.id_token":      with(`{"access_token":"at","token_type":"Bearer","id_token":{}}`),
		"token_response.scope":         with(`{"access_token":"at","token_type":"Bearer","scope":["openid"]}`),
		// V64
		"token_response.dpop": func(in *tokenResponseInput) { in.Bound = true },
		// V99
		"token_response.issued_token_type": func(in *tokenResponseInput) { in.Exchange = true },
		// V92
		"token_response.authorization_details": with(`{"access_token":"at","token_type":"Bearer","authorization_details":[{"type":""}]}`),
		"token_response.authorization_details_granted": func(in *tokenResponseInput) {
			in.Details = `[{"type":"payment"}]`
		},
	})
	for name, c := range map[string]struct {
		in tokenResponseInput
		ok bool
	}{
		"DPoP, in any case (F04)": {
			tokenResponseInput{Bound: true, Response: object(t, `{"access_token":"at","token_type":"dpOp"}`)}, true,
		},
		"N_A without an exchange": {
			tokenResponseInput{Response: object(t, `{"access_token":"at","token_type":"N_A"}`)}, false,
		},
		"N_A for an ID Token": {
			tokenResponseInput{
				Exchange: true,
				Response: object(t,
					`{"access_token":"at","token_type":"N_A","issued_token_type":"`+TokenTypeIDToken+`"}`),
			},
			true,
		},
		"N_A for an access token": {
			tokenResponseInput{
				Exchange: true,
				Response: object(t,
					`{"access_token":"at","token_type":"N_A","issued_token_type":"`+TokenTypeAccessToken+`"}`),
			},
			false,
		},
		"details of a type not asked": {
			tokenResponseInput{
				Details: `[{"type":"a"}]`,
				Response: object(t,
					`{"access_token":"at","token_type":"Bearer","authorization_details":[{"type":"b"}]}`),
			}, true,
		},
		"details that are no list": {
			tokenResponseInput{Response: object(t,
				`{"access_token":"at","token_type":"Bearer","authorization_details":{"type":"b"}}`)}, false,
		},
		"details that are null": {
			tokenResponseInput{Response: object(t,
				`{"access_token":"at","token_type":"Bearer","authorization_details":null}`)}, true,
		},
		"refresh_token of spaces": {
			tokenResponseInput{Response: object(t,
				`{"access_token":"at","token_type":"Bearer","refresh_token":" a b "}`)}, true,
		},
		"access_token with a space": {
			tokenResponseInput{Response: object(t, `{"access_token":"a t","token_type":"Bearer"}`)}, true,
		},
		"empty refresh_token": {
			tokenResponseInput{Response: object(t, `{"access_token":"at","token_type":"Bearer","refresh_token":""}`)},
			true,
		},
		"details as they were asked for": {
			tokenResponseInput{
				Details: `[{"type":"a"}]`,
				Response: object(t,
					`{"access_token":"at","token_type":"Bearer","authorization_details":[{"type":"a","n":1}]}`),
			}, true,
		},
	} {
		if err := check.Run(tokenResponseRules, c.in).Err(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, r := range check.Run(tokenResponseRules,
		tokenResponseInput{Details: `[]`, Response: object(t, `{"access_token":"at","token_type":"Bearer"}`)}) {
		if r.ID == "token_response.authorization_details_granted" && r.Outcome != check.NotApplicable {
			t.Errorf("no details were asked for: %s, want %s, got %s", r.Outcome, r.Want, r.Got)
		}
	}
	for name, json := range map[string]string{
		"no access_token":      `{"token_type":"Bearer"}`,
		"null access_token":    `{"access_token":null,"token_type":"Bearer"}`,
		"empty access_token":   `{"access_token":"","token_type":"Bearer"}`,
		"no token_type":        `{"access_token":"at"}`,
		"token_type DPoP":      `{"access_token":"at","token_type":"DPoP"}`,
		"refresh_token, break": `{"access_token":"at","token_type":"Bearer","refresh_token":"a\nb"}`,
		"refresh_token, é":     `{"access_token":"at","token_type":"Bearer","refresh_token":"é"}`,
		"refresh_token, list":  `{"access_token":"at","token_type":"Bearer","refresh_token":["r"]}`,
		"expires_in array":     `{"access_token":"at","token_type":"Bearer","expires_in":[1]}`,
		"expires_in true":      `{"access_token":"at","token_type":"Bearer","expires_in":true}`,
		"expires_in infinity":  `{"access_token":"at","token_type":"Bearer","expires_in":"infinity"}`,
		"expires_in NaN":       `{"access_token":"at","token_type":"Bearer","expires_in":"NaN"}`,
	} {
		if check.Run(tokenResponseRules, tokenResponseInput{Response: object(t, json)}).Err() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// H17: what providers put into expires_in.
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	const tenYears = 10 * 365 * 24 * time.Hour
	for value, want := range map[string]time.Duration{
		`3600`: time.Hour, `"3600"`: time.Hour, `3599.5`: 3599500 * time.Millisecond, `-1`: -time.Second, `0`: 0,
		`1e19`: tenYears, `9223372037`: tenYears, `"1e400"`: tenYears, `-1e30`: -tenYears,
	} {
		got, ok, err := expiresIn(object(t, fmt.Sprintf(`{"expires_in":%s}`, value)))
		if got != want || !ok || err != nil {
			t.Errorf("%s: %v, %v, %v", value, got, ok, err)
		}
	}
	if _, ok, err := expiresIn(object(t, `{"expires_in":null}`)); ok || err != nil {
		t.Errorf("null: %v, %v", ok, err)
	}
}

func goodIDToken(t *testing.T) func() idTokenInput {
	hour := time.Hour
	return func() idTokenInput {
		hash := func(of string) string { h, _ := leftHalfHash("RS256", of); return h }
		return idTokenInput{
			Present: true,
			jwtInput: jwtInput{
				Issuer: "https://op.example", ClientID: "cli", Algorithms: newAlgorithms("RS256", "HS256"), Now: noon,
				Tolerance: time.Minute,
				jwt:       &jose.JWT{Algorithm: "RS256", KeyID: "k", Type: "JWT"},
				Claims: claims(t,
					fmt.Sprintf(`{"iss":"https://op.example","sub":"u","aud":["cli","api"],"azp":"cli","nonce":"n1",
				"exp":%d,"iat":%d,"nbf":%d,"auth_time":%d.5,"acr":"high","amr":["pwd","otp"],"at_hash":%q,"c_hash":%q,"s_hash":%q}`,
						noon.Unix()+300, noon.Unix(), noon.Unix(), noon.Unix()-60, hash("at"), hash("c"), hash("s"))),
			},
			Policy: &Policy{
				MaxIDTokenAge: time.Hour, RequireIDToken: true, TrustedAudiences: []string{"api"},
				ACRValues: []string{"high"},
				AMRValues: []string{"hwk", "otp"}, MaxAge: &hour,
			},
			Expect: Expectation{Nonce: "n1", ACRValues: []string{"higher", "high"}}, AccessToken: "at",
			Front: frontChannel{came: true, code: "c", state: "s"},
		}
	}
}

func TestIDTokenRules(t *testing.T) {
	t.Parallel()
	type in = idTokenInput
	claimed := func(change func(*claimSet)) func(*in) {
		return func(i *in) { change(&i.Claims) }
	}
	header := func(change func(*jose.JWT)) func(*in) {
		return func(i *in) { jwt := *i.jwt; change(&jwt); i.jwt = &jwt }
	}
	testTable(t, byValue(idTokenRules), goodIDToken(t), map[string]func(*in){
		"id_token.present": func(i *in) { i.Present = false },
		// J19
		"id_token.encryption": func(i *in) {
			i.Envelope = envelope{encrypted: true, sealed: true, err: jose.ErrEncrypted}
		},
		"id_token.decryption": func(i *in) {
			i.Encrypted, i.Encryption = true, []string{"RSA-OAEP"}
			i.Envelope = envelope{encrypted: true, sealed: true, err: errors.New("it does not decrypt")}
		},
		"id_token.readable": func(i *in) { i.Envelope.err = errors.New("not a JWT") },
		"id_token.kind":     func(i *in) { i.Claims = with(t, i.Claims, "events") }, // J16
		"id_token.not_access_token": func(i *in) {
			i.Expect.Nonce, i.AccessToken, i.Front = "", "", frontChannel{}
			i.Claims = with(t, without(without(without(i.Claims, "nonce"), "at_hash"), "c_hash"), "scope")
		},
		"id_token.typ":         header(func(j *jose.JWT) { j.Type = "at+jwt" }),                     // J16
		"id_token.iss":         claimed(func(c *claimSet) { c.Issuer += "1" }),                      // C09
		"id_token.aud":         claimed(func(c *claimSet) { c.Audience = []string{"cli1"} }),        // C10
		"id_token.aud_trusted": claimed(func(c *claimSet) { c.Audience = []string{"cli", "cli1"} }), // F17
		"id_token.azp":         claimed(func(c *claimSet) { c.AuthorizedParty = "api" }),
		"id_token.signature":   func(i *in) { i.Signature = errors.New("the signature does not match") }, // C06
		// J01
		"id_token.alg_none": func(i *in) {
			i.jwt = &jose.JWT{Algorithm: "none"}
			i.AccessToken = ""
			i.Front = frontChannel{}
		},
		// F24
		"id_token.alg": func(i *in) { i.Algorithms = newAlgorithms("ES256") },
		"id_token.mac": func(i *in) { i.jwt = &jose.JWT{Algorithm: "HS256"} },
		"id_token.exp": claimed(func(c *claimSet) { c.Expiry = noon.Add(-6 * time.Minute) }), // F18
		"id_token.iat": claimed(func(c *claimSet) { c.IssuedAt = noon.Add(6 * time.Minute) }),
		// K25
		"id_token.iat_age": func(i *in) {
			i.Policy.MaxIDTokenAge, i.Claims.IssuedAt = 0, noon.Add(-7*24*time.Hour)
		},
		"id_token.max_iat_age": claimed(func(c *claimSet) {
			c.IssuedAt = noon.Add(-time.Hour - time.Minute - time.Second)
		}),
		"id_token.nbf":       claimed(func(c *claimSet) { c.NotBefore = noon.Add(6 * time.Minute) }),
		"id_token.sub":       claimed(func(c *claimSet) { c.Subject = "" }), // C13
		"id_token.nonce":     claimed(func(c *claimSet) { c.Nonce += "1" }), // C14
		"id_token.acr":       func(i *in) { i.Policy.ACRValues = []string{"higher"} },
		"id_token.auth_time": claimed(func(c *claimSet) { c.AuthTime = noon.Add(-2 * time.Hour) }),
		// C18
		"id_token.at_hash": claimed(func(c *claimSet) { c.atHash += "1" }),
		// C20
		"id_token.c_hash": claimed(func(c *claimSet) { c.cHash += "1" }),
		// A11
		"id_token.s_hash": claimed(func(c *claimSet) { c.sHash += "1" }),
		// V20
		"id_token.essential": func(i *in) {
			i.Expect.Claims = `{"id_token":{"email":{"essential":true},"acr":{"essential":true}}}`
		},
		"id_token.acr_requested": func(i *in) { i.Expect.ACRValues = []string{"higher"} },
		"id_token.amr_type":      claimed(func(c *claimSet) { c.AMR = []string{"otp"}; c.stringAMR = true }),
		"id_token.amr":           claimed(func(c *claimSet) { c.AMR = []string{"pwd"} }),
	})
}

// Absent, empty and mistyped claims fail their rule and do not slip through:
// C11, C12, C13, J17, J18, F14, F16, F19.
func TestIDTokenClaimsAbsentOrMistyped(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"iss": `"https://op.example"`, "sub": `"u"`, "aud": `"cli"`, "nonce": `"n1"`, "acr": `"high"`, "amr": `["otp"]`,
		"exp": fmt.Sprint(noon.Unix() + 300), "iat": fmt.Sprint(noon.Unix()), "auth_time": fmt.Sprint(noon.Unix()),
	}
	judge := func(name, value string) check.Results {
		json := "{"
		for k, v := range base {
			if k == name {
				v = value
			}
			if v != "" {
				json += fmt.Sprintf("%q:%s,", k, v)
			}
		}
		if _, ok := base[name]; !ok && name != "" {
			json += fmt.Sprintf("%q:%s,", name, value)
		}
		in := goodIDToken(t)()
		in.Claims, in.Front = claims(t, json[:len(json)-1]+"}"), frontChannel{}
		return check.Run(idTokenRules, &in)
	}
	if err := judge("", "").Err(); err != nil {
		t.Fatalf("good token: %v", err)
	}
	for _, name := range []string{"iss", "sub", "aud", "nonce", "acr", "amr", "exp", "iat", "auth_time"} {
		if judge(name, "").Err() == nil {
			t.Errorf("no %s: accepted", name)
		}
	}
	times := []string{`1e19`, `1e400`, `-1`, `"123"`, `null`, `true`, `[]`, `{}`}
	texts := []string{`null`, `1`, `["https://op.example"]`, `{}`, `true`, `""`}
	for name, values := range map[string][]string{
		"exp": times, "iat": times, "auth_time": times,
		"iss": texts, "sub": texts, "nonce": texts, "acr": texts,
		"aud": {`[]`, `""`, `[""]`, `[null]`, `[["cli"]]`, `{"cli":1}`, `1`, `null`, `["cli",1]`, `"CLI"`, `["cli1"]`},
		"amr": {`[]`, `""`, `[null]`, `[["otp"]]`, `{"otp":1}`, `"otp"`, `["OTP"]`, `["otp",1]`},
		"nbf": {`1e19`, `"1"`, `[]`}, "azp": {`""`, `["cli"]`, `1`}, "at_hash": {`""`, `1`, `["x"]`},
	} {
		for _, value := range values {
			if judge(name, value).Err() == nil {
				t.Errorf("%s = %s: accepted", name, value)
			}
		}
	}
	if err := judge("exp", fmt.Sprintf("%d.75", noon.Unix()+300)).Err(); err != nil {
		t.Errorf("a fraction of a second: %v", err)
	}
}

func TestClockTolerance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tolerance time.Duration
		late      time.Duration // of now, past exp
		held      bool
	}{
		{0, 59 * time.Second, true},
		{0, 60 * time.Second, false},
		{-1, 0, false},
		{-1, -time.Second, true},
		{5 * time.Minute, 299 * time.Second, true},
		{5 * time.Minute, 300 * time.Second, false},
	} {
		in := goodIDToken(t)()
		in.Tolerance = Policy{ClockTolerance: c.tolerance}.tolerance()
		in.Claims.Expiry = in.Now.Add(-c.late)
		i := slices.IndexFunc(idTokenRules, func(r check.Rule[*idTokenInput]) bool { return r.ID == "id_token.exp" })
		if v := idTokenRules[i].Eval(&in); (v.Outcome == check.Pass) != c.held {
			t.Errorf("tolerance %v, %v after exp: %s", c.tolerance, c.late, v.Outcome)
		}
	}
}

// A policy about the ID Token is not met by there being none.
func TestNoIDTokenFailsWhatNeedsOne(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	for name, c := range map[string]struct {
		policy Policy
		expect Expectation
		held   bool
	}{
		"refresh":                  {Policy{}, Expectation{Refreshed: true}, true},
		"plain OAuth":              {Policy{}, Expectation{Optional: true}, true},
		"login":                    {Policy{}, Expectation{}, false},
		"refresh, required":        {Policy{RequireIDToken: true}, Expectation{Refreshed: true}, false},
		"refresh, amr_list":        {Policy{AMRValues: []string{"otp"}}, Expectation{Refreshed: true}, false},
		"refresh, acr_list":        {Policy{ACRValues: []string{"high"}}, Expectation{Refreshed: true}, false},
		"refresh, max_age":         {Policy{MaxAge: &hour}, Expectation{Refreshed: true}, false},
		"plain OAuth and required": {Policy{RequireIDToken: true}, Expectation{Optional: true}, false},
	} {
		in := idTokenInput{jwtInput: jwtInput{Now: noon}, Policy: &c.policy, Expect: c.expect}
		if got := check.Run(idTokenRules, &in).Err() == nil; got != c.held {
			t.Errorf("%s: held = %v", name, got)
		}
	}
}

func TestRefreshRules(t *testing.T) {
	t.Parallel()
	previous := fmt.Sprintf(`{"iss":"https://op.example","sub":"u","aud":["a","b"],"azp":"a","iat":%d,"auth_time":%d,"nonce":"n"}`, noon.Unix()-3600, noon.Unix()-3600)
	now := fmt.Sprintf(`{"iss":"https://op.example","sub":"u","aud":["b","a"],"azp":"a","iat":%d,"auth_time":%d}`,
		noon.Unix(), noon.Unix()-3600)
	good := func() refreshInput {
		before := claims(t, previous)
		return refreshInput{Refreshed: true, Claims: claims(t, now), Previous: &before, Tolerance: time.Minute}
	}
	claimed := func(change func(*claimSet)) func(*refreshInput) {
		return func(in *refreshInput) { change(&in.Claims) }
	}
	nonce := func(value string) func(*refreshInput) {
		return func(in *refreshInput) {
			in.Claims = claims(t, now[:len(now)-1]+fmt.Sprintf(`,"nonce":%q}`, value))
		}
	}
	testTable(t, refreshRules, good, map[string]func(*refreshInput){
		"refresh.iss":          claimed(func(c *claimSet) { c.Issuer += "1" }),  // C34
		"refresh.sub":          claimed(func(c *claimSet) { c.Subject += "1" }), // C35
		"refresh.iat":          claimed(func(c *claimSet) { c.IssuedAt = time.Time{} }),
		"refresh.aud":          claimed(func(c *claimSet) { c.Audience = nil }),
		"refresh.auth_time":    claimed(func(c *claimSet) { c.AuthTime = noon }),
		"refresh.azp":          claimed(func(c *claimSet) { c.AuthorizedParty = "b" }),
		"refresh.nonce":        nonce("m"),
		"refresh.nonce_absent": nonce("n"),
	})
}

// goodJWT is a JWT of a kind with these claims.
func goodJWT(t *testing.T, typ, json string) jwtInput {
	t.Helper()
	return jwtInput{
		Claims: claims(t, json), Issuer: "https://op.example", ClientID: "cli", Algorithms: newAlgorithms("RS256"),
		Now: noon,
		jwt: &jose.JWT{Algorithm: "RS256", Type: typ, Claims: object(t, json)},
	}
}

func TestJWTTokenRules(t *testing.T) {
	t.Parallel()
	good := func(kind string) func() accessTokenInput {
		typ := map[string]string{"access_token": "application/at+jwt", "refresh_token": "JWT"}[kind]
		return func() accessTokenInput {
			in := accessTokenInput{jwtInput: goodJWT(t, typ,
				fmt.Sprintf(`{"iss":"https://op.example","exp":%d,"nbf":%d,"iat":%d,"aud":"api","sub":"u",
				"client_id":"cli","jti":"1","scope":"read write","cnf":{"jkt":"tp"}}`, noon.Unix()+300, noon.Unix(), noon.Unix()))}
			in.Thumbprint, in.JKT, in.Expect = "tp", "tp", AccessTokenExpectation{
				Audience: []string{"other", "api"}, Scope: []string{"write"},
			}
			return in
		}
	}
	for kind, rules := range map[string][]check.Rule[*accessTokenInput]{
		"access_token": accessTokenRules, "refresh_token": refreshTokenRules,
	} {
		testTable(t, byValue(rules), good(kind), map[string]func(*accessTokenInput){
			kind + ".readable": func(in *accessTokenInput) { in.Envelope.err, in.jwt = errors.New("not a JWT"), nil },
			kind + ".signature": func(in *accessTokenInput) {
				in.Signature = errors.New("the signature does not match")
			},
			kind + ".alg_none": func(in *accessTokenInput) { in.jwt.Algorithm = "nOnE" },
			kind + ".alg":      func(in *accessTokenInput) { in.jwt.Algorithm = "ES256" },
			kind + ".iss":      func(in *accessTokenInput) { in.Claims.Issuer += "1" },
			kind + ".exp":      func(in *accessTokenInput) { in.Claims.Expiry = noon },
			kind + ".nbf":      func(in *accessTokenInput) { in.Claims.NotBefore = noon.Add(time.Hour) },
			kind + ".typ":      func(in *accessTokenInput) { in.jwt.Type = "logout+jwt" },
			kind + ".kind":     func(in *accessTokenInput) { in.Claims = with(t, in.Claims, "events") },
		}, map[string]func(*accessTokenInput){
			"access_token.not_id_token": func(in *accessTokenInput) {
				in.jwt.Type, in.Expect.Scope = "JWT", nil
				in.Claims = with(t, without(without(in.Claims, "client_id"), "scope"), "nonce")
			},
			"access_token.aud":        func(in *accessTokenInput) { in.Claims.Audience = []string{"another"} },
			"access_token.scope":      func(in *accessTokenInput) { in.Expect.Scope = []string{"read", "admin"} },
			"access_token.claims":     func(in *accessTokenInput) { in.Claims = without(in.Claims, "jti") },
			"access_token.client_id":  func(in *accessTokenInput) { in.Claims.clientID += "1" },
			"access_token.iat":        func(in *accessTokenInput) { in.Claims.IssuedAt = noon.Add(time.Hour) },
			"access_token.cnf":        func(in *accessTokenInput) { in.Thumbprint += "1" },
			"access_token.possession": func(in *accessTokenInput) { in.JKT = "" },
			"access_token.required": func(in *accessTokenInput) {
				in.jwt.Type, in.Claims = "JWT", without(in.Claims, "exp")
			},
		})
	}
}

func TestUserInfoRules(t *testing.T) {
	t.Parallel()
	good := func() userInfoInput {
		return userInfoInput{
			jwtInput: goodJWT(t, "JWT", `{"sub":"u","iss":"https://op.example","aud":"cli"}`),
			Subject:  "u", Signing: "RS256",
		}
	}
	testTable(t, byValue(userInfoRules), good, map[string]func(*userInfoInput){
		"userinfo.encryption": func(in *userInfoInput) { in.Encrypted, in.Encryption = true, []string{"RSA-OAEP"} },
		"userinfo.decryption": func(in *userInfoInput) {
			in.Encryption = []string{"RSA-OAEP"}
			in.Envelope = envelope{encrypted: true, sealed: true, err: errors.New("it does not decrypt")}
		},
		"userinfo.readable": func(in *userInfoInput) { in.Envelope.err = errors.New("not a JWT") },
		"userinfo.signed":   func(in *userInfoInput) { in.Signing = "ES256" },
		"userinfo.typ":      func(in *userInfoInput) { in.jwt.Type = "at+jwt" },
		"userinfo.kind":     func(in *userInfoInput) { in.Claims = with(t, in.Claims, "nonce") },
		"userinfo.exp": func(in *userInfoInput) {
			in.Claims = claims(t, `{"sub":"u","iss":"https://op.example","aud":"cli","exp":1}`)
		},
		"userinfo.nbf": func(in *userInfoInput) {
			in.Claims = claims(t, `{"sub":"u","iss":"https://op.example","aud":"cli","nbf":99999999999}`)
		},
		"userinfo.essential": func(in *userInfoInput) {
			in.Asked = `{"userinfo":{"email":{"essential":true},"name":null}}`
		},
		"userinfo.sub_present": func(in *userInfoInput) { in.Claims.Subject = "" },
		"userinfo.sub":         func(in *userInfoInput) { in.Claims.Subject = "uinvalid" }, // C22
		"userinfo.signature":   func(in *userInfoInput) { in.Signature = errors.New("the signature does not match") },
		"userinfo.alg_none":    func(in *userInfoInput) { in.jwt = &jose.JWT{Algorithm: "None"}; in.Signing = "" },
		"userinfo.alg":         func(in *userInfoInput) { in.jwt = &jose.JWT{Algorithm: "ES256"}; in.Signing = "" },
		"userinfo.iss":         func(in *userInfoInput) { in.Claims.Issuer = "" },
		"userinfo.aud":         func(in *userInfoInput) { in.Claims.Audience = nil },
	})
	for _, json := range []string{`{}`, `{"sub":null}`, `{"sub":1}`, `{"sub":""}`, `{"Sub":"u"}`, `{"sub":["u"]}`} {
		if check.Run(
			userInfoRules, &userInfoInput{jwtInput: jwtInput{Claims: claims(t, json)}, Subject: "u"},
		).Err() == nil {
			t.Errorf("%s: accepted", json) // canonical/authd#1943
		}
	}
}

func TestAuthorizationResponseRules(t *testing.T) {
	t.Parallel()
	good := func() authorizationResponseInput {
		return authorizationResponseInput{
			Response: url.Values{"state": {"s"}, "code": {"c"}, "iss": {"https://op.example"}},
			State:    "s", Issuer: "https://op.example", IssRequired: true,
		}
	}
	testTable(t, authorizationResponseRules, good, map[string]func(*authorizationResponseInput){
		"authorization_response.mode": func(in *authorizationResponseInput) { in.Signed = true },
		"authorization_response.once": func(in *authorizationResponseInput) { in.Response.Add("code", "c") },
		// F11
		"authorization_response.state": func(in *authorizationResponseInput) { in.Response.Set("state", "s1") },
		// F09
		"authorization_response.iss": func(in *authorizationResponseInput) {
			in.Response.Set("iss", "https://op.example1")
		},
		// H36
		"authorization_response.code": func(in *authorizationResponseInput) {
			in.Response.Set("error", "access_denied")
		},
	})
	for name, spoil := range map[string]func(*authorizationResponseInput){
		"F10: iss promised, absent": func(in *authorizationResponseInput) { in.Response.Del("iss") },
		"F12: no state":             func(in *authorizationResponseInput) { in.Response.Del("state") },
		"no state sent, none back": func(in *authorizationResponseInput) {
			in.State = ""
			in.Response.Del("state")
		},
		"neither code nor error": func(in *authorizationResponseInput) { in.Response.Del("code") },
		"V58: iss not promised but wrong": func(in *authorizationResponseInput) {
			in.IssRequired = false
			in.Response.Set("iss", "x")
		},
	} {
		in := good()
		spoil(&in)
		if check.Run(authorizationResponseRules, in).Err() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for query, ok := range map[string]bool{
		// its iss is judged, and npm oidc-provider sends no other
		"state=s&code=c&id_token=i":                                  true,
		"state=s&code=c&id_token=i&iss=https%3A%2F%2Fop.example1":    false,
		"state=s&error=server_error":                                 false,
		"state=s&error=server_error&iss=https%3A%2F%2Fop.example":    true,
		"state=s&error=server_error&iss=https%3A%2F%2Fop.example%2F": false,
	} {
		in := good()
		in.Request, in.IssJudged = AuthorizationRequest{ResponseType: "code id_token"}, true
		in.Response, _ = url.ParseQuery(query)
		if err := check.Run(authorizationResponseRules, in).Err(); (err == nil) != ok {
			t.Errorf("beside an ID Token: %s: %v", query, err)
		}
		if in.IssJudged = false; !in.Response.Has("iss") && check.Run(authorizationResponseRules, in).Err() == nil {
			t.Errorf("beside an ID Token that nobody judges: %s: accepted", query)
		}
	}
}

// Every rule is in the list that documentation and --waive read, once.
func TestRulesListsEveryTable(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, r := range Rules() {
		seen[r.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s is listed %d times", id, n)
		}
	}
	want := len(discoveryRules) + len(
		authorizationResponseRules,
	) + len(tokenResponseRules) + len(idTokenRules) + len(refreshRules) + len(userInfoRules) +
		len(accessTokenRules) + len(refreshTokenRules) + len(jarmRules) + len(
		pushedAuthorizationRules,
	) + len(deviceAuthorizationRules) +
		len(
			backchannelAuthenticationRules,
		) + len(hybridRules) + len(introspectionRules) + len(logoutTokenRules) + len(endSessionRules) +
		len(registrationRules) + len(protectedResourceRules) + len(anyJWTRules) + len(frontchannelLogoutRules)
	if len(seen) != want {
		t.Errorf("%d rules listed, %d in tables", len(seen), want)
	}
}

// verdictOf applies one rule.
func verdictOf[In any](t *testing.T, rules []check.Rule[In], id string, in In) check.Outcome {
	t.Helper()
	for _, r := range check.Run(rules, in) {
		if r.ID == id {
			return r.Outcome
		}
	}
	t.Fatalf("no rule %s", id)
	return ""
}

// The edges of the rules: where they just hold, just fail, or do not apply.
func TestIDTokenEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id     string
		change func(*idTokenInput)
		want   check.Outcome
	}{
		{"id_token.sub", func(i *idTokenInput) { i.Claims.Subject = "é" }, check.Fail},
		{"id_token.sub", func(i *idTokenInput) { i.Claims.Subject = strings.Repeat("s", 255) }, check.Pass},
		{"id_token.sub", func(i *idTokenInput) { i.Claims.Subject = strings.Repeat("s", 256) }, check.Fail},
		{"id_token.iat", func(i *idTokenInput) { i.Claims.IssuedAt = noon.Add(time.Minute) }, check.Pass},
		{"id_token.iat", func(i *idTokenInput) { i.Claims.IssuedAt = noon.Add(61 * time.Second) }, check.Fail},
		{"id_token.iat_age", func(i *idTokenInput) { i.Claims.IssuedAt = noon.Add(-maxIssueAge) }, check.Pass},
		{
			"id_token.max_iat_age", func(i *idTokenInput) { i.Claims.IssuedAt = noon.Add(-time.Hour - time.Minute) },
			check.Pass,
		},
		{
			"id_token.max_iat_age",
			func(i *idTokenInput) { i.Policy.MaxIDTokenAge, i.Claims.IssuedAt = 0, noon.Add(-23*time.Hour) },
			check.NotApplicable,
		},
		{"id_token.nbf", func(i *idTokenInput) { i.Claims.NotBefore = noon.Add(time.Minute) }, check.Pass},
		{"id_token.nbf", func(i *idTokenInput) { i.Claims.NotBefore = noon.Add(61 * time.Second) }, check.Fail},
		{"id_token.auth_time", func(i *idTokenInput) { i.Claims.AuthTime = noon.Add(61 * time.Second) }, check.Fail},
		{
			"id_token.auth_time", func(i *idTokenInput) { i.Claims.AuthTime = noon.Add(-time.Hour - time.Minute) },
			check.Pass,
		},
		{
			"id_token.auth_time", func(i *idTokenInput) { i.Claims.AuthTime = noon.Add(-time.Hour - 61*time.Second) },
			check.Fail,
		},
		{
			"id_token.mac",
			func(i *idTokenInput) { i.jwt = &jose.JWT{Algorithm: "HS256"}; i.Claims.Audience = []string{"cli"} },
			check.Pass,
		},
		{"id_token.at_hash", func(i *idTokenInput) { i.jwt = &jose.JWT{Algorithm: "XX"} }, check.Unknown},
		{"id_token.at_hash", func(i *idTokenInput) { i.AccessToken = "" }, check.NotApplicable},
		{"id_token.typ", func(i *idTokenInput) { i.jwt = &jose.JWT{Algorithm: "RS256"} }, check.NotApplicable},
		{"id_token.typ", func(i *idTokenInput) { i.jwt = &jose.JWT{Type: "application/JWT"} }, check.Pass},
		{"id_token.alg", func(i *idTokenInput) { i.jwt = &jose.JWT{Algorithm: "rs256"} }, check.Fail},
		{
			"id_token.alg_none",
			func(i *idTokenInput) { i.jwt = &jose.JWT{Algorithm: "NONE"}; i.Algorithms = newAlgorithms("NONE") },
			check.Fail,
		},
		{"id_token.encryption", func(i *idTokenInput) {
			i.Encrypted, i.Encryption = true, []string{"RSA-OAEP"}
			i.Envelope.jwt = i.jwt
		}, check.Fail}, // V1: agreed upon, and did not come so
		{"id_token.encryption", func(i *idTokenInput) {
			i.Encrypted, i.Encryption = true, []string{"RSA-OAEP"}
			i.Envelope = envelope{encrypted: true, jwe: &jose.JWE{Algorithm: "ECDH-ES"}}
		}, check.Fail},
		{"id_token.encryption", func(i *idTokenInput) {
			i.Encrypted, i.Encryption = true, []string{"RSA-OAEP"}
			i.Envelope = envelope{encrypted: true, jwe: &jose.JWE{Algorithm: "RSA-OAEP"}}
		}, check.Pass},
		{"id_token.azp", func(i *idTokenInput) { i.Claims = claims(t, `{}`) }, check.NotApplicable},
		{
			"id_token.amr_type", func(i *idTokenInput) { i.Claims.stringAMR = true; i.Policy.AllowStringAMR = true },
			check.NotApplicable,
		},
	} {
		in := goodIDToken(t)()
		c.change(&in)
		if got := verdictOf(t, idTokenRules, c.id, &in); got != c.want {
			t.Errorf("%s: %s, want %s", c.id, got, c.want)
		}
	}
}

func TestOtherEdges(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]check.Outcome{
		`{"access_token":"~!"}`: check.Pass, `{"access_token":"\u007f"}`: check.Fail,
		`{"access_token":"é"}`: check.Fail,
	} {
		if got := verdictOf(t, tokenResponseRules, "token_response.access_token",
			tokenResponseInput{Response: object(t, json)}); got != want {
			t.Errorf("%s: %s", json, got)
		}
	}
	for json, want := range map[string]check.Outcome{
		`{"expires_in":315359999}`: check.Pass, `{"expires_in":315360000}`: check.Fail,
	} {
		if got := verdictOf(
			t, tokenResponseRules, "token_response.lifetime", tokenResponseInput{Response: object(t, json)},
		); got != want {
			t.Errorf("%s: %s", json, got)
		}
	}
	token := func(json string) *accessTokenInput {
		return &accessTokenInput{jwtInput: goodJWT(t, "", json)}
	}
	for id, want := range map[string]check.Outcome{
		"access_token.iss": check.NotApplicable, "access_token.exp": check.NotApplicable,
	} {
		if got := verdictOf(t, accessTokenRules, id, token(`{}`)); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := verdictOf(t, refreshTokenRules, "refresh_token.exp", token(`{"exp":"soon"}`)); got != check.Fail {
		t.Errorf("malformed exp: %s", got)
	}
	// An authorization server's metadata (RFC 8414) may say less.
	bare := discoveryInput{
		Issuer:   "https://op.example",
		Provider: &Provider{Issuer: "https://op.example", TokenEndpoint: "https://op.example/t", OAuthOnly: true},
	}
	if err := check.Run(discoveryRules, bare).Err(); err != nil {
		t.Errorf("RFC 8414: %v", err)
	}
	bare.Provider.OAuthOnly = false
	if err := check.Run(discoveryRules, bare).Err(); err == nil {
		t.Error("OpenID metadata without jwks_uri was accepted")
	}
	// Continuity: there before and not now, or the other way round.
	both := func(now, before string) refreshInput {
		b := claims(t, before)
		return refreshInput{Refreshed: true, Claims: claims(t, now), Previous: &b, Tolerance: time.Minute}
	}
	for _, c := range []struct {
		id, now, before string
		want            check.Outcome
	}{
		{"refresh.azp", `{}`, `{"azp":"a"}`, check.Fail},
		{"refresh.azp", `{"azp":"a"}`, `{}`, check.Fail},
		{"refresh.azp", `{}`, `{}`, check.Pass},
		{"refresh.auth_time", `{"auth_time":5}`, `{}`, check.Fail},
		{"refresh.auth_time", `{}`, `{"auth_time":5}`, check.NotApplicable},
		{"refresh.nonce", `{"nonce":"a"}`, `{}`, check.Fail},
		{"refresh.nonce", `{}`, `{"nonce":"a"}`, check.NotApplicable},
		{"refresh.iat", `{"iat":940}`, `{"iat":1000}`, check.Pass},
		{"refresh.iat", `{"iat":939}`, `{"iat":1000}`, check.Fail},
		{"refresh.iat", `{}`, `{}`, check.Fail},
	} {
		if got := verdictOf(t, refreshRules, c.id, both(c.now, c.before)); got != c.want {
			t.Errorf("%s, %s after %s: %s, want %s", c.id, c.now, c.before, got, c.want)
		}
	}
}
