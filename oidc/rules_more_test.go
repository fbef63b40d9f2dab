package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// jwtFaults break the rules of any JWT.
func jwtFaults[In any](kind string, jwt func(*In) *jwtInput) map[string]func(*In) {
	faults := map[string]func(*In){}
	for id, spoil := range map[string]func(*jwtInput){
		"readable":  func(in *jwtInput) { in.Envelope.err, in.jwt = errors.New("not a JWT"), nil },
		"signature": func(in *jwtInput) { in.Signature = errors.New("the signature does not match") },
		"alg_none":  func(in *jwtInput) { in.jwt.Algorithm = "None" },
		"alg":       func(in *jwtInput) { in.jwt.Algorithm = "ES256" },
		"nbf": func(in *jwtInput) {
			in.Claims.there = func(string) bool { return true }
			in.Claims.NotBefore = noon.Add(time.Hour)
		},
		"iss": func(in *jwtInput) { in.Claims.Issuer += "1" },
		"aud": func(in *jwtInput) { in.Claims.Audience = []string{"cli1"} },
		"exp": func(in *jwtInput) { in.Claims.Expiry = noon.Add(-6 * time.Minute) },
		"iat": func(in *jwtInput) { in.Claims.IssuedAt = noon.Add(6 * time.Minute) },
		"typ": func(in *jwtInput) { in.jwt.Type = "at+jwt" },
		"encryption": func(in *jwtInput) {
			in.Envelope, in.jwt = envelope{encrypted: true, sealed: true, err: errors.New("encrypted")}, nil
		},
		"decryption": func(in *jwtInput) {
			in.Encryption = []string{"RSA-OAEP"}
			in.Envelope, in.jwt = envelope{encrypted: true, sealed: true, err: errors.New("it does not decrypt")}, nil
		},
	} {
		faults[kind+"."+id] = func(in *In) { spoil(jwt(in)) }
	}
	return faults
}

// pick takes the faults of rules that a table has.
func pick[In any](rules []check.Rule[In], all map[string]func(*In), own map[string]func(*In)) map[string]func(*In) {
	faults := map[string]func(*In){}
	for _, r := range rules {
		if f := all[r.ID]; f != nil {
			faults[r.ID] = f
		}
	}
	for id, f := range own {
		faults[id] = f
	}
	return faults
}

// F25 to F32, V79.
func TestJARMRules(t *testing.T) {
	t.Parallel()
	good := func() jwtInput {
		return goodJWT(t, "JWT",
			fmt.Sprintf(`{"iss":"https://op.example","aud":["cli"],"exp":%d,"code":"c","state":"s"}`, noon.Unix()+60))
	}
	all := jwtFaults("jarm", func(in *jwtInput) *jwtInput { return in })
	delete(all, "jarm.nbf")
	testTable(t, byValue(jarmRules), good, pick(byValue(jarmRules), all, map[string]func(*jwtInput){
		"jarm.unique": func(in *jwtInput) {
			repeated := *in.jwt
			repeated.Repeated = []string{"iss"}
			in.jwt = &repeated
		},
		"jarm.kind": func(in *jwtInput) { in.Claims = with(t, in.Claims, "nonce") }, // J16
		"jarm.nbf": func(in *jwtInput) {
			in.Claims = with(t, in.Claims, "nbf")
			in.Claims.NotBefore = noon.Add(time.Hour)
		},
	}))
	for name, json := range map[string]string{
		"F28: no exp": `{"iss":"https://op.example","aud":"cli"}`,
		"F30: no iss": fmt.Sprintf(`{"aud":"cli","exp":%d}`, noon.Unix()+60),
		"F32: no aud": fmt.Sprintf(`{"iss":"https://op.example","exp":%d}`, noon.Unix()+60),
	} {
		if check.Run(byValue(jarmRules), goodJWT(t, "", json)).Err() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAnyJWTRules(t *testing.T) {
	t.Parallel()
	good := func() jwtInput {
		return goodJWT(t, "",
			fmt.Sprintf(`{"iss":"https://op.example","exp":%d,"nbf":%d}`, noon.Unix()+60, noon.Unix()))
	}
	testTable(
		t, byValue(anyJWTRules), good,
		pick(byValue(anyJWTRules), jwtFaults("jwt", func(in *jwtInput) *jwtInput { return in }), nil),
	)
}

// V72.
func TestPushedAuthorizationRules(t *testing.T) {
	t.Parallel()
	with := func(json string) func(*pushedAuthorizationInput) {
		return func(in *pushedAuthorizationInput) { in.Response = object(t, json) }
	}
	good := func() pushedAuthorizationInput {
		return pushedAuthorizationInput{object(t, `{"request_uri":"urn:x:1","expires_in":60}`)}
	}
	testTable(t, pushedAuthorizationRules, good, map[string]func(*pushedAuthorizationInput){
		"pushed_authorization.request_uri": with(`{"expires_in":60}`),
		"pushed_authorization.expires_in":  with(`{"request_uri":"urn:x:1","expires_in":0}`),
	})
	for _, json := range []string{
		`{"request_uri":"urn:x 1","expires_in":60}`, `{"request_uri":7,"expires_in":60}`, `{"request_uri":"u"}`,
		`{"request_uri":"u","expires_in":-1}`, `{"request_uri":"u","expires_in":"x"}`,
	} {
		if check.Run(pushedAuthorizationRules, pushedAuthorizationInput{object(t, json)}).Err() == nil {
			t.Errorf("%s: accepted", json)
		}
	}
}

// V83, V89, H18.
func TestDeviceAuthorizationRules(t *testing.T) {
	t.Parallel()
	const goodJSON = `{"device_code":"d","user_code":"AB-CD","verification_uri":"https://op.example/d","expires_in":60,"interval":5}`
	with := func(old, replacement string) func(*deviceAuthorizationInput) {
		return func(in *deviceAuthorizationInput) {
			in.Response = object(t, strings.Replace(goodJSON, old, replacement, 1))
		}
	}
	good := func() deviceAuthorizationInput { return deviceAuthorizationInput{object(t, goodJSON)} }
	testTable(t, deviceAuthorizationRules, good, map[string]func(*deviceAuthorizationInput){
		"device_authorization.device_code":      with(`"device_code":"d",`, ``),
		"device_authorization.user_code":        with(`"AB-CD"`, `7`),
		"device_authorization.verification_uri": with(`https://op.example/d`, `javascript:alert(1)`), // H08
		"device_authorization.expires_in":       with(`,"expires_in":60`, ``),
		"device_authorization.interval":         with(`"interval":5`, `"interval":1e9`),
	})
	for value, want := range map[string]time.Duration{
		`5`: 5 * time.Second, `0`: time.Second, `-3`: time.Second, `1e9`: 5 * time.Minute, `"x"`: 5 * time.Second,
		`null`: 5 * time.Second, `2.5`: 2500 * time.Millisecond,
	} {
		if got := interval(object(t, `{"interval":`+value+`}`)); got != want {
			t.Errorf("interval %s: %s", value, got)
		}
	}
	complete := object(t,
		`{"device_code":"d","user_code":"A","verification_uri":"https://op.example/d","verification_uri_complete":"file:///etc/passwd","expires_in":60}`)
	if check.Run(deviceAuthorizationRules, deviceAuthorizationInput{complete}).Err() == nil {
		t.Error("a complete URI that is no https URL: accepted")
	}
}

// K10, K11.
func TestBackchannelAuthenticationRules(t *testing.T) {
	t.Parallel()
	with := func(json string) func(*backchannelInput) {
		return func(in *backchannelInput) { in.Response = object(t, json) }
	}
	good := func() backchannelInput { return backchannelInput{object(t, `{"auth_req_id":"r","expires_in":60}`)} }
	testTable(t, backchannelAuthenticationRules, good, map[string]func(*backchannelInput){
		"backchannel_authentication.auth_req_id": with(`{"expires_in":60}`),
		"backchannel_authentication.expires_in":  with(`{"auth_req_id":"r"}`),
		"backchannel_authentication.interval":    with(`{"auth_req_id":"r","expires_in":60,"interval":-1}`),
	})
}

// V17.
func TestHybridRules(t *testing.T) {
	t.Parallel()
	same := StandardClaims{Issuer: "https://op.example", Subject: "u"}
	good := func() hybridInput { return hybridInput{same, same} }
	testTable(t, hybridRules, good, map[string]func(*hybridInput){
		"hybrid.iss": func(in *hybridInput) { in.Back.Issuer += "1" },
		"hybrid.sub": func(in *hybridInput) { in.Back.Subject += "1" },
	})
}

// Claims that were encrypted and not signed may have white space before them, as any JSON.
func TestUnpackClaims(t *testing.T) {
	t.Parallel()
	for text, claims := range map[string]bool{
		`{"sub":"u"}`: true, " \r\n\t{\"sub\":\"u\"}": true, "": false, " ": false, "a.b.c": false, " a.b.c": false,
		`["{"]`: false,
	} {
		e := envelope{encrypted: true}.unpack(jose.Parse, []byte(text))
		if (e.plain != nil) != claims || (e.err == nil) != claims {
			t.Errorf("%q: plain %q, %v", text, e.plain, e.err)
		}
	}
}

// V98, RFC 9701.
func TestIntrospectionRules(t *testing.T) {
	t.Parallel()
	const members = `{"active":true}`
	good := func() introspectionInput {
		return introspectionInput{
			JWT: true, Signed: true, Response: object(t, members),
			jwtInput: goodJWT(t, "token-introspection+jwt",
				fmt.Sprintf(`{"iss":"https://op.example","aud":"cli","iat":%d,"nbf":%[1]d,"token_introspection":%s}`,
					noon.Unix(), members)),
		}
	}
	testTable(t, byValue(introspectionRules), good, pick(byValue(introspectionRules), jwtFaults(
		"introspection", func(in *introspectionInput) *jwtInput { return &in.jwtInput },
	), map[string]func(*introspectionInput){
		"introspection.signed": func(in *introspectionInput) { in.JWT = false },
		"introspection.active": func(in *introspectionInput) { in.Response = object(t, `{"active":"true"}`) },
	}))
	for _, json := range []string{`{}`, `{"active":null}`, `{"active":1}`, `{"Active":true}`} {
		if check.Run(introspectionRules, &introspectionInput{Response: object(t, json)}).Err() == nil {
			t.Errorf("%s: accepted", json)
		}
	}
	if err := check.Run(
		introspectionRules, &introspectionInput{Response: object(t, `{"active":false}`)},
	).Err(); err != nil {
		t.Errorf("a token that is not active: %v", err)
	}
}

func goodLogoutToken(t *testing.T) logoutTokenInput {
	t.Helper()
	return logoutTokenInput{
		Expect: LogoutExpectation{Subject: "u", SessionID: "s"},
		jwtInput: goodJWT(t, "logout+jwt",
			fmt.Sprintf(`{"iss":"https://op.example","aud":"cli","iat":%d,"exp":%d,"jti":"j","sub":"u","sid":"s","events":{%q:{}}}`,
				noon.Unix(), noon.Unix()+120, logoutEvent)),
	}
}

// L05 to L11, B1 to B10.
func TestLogoutTokenRules(t *testing.T) {
	t.Parallel()
	good := func() logoutTokenInput { return goodLogoutToken(t) }
	faults := jwtFaults("logout_token", func(in *logoutTokenInput) *jwtInput { return &in.jwtInput })
	events := func(json string) func(*logoutTokenInput) {
		return func(in *logoutTokenInput) { in.jwt.Claims = object(t, json) }
	}
	testTable(t, byValue(logoutTokenRules), good,
		pick(byValue(logoutTokenRules), faults, map[string]func(*logoutTokenInput){
			"logout_token.nbf": func(in *logoutTokenInput) {
				in.Claims = with(t, in.Claims, "nbf")
				in.Claims.NotBefore = noon.Add(time.Hour)
			},
			"logout_token.events":  events(`{"events":{"http://schemas.openid.net/event/other":{}}}`), // L07
			"logout_token.nonce":   func(in *logoutTokenInput) { in.Claims = with(t, in.Claims, "nonce") },
			"logout_token.jti":     func(in *logoutTokenInput) { in.Replayed = true }, // B7
			"logout_token.subject": func(in *logoutTokenInput) { in.Claims.Subject, in.Claims.sessionID = "", "" },
			"logout_token.sub":     func(in *logoutTokenInput) { in.Expect.Subject = "v" },
			"logout_token.sid":     func(in *logoutTokenInput) { in.Expect.SessionID = "t" },
		}))
	for _, json := range []string{
		`{}`, `{"events":[]}`, `{"events":null}`, `{"events":{}}`, `{"events":"` + logoutEvent + `"}`,
		`{"events":{"` + logoutEvent + `":null}}`, `{"events":{"` + logoutEvent + `":[]}}`,
	} {
		in := good()
		events(json)(&in)
		if got := verdictOf(t, logoutTokenRules, "logout_token.events", &in); got != check.Fail {
			t.Errorf("%s: %s", json, got)
		}
	}
	replayed := good()
	replayed.Replayed = true
	for _, r := range check.Run(logoutTokenRules, &replayed) {
		if r.ID == "logout_token.jti" && r.Got != `"j", which came before` {
			t.Errorf("a token that came before: got %s", r.Got)
		}
	}
	old := good()
	old.Claims.IssuedAt = noon.Add(-25 * time.Hour)
	if got := verdictOf(t, logoutTokenRules, "logout_token.iat", &old); got != check.Fail {
		t.Errorf("a token of yesterday: %s", got)
	}
}

// L02, L03.
func TestEndSessionRules(t *testing.T) {
	t.Parallel()
	good := func() endSessionInput { return endSessionInput{url.Values{"state": {"s"}}, "s"} }
	testTable(t, endSessionRules, good, map[string]func(*endSessionInput){
		"end_session.state": func(in *endSessionInput) { in.Response = url.Values{"state": {"other"}} },
	})
	if check.Run(endSessionRules, endSessionInput{url.Values{}, "s"}).Err() == nil {
		t.Error("no state: accepted")
	}
}

// L12: what a page makes the browser say.
func TestFrontchannelLogoutRules(t *testing.T) {
	t.Parallel()
	good := func() frontchannelLogoutInput {
		return frontchannelLogoutInput{
			url.Values{"iss": {"https://op.example"}, "sid": {"s"}},
			"https://op.example",
			LogoutExpectation{SessionID: "s"},
		}
	}
	testTable(t, frontchannelLogoutRules, good, map[string]func(*frontchannelLogoutInput){
		"frontchannel_logout.iss": func(in *frontchannelLogoutInput) { in.Query.Set("iss", "https://op.example1") },
		"frontchannel_logout.sid": func(in *frontchannelLogoutInput) { in.Expect.SessionID = "t" },
	})
	for query, ok := range map[string]bool{
		"": true, "iss=https://op.example&sid=s": true, "sid=s": false,
		"iss=https://op.example": false,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := check.Run(
			frontchannelLogoutRules, frontchannelLogoutInput{values, "https://op.example", LogoutExpectation{}},
		).Err(); (err == nil) != ok {
			t.Errorf("%q: %v", query, err)
		}
	}
	if check.Run(
		frontchannelLogoutRules,
		frontchannelLogoutInput{url.Values{}, "https://op.example", LogoutExpectation{SessionID: "s"}},
	).Err() == nil {
		t.Error("no session named, and one expected")
	}
}

// V100.
func TestRegistrationRules(t *testing.T) {
	t.Parallel()
	with := func(json string) func(*registrationInput) {
		return func(in *registrationInput) { in.Response = object(t, json) }
	}
	good := func() registrationInput {
		return registrationInput{
			Response: object(t,
				`{"client_id":"c","client_secret":"s","client_secret_expires_at":0,"registration_access_token":"r",
				"registration_client_uri":"https://op.example/c","token_endpoint_auth_method":"client_secret_basic"}`),
			Provider: &Provider{TokenEndpointAuthMethods: []string{"client_secret_basic"}},
		}
	}
	testTable(t, registrationRules, good, map[string]func(*registrationInput){
		"registration.client_id":                func(in *registrationInput) { in.Known.ClientID = "d" },
		"registration.client_secret":            with(`{"client_id":"c","client_secret":"","client_secret_expires_at":0}`),
		"registration.client_secret_expires_at": with(`{"client_id":"c","client_secret":"s"}`),
		"registration.client_secret_itself": func(in *registrationInput) {
			in.Known.ClientID, in.Known.ClientSecret = "c", "the-secret"
			in.Response = object(t, `{"client_id":"c","client_secret":"{bcrypt}$2a$10$x","client_secret_expires_at":0}`)
		},
		"registration.management": with(`{"client_id":"c","registration_access_token":"r"}`),
		"registration.auth_method": func(in *registrationInput) {
			in.Provider.TokenEndpointAuthMethods = []string{"none"}
		},
	})
	for _, json := range []string{
		`{}`, `{"client_id":7}`,
		`{"client_id":"c","registration_access_token":"r","registration_client_uri":"http://op.example/c"}`,
		`{"client_id":"c","registration_access_token":"a ","registration_client_uri":"https://op.example/c"}`,
		`{"client_id":"c","client_secret":"s","client_secret_expires_at":"never"}`,
		`{"client_id":"c","client_secret":"s\u0000","client_secret_expires_at":0}`, `{"client_id":"é"}`,
	} {
		if check.Run(
			registrationRules, registrationInput{Response: object(t, json), Provider: &Provider{}},
		).Err() == nil {
			t.Errorf("%s: accepted", json)
		}
	}
}

// V94, V96.
func TestProtectedResourceRules(t *testing.T) {
	t.Parallel()
	good := func() protectedResourceInput {
		return protectedResourceInput{
			object(t,
				`{"resource":"https://api.example/r","authorization_servers":["https://op.example"]}`),
			"https://api.example/r",
		}
	}
	testTable(t, protectedResourceRules, good, map[string]func(*protectedResourceInput){
		"protected_resource.resource": func(in *protectedResourceInput) { in.URL += "/" },
		"protected_resource.authorization_servers": func(in *protectedResourceInput) {
			in.Response = object(t,
				`{"resource":"https://api.example/r","authorization_servers":["http://op.example"]}`)
		},
	})
}

// C19, C21: through the browser the hashes have to be there.
func TestFrontChannelHashesAreRequired(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"at_hash", "c_hash"} {
		in := goodIDToken(t)()
		in.Claims = without(in.Claims, name)
		if got := verdictOf(t, idTokenRules, "id_token."+name, &in); got != check.Fail {
			t.Errorf("no %s through the browser: %s", name, got)
		}
		in.Front.came = false
		if got := verdictOf(t, idTokenRules, "id_token."+name, &in); got != check.NotApplicable {
			t.Errorf("no %s from the token endpoint: %s", name, got)
		}
	}
}

// What a response_type asks for is what has to come, no more and no less.
func TestResponseTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		responseType, got string
		ok                bool
	}{
		{"", "code=c", true},
		{"", "code=c&access_token=a", false},
		{"", "access_token=a", false},
		{"", "", false},
		{"code id_token", "code=c&id_token=i", true},
		{"id_token code", "code=c&id_token=i", true},
		{"code id_token", "code=c", false},
		{"code token", "code=c&access_token=a", true},
		{"id_token token", "id_token=i&access_token=a", true},
		{"id_token", "id_token=i", true},
		{"code id_token token", "code=c&id_token=i&access_token=a", true},
		{"id_token", "id_token=i&error=x", false},
		{"id_token", "error=x", true},
	} {
		values, err := url.ParseQuery(c.got)
		if err != nil {
			t.Fatal(err)
		}
		in := authorizationResponseInput{Response: values, Request: AuthorizationRequest{ResponseType: c.responseType}}
		if got := verdictOf(t, authorizationResponseRules, "authorization_response.code",
			in); (got == check.Pass) != c.ok {
			t.Errorf("%q, %s: %s", c.responseType, c.got, got)
		}
	}
	for _, c := range []struct {
		mode   string
		values url.Values
		signed bool
		ok     bool
	}{
		{"", url.Values{"code": {"c"}}, false, true},
		{"", url.Values{"response": {"j"}}, false, false},
		{"query.jwt", url.Values{"code": {"c"}}, false, false},
		{"jwt", url.Values{"code": {"c"}}, true, true},
		{"query", url.Values{"code": {"c"}}, true, false},
	} {
		in := authorizationResponseInput{
			Response: c.values, Signed: c.signed, Request: AuthorizationRequest{ResponseMode: c.mode},
		}
		if got := verdictOf(t, authorizationResponseRules, "authorization_response.mode",
			in); (got == check.Pass) != c.ok {
			t.Errorf("%q, %v, signed %v: %s", c.mode, c.values, c.signed, got)
		}
	}
}

// V20: only what is essential, of the member that is about this answer.
func TestEssentialClaims(t *testing.T) {
	t.Parallel()
	for parameter, want := range map[string]string{
		`{"userinfo":{"a":{"essential":true},"b":null,"c":{"essential":false},"d":{"essential":"yes"}},"id_token":{"e":{"essential":true}}}`: "[a]",
		`{"id_token":{"e":{"essential":true}}}`: "[]", `{"userinfo":null}`: "[]", `[]`: "[]", ``: "[]",
		`{"userinfo":[{"essential":true}]}`: "[]",
	} {
		if got := fmt.Sprint(essentialClaims(parameter, "userinfo")); got != want {
			t.Errorf("%s: %s, want %s", parameter, got, want)
		}
	}
	in := userInfoInput{
		jwtInput: jwtInput{Claims: claims(t, `{"sub":"u","email":"x"}`)},
		Asked:    `{"userinfo":{"email":{"essential":true}}}`,
	}
	if got := verdictOf(t, userInfoRules, "userinfo.essential", &in); got != check.Pass {
		t.Errorf("there: %s", got)
	}
}
