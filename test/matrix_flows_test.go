// The journeys of the matrix at npm oidc-provider.

package test

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A combination is a way to authenticate with a way to bind tokens.
type combination struct{ auth, bound string }

// common are the combinations that every flow is tried with: three methods, and
// each constraint.
var common = []combination{
	{"client_secret_basic", "none"},
	{"private_key_jwt ES256", "DPoP"},
	{"tls_client_auth", "mTLS"},
}

// unbound are those for tokens that come through the browser, which nothing binds.
var unbound = []combination{{"client_secret_basic", "none"}, {"private_key_jwt ES256", "none"}}

// methods are all methods, each with one constraint that goes with it.
var methods = []combination{
	{"none", "none"},
	{"none", "DPoP"},
	{"client_secret_basic", "none"},
	{"client_secret_basic", "mTLS"},
	{"client_secret_post", "none"},
	{"client_secret_jwt", "none"},
	{"client_secret_jwt", "DPoP"},
	{"private_key_jwt RS256", "none"},
	{"private_key_jwt PS256", "DPoP"},
	{"private_key_jwt ES256", "mTLS"},
	{"private_key_jwt EdDSA", "none"},
	{"tls_client_auth", "none"},
	{"tls_client_auth", "DPoP"},
	{"tls_client_auth", "mTLS"},
	{"self_signed_tls_client_auth", "none"},
	{"self_signed_tls_client_auth", "mTLS"},
}

// registration is what a client of the combination registers.
func (c combination) registration() metadata {
	method, alg, _ := strings.Cut(c.auth, " ")
	m := metadata{"token_endpoint_auth_method": method}
	switch {
	case alg != "":
		m["token_endpoint_auth_signing_alg"] = alg
	case method == "client_secret_jwt":
		m["token_endpoint_auth_signing_alg"] = "HS256"
	}
	switch c.bound {
	case "DPoP":
		m["dpop_bound_access_tokens"] = true
	case "mTLS":
		m["tls_client_certificate_bound_access_tokens"] = true
	}
	return m
}

// A matrixFlow is a journey with what the client registers for it, and what is in
// its configuration file besides.
type matrixFlow struct {
	name   string
	with   []combination // nil means common
	client metadata
	config string
	user   string // "" means alice
	waits  bool
	key    bool // the client has a private key, whatever its method
	try    func(*journey)
}

// start registers the client and writes its configuration file.
func (f matrixFlow) start(j *journey, s *everything, c combination) {
	j.t.Helper()
	m := c.registration()
	maps.Copy(m, f.client)
	if m["backchannel_token_delivery_mode"] == "ping" {
		m["backchannel_client_notification_endpoint"] = s.listener(j.t, j.forward)
	}
	j.rp = s.register(j.t, m)
	more := strings.ReplaceAll(f.config, "FOLDER", j.folder)
	j.rp.RSA.file(j.t, j.folder)
	j.rp.EC.file(j.t, j.folder)
	if f.key && !strings.HasPrefix(c.auth, "private_key_jwt") { // which has one
		more += "private_key: " + j.rp.Signing.ID + ".pem\n"
	}
	if c.bound == "DPoP" {
		more += "dpop: true\ndpop_key: dpop.json\n"
	}
	j.config = j.rp.config(j.t, more)
	j.rp.Signing.file(j.t, filepath.Dir(j.config))
	user := f.user
	if user == "" {
		user = "alice"
	}
	b := s.browser(user)
	b.Deny = user == "deny"
	j.browser = b
}

// forward hands a ping on to the program: the provider calls https only, and the
// program listens without TLS, as what is behind a proxy.
func (j *journey) forward(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+j.ping+r.URL.Path, r.Body)
	if err == nil {
		req.Header = r.Header.Clone()
		var res *http.Response
		if res, err = http.DefaultClient.Do(req); err == nil {
			w.WriteHeader(res.StatusCode)
			_ = res.Body.Close()
			return
		}
	}
	j.t.Logf("the ping was not handed on: %v", err)
	w.WriteHeader(http.StatusBadGateway)
}

const (
	payment = `[{"type":"payment","actions":["pay"],"amount":"12"}]`
	wishes  = `{"userinfo":{"email":{"essential":true}},"id_token":{"acr":{"value":"urn:example:loa:2"}}}`

	forRSA = "decryption_key: FOLDER/enc-rsa.pem\n"
	forEC  = "decryption_key: FOLDER/enc-ec.pem\n"
)

func matrixFlows() []matrixFlow {
	return slices.Concat(requestFlows(), responseTypeFlows(), backchannelFlows(), tokenFlows())
}

// requestFlows are logins whose requests or responses are pushed, signed or encrypted.
func requestFlows() []matrixFlow {
	signed := metadata{"request_object_signing_alg": "ES256", "require_signed_request_object": true}
	signedOf := func(more metadata) metadata {
		all := maps.Clone(signed)
		maps.Copy(all, more)
		return all
	}
	return []matrixFlow{
		{name: "client and refresh", with: methods, try: func(j *journey) { j.logInAndRefresh() }},
		{name: "client-credentials, introspect, revoke", with: confidential(), try: (*journey).credentials},

		{name: "client --par", client: metadata{"require_pushed_authorization_requests": true}, try: (*journey).pushed},
		{name: "JAR", client: signed, try: (*journey).requestObject},
		{
			name: "JAR, RSA-OAEP-256", client: signed, config: "request_object_encryption_alg: RSA-OAEP-256\n",
			try: (*journey).requestObject,
		},
		{
			name: "JAR, ECDH-ES, pushed", client: signedOf(metadata{"require_pushed_authorization_requests": true}),
			config: "request_object_encryption_alg: ECDH-ES\nrequest_object_encryption_enc: A256GCM\n",
			try:    (*journey).pushedObject,
		},

		{
			name: "JARM query.jwt", client: metadata{"authorization_signed_response_alg": "ES256"},
			config: "response_mode: query.jwt\n", try: (*journey).jarm,
		},
		{
			name: "JARM form_post.jwt", client: metadata{"authorization_signed_response_alg": "ES256"},
			config: "response_mode: form_post.jwt\n", try: (*journey).jarm,
		},
		{
			name: "JARM fragment.jwt", client: metadata{"authorization_signed_response_alg": "ES256"},
			config: "response_mode: fragment.jwt\n", try: (*journey).jarm,
		},
		{
			name: "JARM jwt, RSA-OAEP-256",
			client: metadata{
				"authorization_signed_response_alg":    "ES256",
				"authorization_encrypted_response_alg": "RSA-OAEP-256",
				"authorization_encrypted_response_enc": "A256GCM",
			},
			config: "response_mode: jwt\nauthorization_encrypted_response_alg: [RSA-OAEP-256]\n" + forRSA,
			try:    (*journey).jarm,
		},
	}
}

// responseTypeFlows are logins of other response types, and logins that ask for more.
func responseTypeFlows() []matrixFlow {
	return []matrixFlow{
		{
			name: "hybrid code id_token", client: metadata{"response_types": []string{"code id_token"}},
			config: "response_type: code id_token\n", try: (*journey).hybrid,
		},
		{
			name: "hybrid code id_token token", with: unbound,
			client: metadata{"response_types": []string{"code id_token token"}},
			config: "response_type: code id_token token\n", try: (*journey).hybrid,
		},
		{
			name: "hybrid code token", with: unbound, client: metadata{"response_types": []string{"code token"}},
			config: "response_type: code token\n", try: func(j *journey) { j.logInAndRefresh() },
		},
		{
			name: "hybrid code id_token, fragment", client: metadata{"response_types": []string{"code id_token"}},
			config: "response_type: code id_token\nresponse_mode: fragment\n", try: (*journey).hybrid,
		},
		{
			name: "implicit id_token", with: unbound, client: metadata{"response_types": []string{"id_token"}},
			config: "response_type: id_token\n", try: (*journey).implicit,
		},
		{
			name: "implicit id_token token", with: unbound,
			client: metadata{"response_types": []string{"id_token token"}}, config: "response_type: id_token token\n",
			try: (*journey).implicit,
		},

		{
			name: "RAR", config: "authorization_details: '" + payment + "'\nskip_userinfo_call: true\n",
			try: (*journey).details,
		},
		{
			name:   "RAR --par",
			config: "authorization_details: '" + payment + "'\nskip_userinfo_call: true\nuse_par: true\n",
			try:    (*journey).details,
		},
		{
			name:   "resource, opaque",
			config: "resource: ['https://opaque.example/']\nscopes: [openid, 'api:read']\nskip_userinfo_call: true\n",
			try:    func(j *journey) { j.logInAndRefresh() },
		},
		{
			name:   "resource, JWT",
			config: "resource: ['https://api.example/']\nscopes: [openid, 'api:read']\nskip_userinfo_call: true\naccess_token_jwt: true\n", try: (*journey).jwtAccessToken,
		},
		{name: "claims", config: "oidc_claims_param: '" + wishes + "'\n", try: (*journey).claims},
		{
			name:   "acr_values, max_age, prompt",
			config: "acr_values: urn:example:loa:2\nacr_list: ['urn:example:loa:2']\nmax_age: 300\nprompt: login consent\n", try: func(j *journey) { j.logInAndRefresh() },
		},
	}
}

// backchannelFlows are logins on another device, and grants without a login.
func backchannelFlows() []matrixFlow {
	poll := metadata{
		"grant_types":                     []string{grantCIBA, "authorization_code", "refresh_token"},
		"backchannel_token_delivery_mode": "poll",
	}
	ping := maps.Clone(poll)
	ping["backchannel_token_delivery_mode"] = "ping"
	signedPoll := maps.Clone(poll)
	signedPoll["backchannel_authentication_request_signing_alg"] = "ES256"
	return []matrixFlow{
		{name: "device", waits: true, try: func(j *journey) { j.refresh(j.tokens(j.must("", "device", "--open"))) }},
		{name: "CIBA poll", waits: true, client: poll, try: func(j *journey) {
			j.refresh(j.tokens(j.must("", "ciba", "--login-hint", "alice", "--binding-message", "tx-1")))
		}},
		{name: "CIBA poll, signed", waits: true, client: signedPoll, key: true, try: func(j *journey) {
			j.refresh(j.tokens(j.must("", "ciba", "--login-hint", "alice", "--request-object")))
		}},
		{name: "CIBA ping", waits: true, client: ping, try: func(j *journey) {
			j.ping = freeAddress(j.t)
			j.refresh(j.tokens(j.must("", "ciba", "--login-hint", "alice", "--ping", j.ping)))
		}},

		{name: "CIBA poll, the user takes a while", waits: true, with: plain, client: poll, try: func(j *journey) {
			j.tokens(j.must("", "ciba", "--login-hint", "later"))
		}},
		{name: "CIBA poll, hints", waits: true, with: plain, client: poll, try: (*journey).hints},
		{
			name: "CIBA poll, the user says no", waits: true, with: plain, client: poll, try: func(j *journey) {
				j.refused(6, "access_denied", "ciba", "--login-hint", "deny")
			},
		},
		{
			name: "device, the user says no", waits: true, with: plain, user: "deny",
			try: func(j *journey) { j.refused(6, "access_denied", "device", "--open") },
		},

		{name: "password", try: (*journey).password},
		{name: "jwt-bearer", key: true, try: (*journey).bearer},
		{name: "token-exchange", try: (*journey).exchange},
	}
}

// tokenFlows are about what comes of tokens.
func tokenFlows() []matrixFlow {
	return []matrixFlow{
		{name: "userinfo", try: (*journey).userInfo},
		{
			name: "userinfo, signed", client: metadata{"userinfo_signed_response_alg": "PS256"},
			config: "userinfo_signed_response_alg: PS256\n", try: (*journey).userInfo,
		},
		{
			name: "userinfo, encrypted",
			client: metadata{
				"userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "RSA-OAEP",
				"userinfo_encrypted_response_enc": "A128CBC-HS256",
			},
			config: "userinfo_signed_response_alg: ES256\nuserinfo_encrypted_response_alg: [RSA-OAEP]\n" + forRSA,
			try:    (*journey).userInfo,
		},
		{
			name: "ID Token, encrypted",
			client: metadata{
				"id_token_encrypted_response_alg": "ECDH-ES",
				"id_token_encrypted_response_enc": "A128GCM",
			},
			config: "token_encryption_alg: [ECDH-ES]\n" + forEC, try: func(j *journey) { j.logInAndRefresh() },
		},
		{
			name: "introspect --signed", client: metadata{"introspection_signed_response_alg": "ES256"},
			try: func(j *journey) { j.introspectSigned() },
		},
		{
			name: "introspect --signed, encrypted",
			client: metadata{
				"introspection_signed_response_alg":    "ES256",
				"introspection_encrypted_response_alg": "RSA-OAEP-256",
				"introspection_encrypted_response_enc": "A128GCM",
			},
			config: "introspection_encrypted_response_alg: [RSA-OAEP-256]\n" + forRSA,
			try:    func(j *journey) { j.introspectSigned() },
		},
		{name: "revoke a refresh token", try: (*journey).revokeRefreshToken},
		{name: "resource", try: (*journey).resource},
		{
			name: "pairwise", with: plain,
			client: metadata{
				"subject_type": "pairwise",
				"grant_types":  []string{"authorization_code", "refresh_token"},
			},
			try: func(j *journey) { j.logInAndRefresh() },
		},
		{
			name: "the user says no", user: "deny",
			try: func(j *journey) { j.refused(6, "access_denied", "client", "-p", "0") },
		},
		{
			name: "nobody is logged in", try: func(j *journey) {
				j.refused(6, "login_required", "client", "-p", "0", "--prompt", "none")
			},
		},
		{name: "a resource that is not there", try: func(j *journey) {
			j.refused(3, "invalid_target", "client", "-p", "0", "--resource", "https://unknown.example/")
		}},
		{name: "a resource that is not there, --par", try: func(j *journey) {
			j.refused(3, "invalid_target", "client", "-p", "0", "--par", "--resource", "https://unknown.example/")
		}},
	}
}

// confidential are the methods of clients that have something to prove: others may
// not use client credentials (RFC 6749 section 4.4).
func confidential() []combination {
	return slices.DeleteFunc(slices.Clone(methods), func(c combination) bool { return c.auth == "none" })
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	s := startSecond(t)
	var cells []*cell
	for _, f := range append(matrixFlows(), algorithmFlows()...) {
		with := f.with
		if with == nil {
			with = common
		}
		for _, w := range with {
			c := &cell{Flow: f.name, Auth: w.auth, Bound: w.bound, waits: f.waits}
			c.try = func(j *journey) {
				f.start(j, s, w)
				f.try(j)
			}
			cells = append(cells, c)
		}
	}
	runCells(t, cells)
}

// plain is one combination, for what has nothing to do with it.
var plain = []combination{{"client_secret_basic", "none"}}

// algorithmFlows try each algorithm where it is chosen.
func algorithmFlows() []matrixFlow {
	logIn := func(j *journey) { j.logInAndRefresh() }
	var list []matrixFlow
	for _, alg := range []string{"HS256", "RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		list = append(list,
			matrixFlow{
				name: "ID Token by " + alg, with: plain, client: metadata{"id_token_signed_response_alg": alg},
				try: logIn,
			})
		if alg != "Ed25519" { // which the tests' own client cannot name
			own := plain
			if alg != "HS256" {
				own = []combination{{"private_key_jwt " + alg, "none"}}
			}
			list = append(list,
				matrixFlow{
					name: "JAR by " + alg, with: own, client: metadata{"request_object_signing_alg": alg},
					config: "request_object_signing_alg: " + alg + "\n", try: (*journey).requestObject,
				})
		}
		if alg == "HS256" {
			continue
		}
		list = append(list,
			matrixFlow{
				name: "DPoP by " + alg, with: []combination{{"client_secret_basic", "DPoP"}},
				config: "dpop_signing_alg: " + alg + "\n", try: logIn,
			},
			matrixFlow{
				name: "JARM by " + alg, with: plain, client: metadata{"authorization_signed_response_alg": alg},
				config: "response_mode: jwt\nauthorization_signed_response_alg: " + alg + "\n", try: (*journey).jarm,
			},
			matrixFlow{
				name: "introspect --signed, by " + alg, with: plain,
				client: metadata{"introspection_signed_response_alg": alg},
				config: "introspection_signed_response_alg: " + alg + "\n", try: (*journey).introspectSigned,
			},
			matrixFlow{
				name: "userinfo, by " + alg, with: plain, client: metadata{"userinfo_signed_response_alg": alg},
				config: "userinfo_signed_response_alg: " + alg + "\n", try: (*journey).userInfo,
			})
	}
	encs := []string{"A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"}
	for i, alg := range []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"} {
		key := forEC
		if strings.HasPrefix(alg, "RSA") {
			key = forRSA
		}
		list = append(list, matrixFlow{
			name: "ID Token for " + alg, with: plain,
			client: metadata{
				"id_token_encrypted_response_alg": alg,
				"id_token_encrypted_response_enc": encs[i%len(encs)],
			},
			config: "token_encryption_alg: [" + alg + "]\n" + key, try: logIn,
		})
	}
	return list
}

// tokens looks at what every login of alice has to give.
func (j *journey) tokens(r *ran) *ran {
	j.t.Helper()
	j.access(r)
	if r.IDToken == nil || !r.IDToken.Verified || r.IDToken.Claims["sub"] == nil {
		j.fatalf("%s: the ID Token: %+v\n%s", strings.Join(r.args, " "), r.IDToken, r.stderr)
	}
	return r
}

// access looks at the type of an access token.
func (j *journey) access(r *ran) *ran {
	j.t.Helper()
	want := "Bearer"
	if j.cell.Bound == "DPoP" {
		want = "DPoP"
	}
	if r.text("access_token") == "" || !strings.EqualFold(r.text("token_type"), want) {
		j.fatalf("%s: the token_type %q, want %s", strings.Join(r.args, " "), r.text("token_type"), want)
	}
	return r
}

// logIn logs alice in through the browser.
func (j *journey) logIn(args ...string) *ran {
	j.t.Helper()
	r := j.tokens(j.must("", append([]string{"client", "-p", orElse(j.port, "0")}, args...)...))
	form := j.authorization(r)
	if form.Get("client_secret") != "" || form.Get("client_assertion") != "" {
		j.errorf("the browser carried the client's secret")
	}
	return r
}

// refresh renews what a login gave, twice, and holds the first against the ID Token
// before.
func (j *journey) refresh(login *ran) *ran {
	j.t.Helper()
	first := login.text("refresh_token")
	if first == "" {
		j.fatalf("the login gave no refresh token: %v", login.TokenResponse)
	}
	before := j.write("id-token", login.text("id_token"))
	r := j.tokens(j.must(first, "refresh-token", "--refresh-token", "-", "--previous-id-token", before))
	second := r.text("refresh_token")
	if second == "" || second == first {
		j.errorf("the refresh token was not rotated")
	}
	j.hold(r, "refresh.sub: "+r.outcome("refresh.sub"), r.outcome("refresh.sub") == "pass")
	j.hold(r, "one token request", j.rp == nil || len(r.to("/token")) == 1)
	return j.tokens(j.must(second, "refresh-token", "--refresh-token", "-"))
}

func (j *journey) logInAndRefresh(args ...string) *ran {
	j.t.Helper()
	r := j.logIn(args...)
	j.refresh(r)
	return r
}

// pushed is a login with PAR: the browser carries nothing but the reference.
func (j *journey) pushed() {
	r := j.logInAndRefresh("--par")
	j.carries(r, "client_id", "request_uri")
	j.hold(r, "one pushed request", len(r.to("/request")) == 1)
}

// requestObject is a login with a signed request, which may be encrypted.
func (j *journey) requestObject() {
	r := j.logInAndRefresh("--request-object")
	form := j.authorization(r)
	j.hold(r, fmt.Sprintf("the request carries %v", form),
		form.Get("client_id") == j.rp.ID && !form.Has("redirect_uri") && !form.Has("nonce") && !form.Has("state"))
	j.object(r, form.Get("request"))
}

// object looks at a request object (RFC 9101 section 4).
func (j *journey) object(r *ran, object string) {
	if strings.Contains(j.cell.Flow, ",") {
		j.hold(r, "the request object is encrypted", strings.Count(object, ".") == 4)
		return
	}
	header, claims := jwtParts(j.t, object)
	j.hold(r, fmt.Sprintf("the request object: %v %v", header, claims),
		header["typ"] == "oauth-authz-req+jwt" && header["alg"] == j.rp.Registered.text("request_object_signing_alg") &&
			claims["aud"] == j.rp.provider.Issuer && claims["iss"] == j.rp.ID && claims["sub"] == nil)
}

func (j *journey) pushedObject() {
	r := j.logInAndRefresh("--request-object", "--par")
	j.carries(r, "client_id", "request_uri")
	for _, pushed := range r.to("/request") {
		j.object(r, pushed.form().Get("request"))
	}
}

// jarm is a login whose answer is a JWT.
func (j *journey) jarm() {
	r := j.logInAndRefresh()
	j.hold(r, "the answer is verified: "+r.outcome("jarm.signature"),
		r.outcome("jarm.signature") == "pass" && r.outcome("jarm.aud") == "pass" &&
			r.outcome("authorization_response.state") == "pass")
}

// hybrid is a login that gives an ID Token on both ways.
func (j *journey) hybrid() {
	r := j.logInAndRefresh()
	j.hold(r, "the first ID Token is verified", r.FrontIDToken != nil && r.FrontIDToken.Verified)
	j.hold(r, "c_hash: "+r.outcome("id_token.c_hash"),
		slices.ContainsFunc(r.Checks, func(c struct{ ID, Outcome, Reason string }) bool {
			return c.ID == "id_token.c_hash" && c.Outcome == "pass"
		}))
	j.hold(r, "the ID Tokens are of one user", r.outcome("hybrid.sub") == "pass")
	if !strings.Contains(j.cell.Flow, "fragment") {
		j.hold(r, "form_post", j.authorization(r).Get("response_mode") == "form_post")
	}
}

// implicit is a login that the token endpoint hears nothing of.
func (j *journey) implicit() {
	r := j.must("", "client", "-p", "0")
	j.hold(r, "the ID Token is verified", r.IDToken != nil && r.IDToken.Verified)
	j.hold(r, "no token request, and form_post",
		len(r.to("/token")) == 0 && j.authorization(r).Get("response_mode") == "form_post")
	if strings.HasSuffix(j.cell.Flow, " token") {
		j.access(r)
		j.hold(r, fmt.Sprintf("UserInfo: %v", r.UserInfo),
			r.UserInfo["sub"] == "alice" && r.outcome("id_token.at_hash") == "pass")
	}
}

func (j *journey) details() {
	r := j.logInAndRefresh()
	j.hold(r, fmt.Sprintf("authorization_details: %v", r.TokenResponse),
		r.TokenResponse["authorization_details"] != nil &&
			r.outcome("token_response.authorization_details_granted") == "pass")
}

func (j *journey) jwtAccessToken() {
	r := j.logIn()
	j.hold(r, "the access token is verified", r.AccessToken != nil && r.AccessToken.Verified)
	again := j.refresh(r)
	j.hold(again, "the access token is verified", again.AccessToken != nil && again.AccessToken.Verified)
}

func (j *journey) claims() {
	r := j.logInAndRefresh()
	j.hold(r, fmt.Sprintf("claims: %v, %v", r.UserInfo, r.IDToken.Claims),
		r.UserInfo["email"] == "alice@example.com" && r.IDToken.Claims["acr"] == "urn:example:loa:2")
}

// credentials gets a token for the client itself, and asks about it before and
// after it is revoked.
func (j *journey) credentials() {
	r := j.access(j.must("", "client-credentials", "--scope", "api:read", "--resource", "https://opaque.example/"))
	j.hold(r, "no ID Token", r.IDToken == nil)
	token := r.text("access_token")
	asked := j.must(token, "introspect", "--token", "-")
	j.hold(asked, fmt.Sprintf("introspection: %v", asked.Introspection),
		asked.Introspection["active"] == true && asked.Introspection["client_id"] == j.rp.ID &&
			asked.Introspection["scope"] == "api:read")
	if cnf, _ := asked.Introspection["cnf"].(map[string]any); (cnf["jkt"] != nil) != (j.cell.Bound == "DPoP") ||
		(cnf["x5t#S256"] != nil) != (j.cell.Bound == "mTLS") {
		j.errorf("the token is bound by %v", cnf)
	}
	j.revoked(token, "access_token")
}

// revoked revokes a token and asks what became of it.
func (j *journey) revoked(token, hint string) {
	j.must(token, "revoke", "--token", "-", "--token-type-hint", hint)
	asked := j.must(token, "introspect", "--token", "-", "--token-type-hint", hint)
	j.hold(asked, fmt.Sprintf("after the revocation: %v", asked.Introspection), asked.Introspection["active"] == false)
}

func (j *journey) introspectSigned() {
	r := j.logIn()
	for hint, token := range map[string]string{
		"access_token":  r.text("access_token"),
		"refresh_token": r.text("refresh_token"),
	} {
		asked := j.must(token, "introspect", "--token", "-", "--signed", "--token-type-hint", hint)
		j.hold(asked, fmt.Sprintf("introspection: %v", asked.Introspection),
			asked.Introspection["active"] == true && asked.IntrospectionToken != nil &&
				asked.IntrospectionToken.Verified)
	}
}

func (j *journey) revokeRefreshToken() {
	r := j.logIn()
	token := r.text("refresh_token")
	j.revoked(token, "refresh_token")
	refused := j.run(token, "refresh-token", "--refresh-token", "-")
	j.hold(refused, fmt.Sprintf("exit %d %+v", refused.code, refused.Error),
		refused.code == 3 && refused.Error != nil && refused.Error.Code == "invalid_grant")
}

func (j *journey) password() {
	secret := j.write("password", "bob-password")
	r := j.tokens(j.must("", "password", "--username", "bob", "--password", secret, "--scope", "openid", "--scope",
		"email"))
	j.hold(r, fmt.Sprintf("UserInfo: %v", r.UserInfo), r.UserInfo["email"] == "bob@example.com")
	wrong := j.run("", "password", "--username", "bob", "--password", j.write("wrong", "wrong"))
	j.hold(wrong, fmt.Sprintf("exit %d %+v", wrong.code, wrong.Error),
		wrong.code == 3 && wrong.Error != nil && wrong.Error.Code == "invalid_grant")
}

func (j *journey) bearer() {
	r := j.tokens(j.must("", "jwt-bearer", "--subject", "bob", "--scope", "openid"))
	j.hold(r, fmt.Sprintf("UserInfo: %v", r.UserInfo), r.UserInfo["sub"] == "bob")
}

func (j *journey) exchange() {
	subject := j.write("subject", j.logIn().text("access_token"))
	r := j.access(j.must("", "token-exchange", "--subject-token", subject, "--audience", "https://api.example/",
		"--scope", "api:read"))
	j.hold(r, fmt.Sprintf("%v", r.TokenResponse),
		r.text("issued_token_type") == "urn:ietf:params:oauth:token-type:access_token" &&
			claimsOf(j.t, r.text("access_token"))["sub"] == "alice")
}

// userInfo asks by the command of that name, with the token of a login.
func (j *journey) userInfo() {
	r := j.logIn("--scope", "openid", "--scope", "email")
	info := j.must(r.text("access_token"), "userinfo", "--token", "-")
	j.hold(info, fmt.Sprintf("%v", info.UserInfo), info.UserInfo["email"] == "alice@example.com")
	if strings.Contains(j.cell.Flow, ",") {
		j.hold(info, "UserInfo is verified: "+info.outcome("userinfo.signature"),
			info.outcome("userinfo.signature") == "pass" && r.outcome("userinfo.signature") == "pass")
	}
}

// resource uses a token where it is good for: the provider's own UserInfo is the
// one resource here.
func (j *journey) resource() {
	r := j.logIn()
	used := j.must(r.text("access_token"), "resource", j.rp.endpoint("userinfo_endpoint"), "--token", "-")
	j.hold(used, "one request", len(used.to("/me")) == 1)
	bad := j.run("not-a-token", "resource", j.rp.endpoint("userinfo_endpoint"), "--token", "-")
	j.hold(bad, fmt.Sprintf("exit %d %+v", bad.code, bad.Error),
		bad.code == 3 && bad.Error != nil && bad.Error.Code == "invalid_token")
}

// refused runs a command that the provider, or its user, refuses.
func (j *journey) refused(code int, reason string, args ...string) {
	r := j.run("", args...)
	kind := map[int]string{3: "provider", 6: "interaction"}[code]
	j.hold(r, fmt.Sprintf("exit %d %+v", r.code, r.Error),
		r.code == code && r.Error != nil && r.Error.Kind == kind && r.Error.Code == reason && r.Error.Hint != "")
}

// hints names the user in the other ways.
func (j *journey) hints() {
	r := j.tokens(j.must("", "ciba", "--login-hint", "alice", "--scope", "openid", "--requested-expiry", "60s"))
	token := j.write("hint", r.text("id_token"))
	j.tokens(j.must("", "ciba", "--id-token-hint", token))
	j.tokens(j.must("", "ciba", "--login-hint-token", token, "--user-code", j.write("code", "1234"), "--acr-values",
		"urn:example:loa:2"))
}
