// FAPI 2.0 Security Profile and FAPI 2.0 Message Signing: what clients are held
// to, beyond what is in the options of the library.

package provider

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

// The profiles of Options.FAPI2.
const (
	securityProfile = "security"
	messageSigning  = "message-signing"
)

func (o Options) validProfile() error {
	if !slices.Contains([]string{"", securityProfile, messageSigning}, o.FAPI2) {
		return fmt.Errorf("the FAPI 2.0 profile %q is not known: %s or %s", o.FAPI2, securityProfile, messageSigning)
	}
	if o.FAPI2 != "" && o.PKCEOptional {
		return errors.New("FAPI 2.0 demands PKCE of every client")
	}
	return nil
}

// profileAllows refuses clients that the profile has no place for.
func (o Options) profileAllows(c *goidc.Client) error {
	if o.FAPI2 == "" {
		return nil
	}
	if c.TokenAuthnMethod != goidc.AuthnMethodPrivateKeyJWT && !mutualTLS(c.TokenAuthnMethod) {
		return fmt.Errorf("FAPI 2.0 does not allow %s, only private_key_jwt and mutual TLS", c.TokenAuthnMethod)
	}
	if c.IDTokenSigAlg != "" && !slices.Contains(o.signatures(), c.IDTokenSigAlg) {
		return fmt.Errorf("FAPI 2.0 does not allow %s", c.IDTokenSigAlg)
	}
	return nil
}

func (o Options) profile() []oidcprovider.Option {
	if o.FAPI2 == "" {
		// Rotation is what FAPI 2.0 section 5.3.2.1 does not want.
		return []oidcprovider.Option{oidcprovider.WithRefreshTokenRotation()}
	}
	return []oidcprovider.Option{oidcprovider.WithProfile(goidc.ProfileFAPI2), oidcprovider.WithTokenBindingRequired()}
}

// signatures are the algorithms the provider signs by.
func (o Options) signatures() []goidc.SignatureAlgorithm {
	if o.FAPI2 != "" {
		return []goidc.SignatureAlgorithm{goidc.PS256, goidc.ES256, edDSA}
	}
	return signatureAlgorithms
}

// clientSignatures are the algorithms of client assertions and DPoP proofs.
func (o Options) clientSignatures() []goidc.SignatureAlgorithm {
	if o.FAPI2 != "" {
		return o.signatures()
	}
	return assertionAlgorithms
}

// requestObjectAlgorithms are those that clients sign request objects by.
func (o Options) requestObjectAlgorithms() []goidc.SignatureAlgorithm {
	if o.FAPI2 != "" {
		return o.signatures()
	}
	return requestObjectAlgorithms()
}

// audienceIsIssuer refuses client assertions whose aud is not the issuer as a
// string: the library takes a list with it too (FAPI 2.0 section 5.3.2.1).
func (a authorizationRequests) audienceIsIssuer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.options.FAPI2 != "" && r.Method == http.MethodPost {
			t := ParseJWT(r.PostFormValue("client_assertion"))
			if t != nil && text(t.Claims["aud"]) != a.Issuer {
				refuse(w, http.StatusUnauthorized, "invalid_client",
					"the aud of the client assertion is not the issuer as a string")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
