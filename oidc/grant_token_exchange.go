// Token exchange: RFC 8693.

package oidc

import (
	"cmp"
	"net/url"
	"strings"
)

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

// The types of tokens, as a token exchange names them (RFC 8693 section 3).
const (
	TokenTypeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"
	TokenTypeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token"
	TokenTypeIDToken      = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeSAML1        = "urn:ietf:params:oauth:token-type:saml1"
	TokenTypeSAML2        = "urn:ietf:params:oauth:token-type:saml2"
	TokenTypeJWT          = "urn:ietf:params:oauth:token-type:jwt"
)

// A TokenExchangeRequest is what a token exchange asks for (RFC 8693 section 2.1).
type TokenExchangeRequest struct {
	SubjectToken     string // on behalf of whom
	SubjectTokenType string // "" means TokenTypeAccessToken
	ActorToken       string // who acts, "" if that is the client itself
	ActorTokenType   string // "" means TokenTypeAccessToken, if there is an ActorToken

	RequestedTokenType string // "" leaves it to the provider
	Audience           []string
	Resource           []string
	Scope              []string
}

// TokenExchange requests a token in exchange for another (RFC 8693). Its type is in
// [Tokens.IssuedTokenType]; [Tokens.AccessToken] holds it, whatever it is.
func TokenExchange(r TokenExchangeRequest) Grant {
	g := Grant{Type: tokenExchange, Params: url.Values{}, Expect: Expectation{Optional: true}}
	set := func(name, value string) {
		if value != "" {
			g.Params.Set(name, value)
		}
	}
	set("subject_token", r.SubjectToken)
	set("subject_token_type", cmp.Or(r.SubjectTokenType, TokenTypeAccessToken))
	if r.ActorToken != "" {
		set("actor_token", r.ActorToken)
		set("actor_token_type", cmp.Or(r.ActorTokenType, TokenTypeAccessToken))
	}
	set("requested_token_type", r.RequestedTokenType)
	set("scope", strings.Join(r.Scope, " "))
	if len(r.Audience) > 0 {
		g = g.With("audience", r.Audience...)
	}
	if len(r.Resource) > 0 {
		g = g.With("resource", r.Resource...)
	}
	return g
}
