// What clients are registered with: RFC 7591 section 2, OpenID Connect
// Dynamic Client Registration 1.0 section 2, and the specifications that add to
// it. The names are the registration's.

package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// A Client may ask for tokens.
type Client struct {
	ID     string `yaml:"client_id"`
	Secret string `yaml:"client_secret"`
	// "" means client_secret_basic, or none without a secret
	AuthMethod     string   `yaml:"auth_method"`
	RedirectURIs   []string `yaml:"redirect_uris"`             // nil means the loopback address with any port
	PostLogoutURIs []string `yaml:"post_logout_redirect_uris"` // likewise
	Scope          string   `yaml:"scope"`                     // "" means all that the provider knows
	// public keys, JSON, for private_key_jwt and encryption
	JWKS               string `yaml:"jwks"`
	SubjectDN          string `yaml:"tls_client_auth_subject_dn"`   // for tls_client_auth
	Certificate        string `yaml:"tls_client_certificate"`       // PEM, for self_signed_tls_client_auth
	IDTokenSigningAlg  string `yaml:"id_token_signed_response_alg"` // "" means RS256
	UserInfoSigningAlg string `yaml:"userinfo_signed_response_alg"` // "" means JSON, unsigned
	RequirePAR         bool   `yaml:"require_pushed_authorization_requests"`

	// How tokens are encrypted for the keys of JWKS; "" means not at all, and
	// A128CBC-HS256.
	IDTokenEncryptionAlg  string `yaml:"id_token_encrypted_response_alg"`
	IDTokenEncryptionEnc  string `yaml:"id_token_encrypted_response_enc"`
	UserInfoEncryptionAlg string `yaml:"userinfo_encrypted_response_alg"`
	UserInfoEncryptionEnc string `yaml:"userinfo_encrypted_response_enc"`

	// The zero value is a client that may do everything and has to do nothing.
	GrantTypes    []string `yaml:"grant_types"`    // nil means all that go with its authentication
	ResponseTypes []string `yaml:"response_types"` // nil means all

	RequestObjectSigningAlg    string `yaml:"request_object_signing_alg"`
	RequireSignedRequestObject bool   `yaml:"require_signed_request_object"`

	// of JARM; "" means the provider's first
	AuthorizationSigningAlg    string `yaml:"authorization_signed_response_alg"`
	AuthorizationEncryptionAlg string `yaml:"authorization_encrypted_response_alg"`
	AuthorizationEncryptionEnc string `yaml:"authorization_encrypted_response_enc"`

	IntrospectionSigningAlg    string `yaml:"introspection_signed_response_alg"`
	IntrospectionEncryptionAlg string `yaml:"introspection_encrypted_response_alg"`
	IntrospectionEncryptionEnc string `yaml:"introspection_encrypted_response_enc"`

	DPoPBound        bool `yaml:"dpop_bound_access_tokens"`
	CertificateBound bool `yaml:"tls_client_certificate_bound_access_tokens"`

	AuthorizationDetailsTypes []string `yaml:"authorization_details_types"` // nil means all

	DeliveryMode         string `yaml:"backchannel_token_delivery_mode"` // of CIBA; "" means poll
	NotificationEndpoint string `yaml:"backchannel_client_notification_endpoint"`
	CIBASigningAlg       string `yaml:"backchannel_authentication_request_signing_alg"` // if set, requests are signed

	BackchannelLogoutURI  string `yaml:"backchannel_logout_uri"`
	FrontchannelLogoutURI string `yaml:"frontchannel_logout_uri"`

	// More are the other members of a registration, by their names; see members.go.
	More map[string]any `yaml:",inline"`
}

const (
	grantPassword goidc.GrantType = "password"
	grantSAML     goidc.GrantType = "urn:ietf:params:oauth:grant-type:saml2-bearer"
)

// grantTypesOf are the grants that go with a client authentication method.
func grantTypesOf(method goidc.AuthnMethod) []goidc.GrantType {
	all := []goidc.GrantType{
		goidc.GrantAuthorizationCode, goidc.GrantImplicit, goidc.GrantRefreshToken, goidc.GrantDeviceCode,
		goidc.GrantJWTBearer, goidc.GrantTokenExchange, grantPassword, grantSAML,
	}
	if method == goidc.AuthnMethodNone {
		return all
	}
	return append(all, goidc.GrantClientCredentials, goidc.GrantCIBA)
}

// responseTypes are those of OAuth 2.0 Multiple Response Type Encoding
// Practices that an OpenID Provider has.
func responseTypes() []goidc.ResponseType {
	return []goidc.ResponseType{
		goidc.ResponseTypeCode, goidc.ResponseTypeCodeAndIDToken, goidc.ResponseTypeCodeAndToken,
		goidc.ResponseTypeCodeAndIDTokenAndToken,
		goidc.ResponseTypeIDToken, goidc.ResponseTypeIDTokenAndToken,
	}
}

// extend gives the library's client what is registered.
func (c Client) extend(client *goidc.Client) error {
	client.GrantTypes, client.ResponseTypes = grantTypesOf(client.TokenAuthnMethod), responseTypes()
	if c.GrantTypes != nil {
		client.GrantTypes = converted[goidc.GrantType](c.GrantTypes)
	}
	if c.ResponseTypes != nil {
		client.ResponseTypes = converted[goidc.ResponseType](c.ResponseTypes)
	}
	client.AuthDetailTypes = converted[goidc.AuthDetailType](c.AuthorizationDetailsTypes)
	client.JARSigAlg, client.JARIsRequired = goidc.SignatureAlgorithm(c.RequestObjectSigningAlg),
		c.RequireSignedRequestObject
	client.DPoPTokenBindingIsRequired, client.TLSTokenBindingIsRequired = c.DPoPBound, c.CertificateBound
	client.CIBATokenDeliveryMode = goidc.CIBATokenDeliveryMode(c.DeliveryMode)
	if c.DeliveryMode == "" {
		client.CIBATokenDeliveryMode = goidc.CIBADeliveryModePoll
	}
	client.CIBANotificationEndpoint = c.NotificationEndpoint
	client.CIBAJARSigAlg = goidc.SignatureAlgorithm(c.CIBASigningAlg)
	client.CustomAttributes = map[string]any{
		"authorization_signed_response_alg": c.AuthorizationSigningAlg,
		"introspection_signed_response_alg": c.IntrospectionSigningAlg,
		"backchannel_logout_uri":            c.BackchannelLogoutURI,
		"frontchannel_logout_uri":           c.FrontchannelLogoutURI,
	}
	if err := c.addMembers(client); err != nil {
		return err
	}
	return validRegistration(client)
}

func converted[T, F ~string](from []F) []T {
	if from == nil {
		return nil
	}
	to := make([]T, 0, len(from))
	for _, v := range from {
		to = append(to, T(v))
	}
	return to
}

// validRegistration refuses what the provider could not do.
func validRegistration(c *goidc.Client) error {
	for name, alg := range map[string]goidc.SignatureAlgorithm{
		"authorization_signed_response_alg": jarmAlg(c),
		"introspection_signed_response_alg": goidc.SignatureAlgorithm(attribute(c,
			"introspection_signed_response_alg")),
	} {
		if alg != "" && !slices.Contains(signatureAlgorithms, alg) {
			return fmt.Errorf("the %s %q is not known", name, alg)
		}
	}
	if c.JARSigAlg != "" && !slices.Contains(requestObjectAlgorithms(), c.JARSigAlg) {
		return fmt.Errorf("the request_object_signing_alg %q is not known", c.JARSigAlg)
	}
	switch c.CIBATokenDeliveryMode {
	case goidc.CIBADeliveryModePing:
		if c.CIBANotificationEndpoint == "" {
			return errors.New("ping needs a backchannel_client_notification_endpoint")
		}
	case goidc.CIBADeliveryModePoll, "":
	default:
		return fmt.Errorf("the backchannel_token_delivery_mode %q is not known", c.CIBATokenDeliveryMode)
	}
	return nil
}

// jarmAlg is what JARM responses to a client are signed by, "" if it does not
// mind. The library is not told: it would make all responses JWTs.
func jarmAlg(c *goidc.Client) goidc.SignatureAlgorithm {
	if c.JARMSigAlg != "" {
		return c.JARMSigAlg
	}
	return goidc.SignatureAlgorithm(attribute(c, "authorization_signed_response_alg"))
}

// attribute is a member of a client's registration that the library has no
// field for.
func attribute(c *goidc.Client, name string) string { return text(c.CustomAttributes[name]) }

// publicKeys reads a client's jwks.
func publicKeys(jwks string) (*goidc.JSONWebKeySet, error) {
	var set goidc.JSONWebKeySet
	if err := json.Unmarshal([]byte(jwks), &set); err != nil || len(set.Keys) == 0 {
		return nil, errors.New("jwks is no JWK Set")
	}
	for i := range set.Keys {
		set.Keys[i] = set.Keys[i].Public()
	}
	return &set, nil
}

// withSecret adds the client's secret to its keys, where the library looks for
// the key of a request object that is signed by it.
func withSecret(set *goidc.JSONWebKeySet, secret string) *goidc.JSONWebKeySet {
	if secret == "" {
		return set
	}
	all := &goidc.JSONWebKeySet{}
	if set != nil {
		all.Keys = slices.Clone(set.Keys)
	}
	for _, alg := range symmetricAlgorithms() {
		all.Keys = append(all.Keys, goidc.JSONWebKey{Key: []byte(secret), Algorithm: string(alg)})
	}
	return all
}

// find returns a client of the options, or one that registered itself; nil if
// there is none.
func (c *clients) find(id string) *goidc.Client {
	if fixed := c.fixed[id]; fixed != nil {
		return fixed
	}
	return c.dynamic.client(id)
}

// encryptions are the alg and enc of a client's answers, by endpoint.
type encryptions map[string][2]string

func (c Client) encryptions() encryptions {
	return encryptions{
		"token":         {c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc},
		"userinfo":      {c.UserInfoEncryptionAlg, c.UserInfoEncryptionEnc},
		"authorization": {c.AuthorizationEncryptionAlg, c.AuthorizationEncryptionEnc},
		"introspection": {c.IntrospectionEncryptionAlg, c.IntrospectionEncryptionEnc},
	}
}

// with reads the keys to encrypt for; endpoints without an alg are left out.
func (e encryptions) with(jwks string) (map[string]*Encryption, error) {
	all := map[string]*Encryption{}
	for _, endpoint := range slices.Sorted(maps.Keys(e)) {
		how, err := newEncryption(e[endpoint][0], e[endpoint][1], jwks)
		if err != nil {
			return nil,
				fmt.Errorf("%s_encrypted_response_alg: %w", strings.Replace(endpoint, "token", "id_token", 1), err)
		}
		if how != nil {
			all[endpoint] = how
		}
	}
	return all, nil
}

// EncryptionFor returns how a client has the responses of an endpoint encrypted,
// nil if it has not.
func (p *Provider) EncryptionFor(endpoint, client string) *Encryption {
	if e := p.clients.encryption[client]; e != nil {
		return e[endpoint]
	}
	return p.clients.dynamic.encryptionFor(endpoint, client)
}

func symmetricAlgorithms() []goidc.SignatureAlgorithm {
	return []goidc.SignatureAlgorithm{goidc.HS256, goidc.HS384, goidc.HS512}
}

// requestObjectAlgorithms are those of request objects.
func requestObjectAlgorithms() []goidc.SignatureAlgorithm {
	return append(symmetricAlgorithms(), assertionAlgorithms...)
}

// has reports whether a list of words has one.
func has(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
