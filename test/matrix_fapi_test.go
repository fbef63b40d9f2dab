// FAPI 2.0 at npm oidc-provider, which holds clients to it: the program's profiles
// have to be all that is needed.

package test

import (
	"fmt"
	"testing"
)

var fapi = []combination{
	{"private_key_jwt PS256", "DPoP"},
	{"private_key_jwt EdDSA", "DPoP"},
	{"private_key_jwt ES256", "mTLS"},
	{"tls_client_auth", "mTLS"},
	{"tls_client_auth", "DPoP"},
	{"self_signed_tls_client_auth", "mTLS"},
}

// fapiFlow is a login under a profile, with what the profile wants registered.
func fapiFlow(profile string, c combination) matrixFlow {
	alg := newSigningAlg(c)
	m := metadata{
		"grant_types":                           []string{"authorization_code", "refresh_token", "client_credentials"},
		"id_token_signed_response_alg":          alg,
		"require_pushed_authorization_requests": true,
	}
	if profile == "fapi2-message-signing" {
		m["request_object_signing_alg"], m["require_signed_request_object"] = alg, true
		m["authorization_signed_response_alg"], m["introspection_signed_response_alg"] = alg, alg
	}
	return matrixFlow{
		name: profile, client: m, config: "profile: " + profile + "\n",
		try: func(j *journey) { j.profiled(profile) },
	}
}

// newSigningAlg is what a client of a combination signs with.
func newSigningAlg(c combination) string {
	if alg := c.registration().text("token_endpoint_auth_signing_alg"); alg != "" {
		return alg
	}
	return "ES256"
}

func TestMatrixFAPI(t *testing.T) {
	t.Parallel()
	s := startFAPI(t)
	var cells []*cell
	for _, profile := range []string{"fapi2", "fapi2-message-signing"} {
		for _, w := range fapi {
			f := fapiFlow(profile, w)
			c := &cell{Flow: f.name, Auth: w.auth, Bound: w.bound}
			c.try = func(j *journey) {
				f.start(j, s, w)
				f.try(j)
			}
			cells = append(cells, c)
		}
	}
	runCells(t, cells)
}

// profiled logs in, refreshes without rotation (FAPI 2.0 Security Profile section
// 5.3.2.1), asks about the tokens and revokes them.
func (j *journey) profiled(profile string) {
	signing := profile == "fapi2-message-signing"
	r := j.logIn()
	j.carries(r, "client_id", "request_uri")
	for _, pushed := range r.to("/request") {
		j.hold(r, "the request is signed where it has to be", pushed.form().Has("request") == signing)
		if signing {
			j.object(r, pushed.form().Get("request"))
		}
	}
	j.hold(r, "the answer is signed where it has to be: "+r.outcome("jarm.signature"),
		(r.outcome("jarm.signature") == "pass") == signing)
	if !signing {
		j.hold(r, "iss: "+r.outcome("authorization_response.iss"), r.outcome("authorization_response.iss") == "pass")
	}
	token := r.text("refresh_token")
	before := j.write("id-token", r.text("id_token"))
	for range 2 {
		r = j.tokens(j.must(token, "refresh-token", "--refresh-token", "-", "--previous-id-token", before))
	}
	asked := j.must(r.text("access_token"), "introspect", "--token", "-")
	j.hold(asked, fmt.Sprintf("introspection: %v", asked.Introspection), asked.Introspection["active"] == true)
	j.hold(asked, "a signed answer where it has to be",
		(asked.IntrospectionToken != nil && asked.IntrospectionToken.Verified) == signing)
	j.access(j.must("", "client-credentials", "--scope", "api:read", "--resource", "https://opaque.example/"))
	j.revoked(r.text("access_token"), "access_token")
	j.revoked(token, "refresh_token")
}
