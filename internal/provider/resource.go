// Protected resources: RFC 6750, RFC 9449 section 7, RFC 8705 section 3, RFC 9470
// (step-up), RFC 9728 (metadata). UserInfo is one, and the provider has another
// to try access tokens at.

package provider

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

const (
	resourcePath         = "/resource"
	resourceMetadataPath = "/.well-known/oauth-protected-resource" + resourcePath
)

// A denial is why a resource is not shown.
type denial struct {
	status            int
	code, description string
	members           string // more of the challenge
}

func badToken(why string) *denial {
	return &denial{status: http.StatusUnauthorized, code: "invalid_token", description: why}
}

// shown is an access token that was accepted.
type shown struct {
	info  goidc.TokenInfo
	grant *goidc.Grant
}

// login is a claim of the login behind the token.
func (s *shown) login(name string) any { return s.grant.Store[name] }

// accessToken is the token of a request, and whether it came as a DPoP one.
func accessToken(r *http.Request) (token string, dpop bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return token, false
	case "dpop":
		return token, true
	}
	return "", false
}

// A resourceServer serves what access tokens are for.
type resourceServer struct{ *Provider }

// admit looks at the access token of a request and at how the client proves
// that it is its own.
func (rs resourceServer) admit(r *http.Request) (*shown, *denial) {
	token, dpop := accessToken(r)
	if token == "" {
		return nil, &denial{status: http.StatusUnauthorized}
	}
	info, err := rs.library.Introspect(r.Context(), token)
	if err != nil || !info.IsActive {
		return nil, badToken("the access token is expired, revoked or unknown")
	}
	grant, err := rs.store.Grant(r.Context(), info.GrantID)
	if err != nil || rs.clients.find(info.ClientID) == nil {
		return nil, badToken("the access token's client is gone")
	}
	bound := goidc.TokenConfirmation{}
	if info.Confirmation != nil {
		bound = *info.Confirmation
	}
	if (bound.JWKThumbprint != "") != dpop {
		return nil, badToken("the access token is of another type")
	}
	if refused := rs.ownKey(r, token, bound.JWKThumbprint); refused != nil {
		return nil, refused
	}
	if !ownCertificate(r.Context(), bound.CertThumbprint) {
		return nil, badToken("the access token is bound to another certificate")
	}
	return &shown{info, grant}, nil
}

// ownKey wants a DPoP proof by the key that a token is bound to.
func (rs resourceServer) ownKey(r *http.Request, token, jkt string) *denial {
	if jkt == "" {
		return nil
	}
	proof, err := rs.readProof(r)
	switch {
	case err != nil:
		return &denial{status: http.StatusUnauthorized, code: "invalid_dpop_proof", description: err.Error()}
	case proof == nil:
		return &denial{status: http.StatusUnauthorized, code: "invalid_dpop_proof", description: "there is no proof"}
	case rs.options.DPoPNonces && proof.nonce != rs.nonces.current(true):
		return &denial{
			status: http.StatusUnauthorized, code: "use_dpop_nonce",
			description: "the proof needs the nonce of the header DPoP-Nonce",
		}
	case proof.ath != hashOf(token) || proof.jkt != jkt:
		return badToken("the proof is for another access token, or by another key")
	case r.URL.Path != "/userinfo" && rs.once(r.Context(), proof.jti) != nil: // there the library looks
		return &denial{
			status: http.StatusUnauthorized, code: "invalid_dpop_proof",
			description: "the proof was used before",
		}
	}
	return nil
}

func ownCertificate(ctx context.Context, thumbprint string) bool {
	if thumbprint == "" {
		return true
	}
	c, ok := ctx.Value(certificateKey{}).(*x509.Certificate)
	return ok && hashOf(string(c.Raw)) == thumbprint
}

// challenge answers with a denial (RFC 6750 section 3, RFC 9449 section 7.1).
func (rs resourceServer) challenge(w http.ResponseWriter, r *http.Request, refused *denial) {
	var members []string
	if refused.code != "" {
		members = append(members, fmt.Sprintf("error=%q, error_description=%q", refused.code, refused.description))
	}
	if refused.members != "" {
		members = append(members, refused.members)
	}
	if r.URL.Path != "/userinfo" {
		members = append(members, fmt.Sprintf("resource_metadata=%q", rs.Issuer+resourceMetadataPath))
	}
	_, dpop := accessToken(r)
	dpop = dpop || strings.Contains(refused.code, "dpop")
	if !dpop {
		w.Header().Add("WWW-Authenticate", "Bearer "+strings.Join(members, ", "))
	}
	if dpop || refused.code == "" {
		algorithms := strings.Join(converted[string](rs.options.clientSignatures()), " ")
		w.Header().Add("WWW-Authenticate",
			"DPoP "+strings.Join(append(members, fmt.Sprintf("algs=%q", algorithms)), ", "))
	}
	if rs.options.DPoPNonces && dpop {
		w.Header().Set("DPoP-Nonce", rs.nonces.current(true))
	}
	refuse(w, refused.status, refused.code, refused.description)
}

// guardUserInfo refuses at UserInfo what the library lets pass, or refuses in
// other words than the specifications.
func (rs resourceServer) guardUserInfo(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/userinfo" || r.Header.Get("Authorization") == "" {
			next.ServeHTTP(w, r)
			return
		}
		shown, refused := rs.admit(r)
		if refused == nil && !has(shown.info.Scopes, "openid") {
			refused = &denial{
				http.StatusForbidden, "insufficient_scope", "the access token has not the scope openid",
				`scope="openid"`,
			}
		}
		if refused != nil {
			rs.challenge(w, r, refused)
			return
		}
		res := responseOf(next, r)
		if res.Status == http.StatusBadRequest && strings.Contains(string(res.Body), "invalid DPoP proof") {
			rs.challenge(w, r,
				&denial{
					status: http.StatusUnauthorized, code: "invalid_dpop_proof",
					description: "the proof was used before",
				})
			return
		}
		rs.rotateNonce(res.Header, r, res.OK())
		res.Send(w)
	})
}

func (rs resourceServer) rotateNonce(h http.Header, r *http.Request, ok bool) {
	if _, dpop := accessToken(r); dpop && ok && rs.options.DPoPNonces {
		h.Set("DPoP-Nonce", rs.nonces.rotate(true))
	}
}

// protectedResource serves the resource and its metadata.
func (rs resourceServer) protectedResource(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case resourceMetadataPath:
			rs.showResourceMetadata(w)
		case resourcePath, resourcePath + "/email", resourcePath + "/step-up":
			rs.showResource(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (rs resourceServer) showResourceMetadata(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(EncodeJSON(map[string]any{
		"resource": rs.Issuer + resourcePath, "authorization_servers": []string{rs.Issuer},
		"jwks_uri":      rs.Issuer + "/jwks",
		"resource_name": "The development provider's resource", "scopes_supported": strings.Fields(allScopes),
		"bearer_methods_supported":                   []string{"header"},
		"dpop_signing_alg_values_supported":          rs.options.clientSignatures(),
		"authorization_details_types_supported":      []string{"payment", "account"},
		"tls_client_certificate_bound_access_tokens": rs.at.mtls != "",
		"dpop_bound_access_tokens_required":          false,
	}))
}

func (rs resourceServer) showResource(w http.ResponseWriter, r *http.Request) {
	shown, refused := rs.admit(r)
	if refused == nil {
		refused = rs.mayHave(shown, r.URL.Path)
	}
	if refused != nil {
		rs.challenge(w, r, refused)
		return
	}
	rs.rotateNonce(w.Header(), r, true)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(EncodeJSON(map[string]any{
		"sub": shown.info.Subject, "client_id": shown.info.ClientID, "scope": shown.info.Scopes,
		"acr": shown.login("acr"),
		"act": shown.login("act"), "authorization_details": shown.info.AuthDetails,
	}))
}

// How the login behind a token has to be at resource/step-up.
const (
	stepUpACR    = "2"
	stepUpMaxAge = 300 * time.Second
)

// mayHave refuses tokens that are good, and not good enough.
func (rs resourceServer) mayHave(s *shown, path string) *denial {
	audience := s.grant.Resources
	if s.info.ResourceAudiences != nil {
		audience = s.info.ResourceAudiences
	}
	if audience != nil && !slices.Contains(audience, rs.Issuer) && !slices.Contains(audience, rs.Issuer+resourcePath) {
		return badToken("the access token is for another resource")
	}
	switch {
	case path == resourcePath+"/email" && !has(s.info.Scopes, "email"):
		return &denial{
			http.StatusForbidden, "insufficient_scope", "the access token has not the scope email",
			`scope="email"`,
		}
	case path == resourcePath+"/step-up" && !steppedUp(s):
		return &denial{
			http.StatusUnauthorized, "insufficient_user_authentication", "another login is needed",
			fmt.Sprintf(`acr_values="%s", max_age="%.0f"`, stepUpACR, stepUpMaxAge.Seconds()),
		}
	}
	return nil
}

func steppedUp(s *shown) bool {
	at, ok := seconds(s.login("auth_time"))
	return ok && s.login("acr") == stepUpACR && time.Since(time.Unix(at, 0)) <= stepUpMaxAge
}

// seconds reads a time of a grant, which may have been through JSON.
func seconds(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}

// clientOfToken is the client of the access token that a request shows.
func (p *Provider) clientOfToken(r *http.Request) string {
	token, _ := accessToken(r)
	if token == "" {
		return ""
	}
	if t := ParseJWT(token); t != nil {
		return text(t.Claims["client_id"])
	}
	if t, err := p.store.Token(r.Context(), token); err == nil {
		return t.ClientID
	}
	return ""
}
