// What arrived at the provider, from its log: that the client proved itself and
// bound its tokens as it is registered, at each endpoint, and that the browser
// carried what it had to.

package test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Where a client proves itself, and where tokens are bound or used.
var (
	provesItself = []string{
		"/token", "/request", "/token/introspection", "/token/revocation", "/device/auth",
		"/backchannel",
	}
	bindsTokens = []string{"/token", "/request", "/me"}
)

// arrived looks at what one command sent.
func (j *journey) arrived(r *ran) {
	j.t.Helper()
	last := map[string]received{}
	for _, request := range r.requests {
		if slices.Contains(provesItself, request.Path) {
			j.proves(request)
			j.listener(request)
		}
		if slices.Contains(bindsTokens, request.Path) {
			j.binds(request)
			j.listener(request)
			last[request.Path] = request
		}
		if !expectedStatus(request) {
			j.errorf("%s %s: %d %s", request.Method, request.Path, request.Status, request.Error)
		}
	}
	for path, request := range last {
		if j.cell.Bound != "DPoP" {
			continue
		}
		if _, claims := jwtParts(j.t, request.Headers["dpop"]); claims["nonce"] == nil {
			j.errorf("%s: the proof has no nonce of the provider's", path)
		}
	}
}

// expectedStatus says if an answer is no refusal, but perhaps a request for a nonce
// (RFC 9449 section 8) or for patience.
func expectedStatus(r received) bool {
	if r.Status < 400 {
		return true
	}
	for _, asks := range []string{"use_dpop_nonce", "authorization_pending", "slow_down"} {
		if strings.Contains(r.Error, asks) {
			return true
		}
	}
	return false
}

func (j *journey) usesCertificate() bool {
	return strings.Contains(j.cell.Auth, "tls_client_auth") || j.cell.Bound == "mTLS"
}

// listener says that what needs a certificate goes to the alias for mutual TLS
// (RFC 8705 section 5), with the certificate, and nothing else does.
func (j *journey) listener(r received) {
	want, certificate := "main", ""
	if j.usesCertificate() {
		want, certificate = "mtls", "tls-client"
		if strings.HasPrefix(j.cell.Auth, "self_signed") {
			certificate = "self"
		}
	}
	if r.Listener != want || r.Certificate != certificate {
		j.errorf("%s: at the listener %s with the certificate %q, want %s and %q", r.Path, r.Listener, r.Certificate,
			want, certificate)
	}
}

// proves says that the client authenticates by its method and by no other.
func (j *journey) proves(r received) {
	j.t.Helper()
	form, _ := url.ParseQuery(r.Body)
	scheme, _, _ := strings.Cut(r.Headers["authorization"], " ")
	got := [4]bool{scheme == "Basic", form.Has("client_secret"), form.Has("client_assertion"), form.Has("client_id")}
	method, _, _ := strings.Cut(j.cell.Auth, " ")
	var want [4]bool
	switch method {
	case "client_secret_basic":
		want[0] = true
	case "client_secret_post":
		want[1], want[3] = true, true
	case "client_secret_jwt", "private_key_jwt":
		want[2], want[3] = true, true
	default:
		want[3] = true
	}
	if r.Path == "/request" { // which has the client_id of the authorization request
		want[3] = got[3]
	}
	if got != want {
		j.errorf("%s: Basic, client_secret, client_assertion, client_id: %v, want %v", r.Path, got, want)
	}
	if form.Get("client_id") != "" && form.Get("client_id") != j.rp.ID ||
		form.Get("client_secret") != "" && form.Get("client_secret") != j.rp.Secret {
		j.errorf("%s: the client_id %q", r.Path, form.Get("client_id"))
	}
	if assertion := form.Get("client_assertion"); assertion != "" {
		j.asserts(r.Path, form.Get("client_assertion_type"), assertion)
	}
}

// asserts looks at a client assertion (RFC 7523 section 3). Its audience is the
// issuer, as one string.
func (j *journey) asserts(path, kind, assertion string) {
	j.t.Helper()
	header, claims := jwtParts(j.t, assertion)
	alg := j.rp.Signing.Alg
	if strings.HasPrefix(j.cell.Auth, "client_secret_jwt") {
		alg = "HS256"
	}
	if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || header["alg"] != alg {
		j.errorf("%s: client_assertion_type %q, alg %v, want %s", path, kind, header["alg"], alg)
	}
	if claims["aud"] != j.rp.provider.Issuer || claims["iss"] != j.rp.ID || claims["sub"] != j.rp.ID ||
		claims["exp"] == nil || !j.fresh(claims["jti"]) {
		j.errorf("%s: the client assertion says %v", path, claims)
	}
}

// fresh says if a jti is there for the first time.
func (j *journey) fresh(jti any) bool {
	id, _ := jti.(string)
	known := j.jtis[id]
	j.jtis[id] = true
	return id != "" && !known
}

// binds says that there is a proof where tokens are bound to a key, and only there.
func (j *journey) binds(r received) {
	j.t.Helper()
	proof := r.Headers["dpop"]
	if (proof != "") != (j.cell.Bound == "DPoP") {
		j.errorf("%s: a DPoP proof %q", r.Path, proof)
		return
	}
	scheme, token, _ := strings.Cut(r.Headers["authorization"], " ")
	if r.Path == "/me" && scheme != map[bool]string{true: "DPoP", false: "Bearer"}[proof != ""] {
		j.errorf("/me: Authorization: %s", scheme)
	}
	if proof == "" {
		return
	}
	header, claims := jwtParts(j.t, proof)
	jwk, _ := header["jwk"].(map[string]any)
	// one key for all
	if header["typ"] != "dpop+jwt" || jwk == nil || jwk["d"] != nil || j.jwk != nil && !maps.Equal(j.jwk, jwk) {
		j.errorf("%s: the header of the proof: %v", r.Path, header)
	}
	j.jwk = jwk
	if _, alg, chosen := strings.Cut(j.cell.Flow, "DPoP by "); chosen && header["alg"] != alg {
		j.errorf("%s: a proof by %v", r.Path, header["alg"])
	}
	place := map[string]string{"main": j.rp.provider.Issuer, "mtls": j.rp.provider.MTLS}[r.Listener] + r.Path
	if claims["htm"] != r.Method || claims["htu"] != place || claims["iat"] == nil || !j.fresh(claims["jti"]) {
		j.errorf("%s: the proof: %v, want %s %s", r.Path, claims, r.Method, place)
	}
	if (claims["ath"] != nil) != (r.Path == "/me" && token != "") {
		j.errorf("%s: the proof's ath: %v", r.Path, claims["ath"])
	}
}

// authorization is the one authorization request of a run.
func (j *journey) authorization(r *ran) url.Values {
	var found []url.Values
	for _, request := range r.requests {
		if request.Path == "/auth" {
			found = append(found, request.form())
		}
	}
	if len(found) != 1 {
		j.fatalf("%s: %d authorization requests", strings.Join(r.args, " "), len(found))
	}
	return found[0]
}

// to are the requests of a run to a path that were not refused.
func (r *ran) to(path string) []received {
	return slices.DeleteFunc(slices.Clone(r.requests),
		func(request received) bool { return request.Path != path || request.Status >= 400 })
}

// carries says that an authorization request has these parameters and no others.
func (j *journey) carries(r *ran, names ...string) url.Values {
	form := j.authorization(r)
	var got []string
	for name := range form {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) || form.Get("client_id") != j.rp.ID {
		j.errorf("the authorization request carries %v, want %v", got, names)
	}
	return form
}
