// Grants that rest on somebody's word: the resource owner's password (RFC 6749
// section 4.3), assertions (RFC 7521, 7522, 7523). The library has a handler for
// JWT assertions only; the others are handed to it as such, so that client
// authentication, scopes and the binding of tokens are the library's for all.

package provider

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

type (
	formKey   struct{}
	clientKey struct{}
)

// formOf is the token request, as it came, that a context belongs to.
func formOf(ctx context.Context) url.Values {
	form, _ := ctx.Value(formKey{}).(url.Values)
	return form
}

// A tokenEndpoint serves token requests: with the library's grants, and with others.
type tokenEndpoint struct{ *Provider }

func (e tokenEndpoint) settings() []oidcprovider.Option {
	return []oidcprovider.Option{
		oidcprovider.WithJWTBearerGrant(e.assert),
		oidcprovider.WithJWTBearerGrantClientAuthnRequired(),
		oidcprovider.WithTokenExchangeGrant(e.exchange),
		oidcprovider.WithTokenExchangeClientAuthnRequired(),
	}
}

// clientID is who a request says that it comes from.
func clientID(r *http.Request) string {
	if id, _, ok := r.BasicAuth(); ok {
		return id
	}
	if id := r.PostFormValue("client_id"); id != "" {
		return id
	}
	assertion, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), requestObjectAlgorithms())
	if err != nil {
		return ""
	}
	var claims jwt.Claims
	_ = assertion.UnsafeClaimsWithoutVerification(&claims) // only says who; the library verifies it
	return claims.Issuer
}

// otherGrants prepares token requests for the library.
func (e tokenEndpoint) otherGrants(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" || r.ParseForm() != nil {
			next.ServeHTTP(w, r)
			return
		}
		form := url.Values{}
		for name, values := range r.PostForm {
			form[name] = slices.Clone(values)
		}
		id := clientID(r)
		r = r.WithContext(context.WithValue(context.WithValue(r.Context(), formKey{}, form), clientKey{}, id))
		grant := goidc.GrantType(form.Get("grant_type"))
		switch {
		case e.refusesGrant(id, grant):
			refuse(w, http.StatusBadRequest, "unauthorized_client", "the client may not use this grant")
			return
		case grant == grantPassword && e.options.Password, grant == grantSAML:
			r.PostForm = maps.Clone(r.PostForm) // what is in front looks at it afterwards
			r.PostForm.Set("grant_type", string(goidc.GrantJWTBearer))
			if form.Get("assertion") == "" {
				r.PostForm.Set("assertion", "none")
			}
		case grant == goidc.GrantTokenExchange &&
			form.Get("requested_token_type") == string(goidc.TokenTypeIdentifierJWT):
			e.exchangeForJWT(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refusesGrant reports whether a client is not registered for one of the grants
// that are all the same to the library.
func (e tokenEndpoint) refusesGrant(id string, grant goidc.GrantType) bool {
	c := e.clients.find(id)
	return c != nil && slices.Contains([]goidc.GrantType{grantPassword, grantSAML, goidc.GrantJWTBearer}, grant) &&
		!slices.Contains(c.GrantTypes, grant)
}

// forLibrary is a client with the grant that others are handed to the library as.
func forLibrary(c *goidc.Client) *goidc.Client {
	own := *c
	others := slices.Contains(c.GrantTypes, grantPassword) || slices.Contains(c.GrantTypes, grantSAML)
	if others && !slices.Contains(c.GrantTypes, goidc.GrantJWTBearer) {
		own.GrantTypes = append(slices.Clone(c.GrantTypes), goidc.GrantJWTBearer)
	}
	return &own
}

// tokenErrors gives refusals of the token endpoint the status and the words of RFC
// 6749 section 5.2: the library says 403 and 401 for what is 400.
func (e tokenEndpoint) tokenErrors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			next.ServeHTTP(w, r)
			return
		}
		res := responseOf(next, r)
		m, ok := DecodeObject(res.Body)
		if ok && res.Status/100 == 4 && m["error"] != "invalid_client" {
			res.Status = http.StatusBadRequest
			e.renameError(r, m)
			res.Body = EncodeJSON(m)
		}
		res.Send(w)
	})
}

// renameError names errors of the library's otherwise: expired_token for a code
// whose grant was revoked, which codes do not have; unauthorized_client for a
// refresh token that is bound to a key and came without a proof.
func (e tokenEndpoint) renameError(r *http.Request, m map[string]any) {
	grant, code := r.PostFormValue("grant_type"), text(m["error"])
	switch {
	case grant == string(goidc.GrantAuthorizationCode) && code == "expired_token":
		m["error"] = "invalid_grant"
	case grant == string(goidc.GrantRefreshToken) && code == "unauthorized_client" && e.mayRefresh(clientID(r)):
		m["error"], m["error_description"] = "invalid_grant",
			"the refresh token is bound to a key, and there is no proof of it"
	case grant == string(grantSAML) && code == "invalid_grant" && !e.options.SAML:
		m["error_description"] = "SAML assertions are not understood"
	}
}

func (e tokenEndpoint) mayRefresh(id string) bool {
	c := e.clients.find(id)
	return c != nil && slices.Contains(c.GrantTypes, goidc.GrantRefreshToken)
}

// assert says whose an assertion is, or the password.
func (e tokenEndpoint) assert(ctx context.Context, assertion string) (goidc.JWTBearerResult, error) {
	form := formOf(ctx)
	switch goidc.GrantType(form.Get("grant_type")) {
	case grantPassword:
		u, ok := e.users[form.Get("username")]
		if !ok || !u.rightPassword(form.Get("password")) {
			return goidc.JWTBearerResult{}, errors.New("wrong user name or password")
		}
		id, _ := ctx.Value(clientKey{}).(string)
		return goidc.JWTBearerResult{Subject: u.Subject, Store: e.newLogin(id, u, ownACR(u), nil)}, nil
	case grantSAML:
		return e.assertSAML(assertion)
	default:
		return e.assertJWT(ctx, assertion)
	}
}

// assertJWT takes an assertion that the client has signed for a user (RFC 7523
// section 3).
func (e tokenEndpoint) assertJWT(ctx context.Context, assertion string) (goidc.JWTBearerResult, error) {
	none := goidc.JWTBearerResult{}
	id, _ := ctx.Value(clientKey{}).(string)
	c := e.clients.find(id)
	if c == nil || c.JWKS == nil {
		return none, errors.New("the client has no keys to sign assertions by")
	}
	parsed, err := jwt.ParseSigned(assertion, e.options.clientSignatures())
	if err != nil {
		return none, err
	}
	claims, err := verified(parsed, c.JWKS)
	if err != nil {
		return none, err
	}
	if claims.Expiry == nil || claims.Expiry.Time().After(time.Now().Add(time.Hour)) {
		return none, errors.New("the assertion has no exp, or one that is too far away")
	}
	err = claims.ValidateWithLeeway(jwt.Expected{
		Issuer:      id,
		AnyAudience: jwt.Audience{e.Issuer, e.Issuer + "/token", e.at.mtls + "/token"},
	}, time.Minute)
	if err != nil {
		return none, err
	}
	if claims.ID != "" && e.once(ctx, claims.ID) != nil {
		return none, errors.New("the assertion was used before")
	}
	u := e.users.of(claims.Subject)
	if u.Name == "" {
		return none, errors.New("the assertion is for nobody that is known")
	}
	return goidc.JWTBearerResult{Subject: u.Subject}, nil
}

// verified verifies a JWT by any key of a set that fits its kid.
func verified(token *jwt.JSONWebToken, keys *goidc.JSONWebKeySet) (jwt.Claims, error) {
	for _, k := range keys.Keys {
		kid := token.Headers[0].KeyID
		_, secret := k.Key.([]byte)
		if secret || kid != "" && k.KeyID != kid {
			continue
		}
		var claims jwt.Claims
		if token.Claims(k.Key, &claims) == nil {
			return claims, nil
		}
	}
	return jwt.Claims{}, errors.New("the signature is not by a key of the client")
}

// assertSAML refuses SAML assertions, or takes the user that one names at its
// word (RFC 7522).
func (e tokenEndpoint) assertSAML(assertion string) (goidc.JWTBearerResult, error) {
	none := goidc.JWTBearerResult{}
	if !e.options.SAML {
		return none, errors.New("SAML assertions are not understood")
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(assertion, "="))
	if err != nil {
		return none, errors.New("the assertion is not base64url")
	}
	var a struct {
		XMLName xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
		Name    string   `xml:"Subject>NameID"`
	}
	if err := xml.Unmarshal(data, &a); err != nil {
		return none, errors.New("the assertion is no SAML 2.0 assertion")
	}
	u, ok := e.users[strings.TrimSpace(a.Name)]
	if !ok {
		return none, errors.New("the assertion is for nobody that is known")
	}
	return goidc.JWTBearerResult{Subject: u.Subject}, nil
}

// completeGrant gives a grant what the library leaves out.
func (e tokenEndpoint) completeGrant(ctx context.Context, grantType goidc.GrantType, g *goidc.Grant) error {
	switch grantType {
	case goidc.GrantRefreshToken:
		// The nonce of a login has no place in refreshed ID Tokens (OpenID
		// Connect Core 1.0 section 12.2).
		g.AuthParams.Nonce = ""
	case goidc.GrantJWTBearer:
		g.Username = e.users.of(g.Subject).Name
		if c := e.clients.find(g.ClientID); g.Scopes == "" && c != nil {
			g.Scopes = c.ScopeIDs
		}
	case goidc.GrantTokenExchange:
		return e.completeExchange(ctx, g)
	default:
	}
	return nil
}

// refreshable says whether a grant gets a refresh token. Assertions can be made
// again instead (RFC 7521 section 4.1).
func refreshable(ctx context.Context, _ *goidc.Client, _ *goidc.Grant) bool {
	form := formOf(ctx)
	switch goidc.GrantType(form.Get("grant_type")) {
	case goidc.GrantJWTBearer, grantSAML:
		return false
	case goidc.GrantTokenExchange:
		return form.Get("requested_token_type") == string(goidc.TokenTypeIdentifierRefreshToken)
	default:
		return true
	}
}
