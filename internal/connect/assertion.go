// Client assertions that the client makes, and what was sent where a provider refused one.

package connect

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/oidc"
)

// Assertion says how client assertions are made, but for what depends on the key. The audience
// of a flag outweighs those of single endpoints.
func Assertion(cfg *config.Config) oidc.Assertion {
	a := oidc.Assertion{
		Algorithm: cfg.Assertion.Algorithm, Audience: cfg.Assertion.TokenAudience, Type: cfg.Assertion.Type,
		EndpointAudience: cfg.Assertion.EndpointAudience, OmitClientID: omitsClientID(cfg),
		Audiences: map[string]string{
			"token": cfg.Assertion.TokenEndpointAudience, "pushed_authorization_request": cfg.Assertion.PARAudience,
			"revocation": cfg.Assertion.RevocationAudience, "introspection": cfg.Assertion.IntrospectionAudience,
		},
	}
	for _, key := range []string{"jwt_profile_token_audience", "jwt_profile_endpoint_audience"} {
		if strings.HasPrefix(cfg.Origin[key].Name, "--") {
			a.Audiences = nil
		}
	}
	if d := cfg.Assertion.Duration; d != nil {
		a.Lifetime = *d
	}
	return a
}

// omitsClientID reports whether client_id is left out beside a client assertion.
func omitsClientID(cfg *config.Config) bool {
	return cfg.AlwaysSendClientID != nil && !*cfg.AlwaysSendClientID
}

// SignedAssertion says how client assertions are made with the client's private key, which it
// returns.
func SignedAssertion(
	ctx context.Context, cfg *config.Config, c *Credentials,
) (oidc.Assertion, oidc.SigningKey, error) {
	key, err := c.SigningKey(ctx)
	if err != nil {
		return oidc.Assertion{}, key, err
	}
	a := Assertion(cfg)
	if a.Algorithm == "" {
		if a.Algorithm, err = SigningAlgorithm(cfg, key); err != nil {
			return a, key, err
		}
	}
	if err := key.Fits(a.Algorithm); err != nil {
		return a, key, failure.Config(
			"%s: it cannot sign by %s: %v", Origin(cfg, "private_key"), a.Algorithm, err)
	}
	if a.CertificateMember = cfg.Assertion.Certificate; a.CertificateMember != "" {
		a.Certificates, err = c.signingCertificates(ctx, key)
	}
	return a, key, err
}

func privateKeyJWT(ctx context.Context, cfg *config.Config, c *Credentials) (oidc.ClientAuth, error) {
	a, key, err := SignedAssertion(ctx, cfg, c)
	if err != nil {
		return oidc.ClientAuth{}, err
	}
	return oidc.PrivateKeyJWT(key, a), nil
}

// signingCertificates are the certificate of a signing key and those that come after it in the file.
func (c *Credentials) signingCertificates(ctx context.Context, key oidc.SigningKey) ([]*x509.Certificate, error) {
	where := Origin(c.cfg, "tls_client_certificate")
	data, err := c.certificates(ctx, "tls_client_certificate", c.cfg.TLSClientCertificate)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, failure.Config("%s: %w", where, err)
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, failure.Config("%s: there is no certificate in the file", where)
	}
	public, ok := chain[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(key.Public()) {
		return nil, failure.Config("%s: the first certificate in the file is not that of the private_key", where)
	}
	return chain, nil
}

// sentAssertions remembers the client assertions that were sent, so that a refusal can be explained.
type sentAssertions struct {
	setup  *Setup
	method string

	mu     sync.Mutex
	latest map[string]*oidc.IDToken // by endpoint
}

// noting returns a way to authenticate that remembers the assertions of another one.
func (s *sentAssertions) noting(auth oidc.ClientAuth) oidc.ClientAuth {
	apply := auth.Apply
	if apply == nil {
		return auth
	}
	auth.Apply = func(t *oidc.AuthTarget) error {
		err := apply(t)
		if raw := t.Form.Get("client_assertion"); err == nil && raw != "" {
			s.note(t.Endpoint, raw)
		}
		return err
	}
	return auth
}

func (s *sentAssertions) note(endpoint, raw string) {
	assertion, err := oidc.DecodeIDToken(raw)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		s.latest = map[string]*oidc.IDToken{}
	}
	s.latest[endpoint] = assertion
}

func (s *sentAssertions) to(endpoint string) *oidc.IDToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest[endpoint]
}

// advise says what the assertion said that a provider may have refused, and what changes it.
func (s *sentAssertions) advise(err error, f *failure.Failure) {
	var refusal *oidc.Error
	if !errors.As(err, &refusal) || !mayBeOfAssertion(refusal) {
		return
	}
	if sent := s.to(refusal.Endpoint); sent != nil {
		run.Advise(f, s.explain(sent))
	}
}

// mayBeOfAssertion reports whether a refusal can be about a client assertion: some providers answer
// every bad one with invalid_request, and say why or nothing at all.
func mayBeOfAssertion(e *oidc.Error) bool {
	return run.WrongClient(e) || e.Code == "invalid_request" &&
		(e.Description == "" || strings.Contains(strings.ToLower(e.Description), "assertion"))
}

func (s *sentAssertions) explain(sent *oidc.IDToken) string {
	if s.setup.Issued.Any() {
		return s.explainIssued(sent)
	}
	lines := []string{
		fmt.Sprintf("the client assertion that was sent has %s: compare them with the client's registration and what "+
			"the provider accepts", described(sent, "aud", "alg", "kid", "typ")),
		"aud is set with jwt_profile_token_audience (--client-assertion-audience); " +
			"jwt_profile_endpoint_audience: true (--client-assertion-endpoint-audience) makes it the endpoint's URL",
		"alg is set with jwt_signing_alg (--client-assertion-alg), typ with client_assertion_typ " +
			"(--client-assertion-typ)",
	}
	if s.method == "private_key_jwt" {
		lines[2] += ", kid with private_key_id (--client-assertion-kid); client_assertion_certificate " +
			"(--client-assertion-certificate) names the key's certificate (x5t, x5t#S256 or x5c)"
	}
	return strings.Join(lines, "\n")
}

func (s *sentAssertions) explainIssued(sent *oidc.IDToken) string {
	text := fmt.Sprintf("the client assertion that was sent (from %s) has %s: the provider has to trust this issuer, "+
		"subject and audience for the client", source(s.setup.Config),
		described(sent, "iss", "sub", "aud", "alg", "kid", "typ"))
	if s.setup.Issued.GitHub {
		text += "\naud is set with client_assertion.audience, or else jwt_profile_token_audience " +
			"(--client-assertion-audience)"
	}
	if strings.HasPrefix(sent.Subject, "spiffe://") && s.method != "spiffe_jwt" {
		text += "\nthe token is one of a SPIFFE workload: --auth-method spiffe_jwt sends it as such " +
			"(client_assertion_type jwt-spiffe)"
	}
	return text
}

// AdviseGrant says what a JWT said that was sent as a grant, if the provider did not accept it.
func AdviseGrant(r *run.Run, assertion string) {
	sent, err := oidc.DecodeIDToken(assertion)
	if err != nil {
		return
	}
	r.Advise("grant", func(err error, f *failure.Failure) {
		var refusal *oidc.Error
		if errors.As(err, &refusal) && refusal.Endpoint == "token" && refusal.Code == "invalid_grant" {
			run.Advise(f, fmt.Sprintf("the assertion that was sent has %s; --subject, --assertion-issuer and "+
				"--assertion-audience set sub, iss and aud of one that is made here",
				described(sent, "iss", "sub", "aud", "alg", "kid")))
		}
	})
}

// described are members of a JWT as people read them: `aud "https://op.example", no kid`.
func described(t *oidc.IDToken, names ...string) string {
	var parts []string
	for _, name := range names {
		value := member(t.Header, name)
		if value == nil {
			value = member(t.JSON, name)
		}
		if value == nil {
			parts = append(parts, "no "+name)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s", name, value[:min(len(value), 200)]))
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// member is a member of a JSON object as received, nil if it is not there.
func member(document []byte, name string) []byte {
	doc, err := strictjson.Parse(document)
	if err != nil {
		return nil
	}
	value, there := doc.Get(name)
	if !there {
		return nil
	}
	return bytes.ToValidUTF8(value, nil)
}
