// Signed requests: JWT-Secured Authorization Request, RFC 9101, and OpenID
// Connect Core 1.0 section 6.

package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// A RequestObject says how an authorization request is signed.
type RequestObject struct {
	Key       SigningKey // signs, unless Secret does
	Secret    string     // the client secret: signs by HS256, HS384 or HS512
	Algorithm string     // "" means the key's own, or HS256

	Audience string         // "" means the provider's issuer
	Lifetime time.Duration  // 0 means 5 minutes
	Type     string         // the header typ, "" means oauth-authz-req+jwt
	Claims   map[string]any // further claims, which outweigh the parameters of the same name

	// EncryptionAlg and EncryptionEnc encrypt the signed request for a key that
	// the provider publishes for it (use enc). "" means not at all, and
	// A128CBC-HS256.
	EncryptionAlg, EncryptionEnc string

	// Repeat are the names of parameters that also stand beside the request
	// object, for providers that know no better (OpenID Connect Core 1.0 section
	// 6.1): response_type, client_id, redirect_uri and scope.
	Repeat []string
}

// Sign makes the request object of an authorization request's parameters, without
// encrypting it. The claims are those of RFC 9101 section 4, with iss, aud, iat,
// nbf, exp and jti, and without sub (section 10.8).
func (o RequestObject) Sign(clientID, issuer string, params url.Values, now time.Time) (string, error) {
	lifetime := o.Lifetime
	if lifetime == 0 {
		lifetime = 5 * time.Minute
	}
	claims := map[string]any{
		"iss": clientID, "aud": cmp.Or(o.Audience, issuer), "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
	for name, values := range params {
		if len(values) > 0 {
			claims[name] = requestClaim(name, values)
		}
	}
	maps.Copy(claims, o.Claims)
	for _, name := range []string{"request", "request_uri", "sub"} {
		delete(claims, name)
	}
	return o.sign(claims)
}

func (o RequestObject) sign(claims map[string]any) (string, error) {
	typ := cmp.Or(o.Type, "oauth-authz-req+jwt")
	if o.Secret != "" {
		return jose.SignWithSecret(cmp.Or(o.Algorithm, "HS256"), o.Secret, typ, claims)
	}
	if o.Key.key == nil {
		return "", errNoKey
	}
	return o.Key.key.Sign(cmp.Or(o.Algorithm, o.Key.Algorithm()), typ, claims)
}

// requestClaim is a parameter as a claim: what is JSON stays JSON, and max_age is
// a number (OpenID Connect Core 1.0 section 6.1).
func requestClaim(name string, values []string) any {
	if len(values) > 1 {
		return values
	}
	value := values[0]
	switch name {
	case "max_age":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n
		}
	case "claims", "authorization_details":
		if json.Valid([]byte(value)) {
			return json.RawMessage(value)
		}
	}
	return value
}

// requestObject puts the parameters into a request object, and returns what is
// sent instead.
func (c *Client) requestObject(ctx context.Context, login *Login, params url.Values) (url.Values, error) {
	o := login.Request.Object
	signed, err := o.Sign(c.ID, c.Provider.Issuer, params, c.now())
	if err == nil {
		signed, err = c.encryptRequest(ctx, o, signed)
	}
	if err != nil {
		return nil, fmt.Errorf("request object: %w", err)
	}
	outer := url.Values{"client_id": {c.ID}, "request": {signed}}
	for _, name := range o.Repeat {
		if params.Has(name) {
			outer[name] = slices.Clone(params[name])
		}
	}
	return outer, nil
}

func (c *Client) encryptRequest(ctx context.Context, o *RequestObject, signed string) (string, error) {
	if o.EncryptionAlg == "" {
		return signed, nil
	}
	if c.Provider.JWKSURI == "" {
		return "", &ProtocolError{
			Endpoint: discoveryEndpoint, URL: c.Provider.URL,
			Err: reason.Errorf(reason.EndpointMissing, "the metadata has no jwks_uri, and so no key to encrypt for"),
		}
	}
	set, err := fetchKeys(ctx, c.HTTP, c.Provider.JWKSURI, orElse(c.MaxBody, limit.Keys), false)
	if err != nil {
		return "", err
	}
	key, err := jose.ReadEncryptionKey(set.Raw, o.EncryptionAlg)
	if err != nil {
		return "", &ProtocolError{Endpoint: jwksEndpoint, URL: withoutQuery(c.Provider.JWKSURI), Err: err}
	}
	return jose.Encrypt([]byte(signed), key, o.EncryptionAlg, cmp.Or(o.EncryptionEnc, "A128CBC-HS256"), "JWT")
}
