// Users and clients: who may log in, and who may send requests.

package provider

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

const allScopes = "openid profile email offline_access"

// users are those who can log in, by name.
type users map[string]User

// of returns the user of a sub.
func (known users) of(subject string) User {
	for _, u := range known {
		if u.Subject == subject {
			return u
		}
	}
	return User{}
}

// rightPassword reports whether a form has a user's name and password.
func (known users) rightPassword(r *http.Request) bool {
	u, ok := known[r.PostFormValue("username")]
	return ok && u.rightPassword(r.PostFormValue("password"))
}

// rightPassword reports whether a password is the user's.
func (u User) rightPassword(given string) bool {
	return u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(given)) == 1
}

// clients are those of the options, and those that registered themselves.
type clients struct {
	fixed      map[string]*goidc.Client
	encryption map[string]map[string]*Encryption // of the fixed ones: by client, then by endpoint
	dynamic    registry
}

// register checks the users and clients of the options and takes them in.
func (p *Provider) register() error {
	for _, u := range p.options.Users {
		if u.Name == "" {
			return errors.New("a user without a name")
		}
		if u.Subject == "" {
			u.Subject = u.Name
		}
		p.users[u.Name] = u
	}
	for _, c := range p.options.Clients {
		if c.ID == "" {
			return errors.New("a client without a client_id")
		}
		if p.clients.fixed[c.ID] != nil {
			return fmt.Errorf("two clients are called %q", c.ID)
		}
		client, err := c.registration()
		if err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
		if mutualTLS(client.TokenAuthnMethod) && p.options.Certificate == nil {
			return fmt.Errorf("client %q: %s needs a provider that speaks TLS", c.ID, client.TokenAuthnMethod)
		}
		if p.clients.encryption[c.ID], err = c.encryptions().with(c.JWKS); err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
		if err := p.options.profileAllows(client); err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
		p.clients.fixed[c.ID] = client
	}
	return nil
}

// Method returns the client authentication method, the default included.
func (c Client) Method() string {
	switch {
	case c.AuthMethod != "":
		return c.AuthMethod
	case c.Secret == "":
		return "none"
	}
	return "client_secret_basic"
}

var methods = []goidc.AuthnMethod{
	goidc.AuthnMethodNone, goidc.AuthnMethodSecretBasic, goidc.AuthnMethodSecretPost, goidc.AuthnMethodSecretJWT,
	goidc.AuthnMethodPrivateKeyJWT, goidc.AuthnMethodTLS, goidc.AuthnMethodSelfSignedTLS,
}

func mutualTLS(m goidc.AuthnMethod) bool {
	return m == goidc.AuthnMethodTLS || m == goidc.AuthnMethodSelfSignedTLS
}

// registration is the client as the library wants it. Nothing has a default
// there.
func (c Client) registration() (*goidc.Client, error) {
	method := goidc.AuthnMethod(c.Method())
	if !slices.Contains(methods, method) {
		return nil, fmt.Errorf("the auth_method %q is not known", c.AuthMethod)
	}
	client := &goidc.Client{ID: c.ID, Secret: c.Secret, ClientMeta: goidc.ClientMeta{
		ApplicationType:             goidc.ApplicationTypeNative,
		TokenAuthnMethod:            method,
		ScopeIDs:                    c.Scope,
		RedirectURIs:                c.RedirectURIs,
		PostLogoutRedirectURIs:      c.PostLogoutURIs,
		IDTokenSigAlg:               goidc.SignatureAlgorithm(c.IDTokenSigningAlg),
		UserInfoSigAlg:              goidc.SignatureAlgorithm(c.UserInfoSigningAlg),
		PARIsRequired:               c.RequirePAR,
		TLSSubjectDistinguishedName: c.SubjectDN,
	}}
	if err := c.extend(client); err != nil {
		return nil, err
	}
	if c.Scope == "" {
		client.ScopeIDs = allScopes
	}
	if slices.ContainsFunc(c.RedirectURIs, namesPort) {
		client.ApplicationType = goidc.ApplicationTypeWeb // or else the library drops the port, and finds none of them
	}
	if c.RedirectURIs == nil {
		// Native clients may use any port of the loopback address (RFC 8252
		// section 7.3).
		client.RedirectURIs = []string{"http://127.0.0.1/auth/callback"}
	}
	if !slices.Contains(append([]goidc.SignatureAlgorithm{""}, signatureAlgorithms...), client.IDTokenSigAlg) {
		return nil, fmt.Errorf("the id_token_signed_response_alg %q is not known", c.IDTokenSigningAlg)
	}
	if err := c.readKeys(client); err != nil {
		return nil, err
	}
	client.JWKS = withSecret(client.JWKS, c.Secret)
	return client, nil
}

// readKeys gives the client its public keys and its certificate.
func (c Client) readKeys(client *goidc.Client) error {
	switch {
	case client.TokenAuthnMethod == goidc.AuthnMethodSelfSignedTLS:
		block, _ := pem.Decode([]byte(c.Certificate))
		if block == nil {
			return errors.New("self_signed_tls_client_auth needs the tls_client_certificate, PEM")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("tls_client_certificate: %w", err)
		}
		thumbprint := sha256.Sum256(certificate.Raw)
		client.JWKS = &goidc.JSONWebKeySet{Keys: []goidc.JSONWebKey{{
			Key: certificate.PublicKey, KeyID: "certificate", Certificates: []*x509.Certificate{certificate},
			CertificateThumbprintSHA256: thumbprint[:],
		}}}
		if c.JWKS == "" {
			return nil
		}
		more, err := publicKeys(c.JWKS)
		if err != nil {
			return err
		}
		client.JWKS.Keys = append(client.JWKS.Keys, more.Keys...)
	case client.TokenAuthnMethod == goidc.AuthnMethodPrivateKeyJWT && c.JWKS == "" && client.JWKSURI == "":
		return errors.New("private_key_jwt needs the client's public keys, jwks (a JWK Set) or jwks_uri")
	case client.TokenAuthnMethod == goidc.AuthnMethodTLS && c.SubjectDN == "" &&
		client.TLSSubjectAlternativeName == "" && client.TLSSubjectAlternativeNameIP == "":
		return errors.New("tls_client_auth needs tls_client_auth_subject_dn, or a tls_client_auth_san_dns or _ip")
	case strings.HasPrefix(string(client.TokenAuthnMethod), "client_secret") && c.Secret == "":
		return fmt.Errorf("%s needs a client_secret", client.TokenAuthnMethod)
	case c.JWKS != "":
		return c.readPublicKeys(client)
	}
	return nil
}

func (c Client) readPublicKeys(client *goidc.Client) error {
	var err error
	if client.JWKS, err = publicKeys(c.JWKS); err != nil {
		return err
	}
	for _, k := range client.JWKS.Keys {
		if k.KeyID == "" && k.Algorithm == "" && client.TokenAuthnMethod == goidc.AuthnMethodPrivateKeyJWT {
			return errors.New("each key of jwks needs a kid or an alg")
		}
	}
	return nil
}

// namesPort reports whether a URI of the loopback address is meant for one port only.
func namesPort(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Port() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}
