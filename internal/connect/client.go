// From the configuration to a client of the provider.

package connect

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// A Client is a client of a provider.
type Client struct {
	*oidc.Client

	// Key is the key that its tokens are bound to, as a JWK, if only a session is
	// to keep it. Otherwise it is nil.
	Key json.RawMessage
}

// Client finds the provider and makes the client. pair is as for [Setup.Network].
// need is nil if no request of the command proves the possession of a key. uses are the
// members of the metadata that the command uses.
func (s *Setup) Client(ctx context.Context, r *run.Run, pair string, need *KeyNeed,
	uses ...string,
) (*Client, error) {
	key, err := s.BoundKey(ctx, need)
	if err != nil {
		return nil, err
	}
	n, err := s.Network(ctx, r, pair)
	if err != nil {
		return nil, err
	}
	provider, err := s.Discover(ctx, r, n, s.clientUses(need, uses)...)
	if err != nil {
		return nil, err
	}
	client, err := s.newClient(ctx, r, provider, n)
	if err != nil || need == nil {
		return &Client{client, s.Bound.key}, err
	}
	made := &Client{Client: client}
	client.DPoP, made.Key, err = s.dpop(ctx, r, provider, key)
	return made, err
}

// Prove makes a client that is not made by [Setup.Client] prove the possession of key,
// which [Setup.BoundKey] returned.
func (s *Setup) Prove(ctx context.Context, r *run.Run, client *oidc.Client, key *oidc.SigningKey) error {
	provider := client.Provider
	if provider == nil {
		provider = &oidc.Provider{}
	}
	var err error
	client.DPoP, _, err = s.dpop(ctx, r, provider, key)
	return err
}

// Discover finds the configured provider and judges its metadata. If that is not
// valid, the provider is returned beside the error. uses are the members of the metadata
// that the command uses; without any, all of them count.
func (s *Setup) Discover(ctx context.Context, r *run.Run, n *Network, uses ...string) (*oidc.Provider, error) {
	r.Issuer(s.Issuer)
	d := s.Discovery(n)
	d.Uses = uses
	provider, err := d.Provider(ctx, s.Issuer)
	if provider == nil {
		r.Advise("endpoints", func(err error, f *failure.Failure) { adviseEndpoints(err, f, d) })
		return nil, err
	}
	if err == nil && provider.Raw == nil {
		tell := r.Inform
		if s.Bound.session != "" { // who logged in was told
			tell = r.Debug
		}
		tell("the provider publishes no metadata: the endpoints of the configuration are used")
		err = s.checkVerifiable(provider, uses)
	}
	s.provider = provider
	found := r.FoundBeside
	if s.uncached { // the metadata is what was asked for
		found = r.Found
	}
	found(provider.Checks)
	if err != nil {
		if n.cache != nil {
			n.cache.Forget()
		}
		return provider, err
	}
	r.Issuer(provider.Issuer)
	return provider, pushedElsewhere(s.Config, provider)
}

// Discovery is how the configured provider is found.
func (s *Setup) Discovery(n *Network) oidc.Discovery {
	cfg := s.Config
	d := oidc.Discovery{
		HTTP: n.HTTP, MaxBody: cfg.HTTP.MaxResponseSize, URL: cfg.AlternativeWellKnown,
		ExpectedIssuer: cfg.ExpectedIssuer,
		Waive:          slices.Clone(cfg.Waive), TLSUnverified: cfg.SkipTLSVerification, Endpoints: replaced(cfg),
	}
	// The ancestor's meaning of these keys; what they give up stays visible.
	if cfg.InsecureWellKnown || cfg.AlternativeWellKnown != "" && cfg.ExpectedIssuer == "" {
		d.Waive = append(d.Waive, "discovery.issuer")
	}
	if cfg.SkipTLSVerification {
		d.Waive = append(d.Waive, "discovery.tls")
	}
	return d
}

// pushedElsewhere takes the PAR endpoint from the member of the metadata that the
// configuration names.
func pushedElsewhere(cfg *config.Config, provider *oidc.Provider) error {
	name := cfg.Login.PAREndpointWellKnownKey
	if name == "" || cfg.Endpoints.PAR != "" {
		return nil
	}
	var endpoint string
	metadata, err := strictjson.Parse(provider.Raw) // nil where there are none
	if err == nil {
		endpoint, err = metadata.String(name)
	}
	if err != nil || !wire.SecureURL(endpoint) {
		return failure.Config(
			"%s: the metadata has no https URL called %s", Origin(cfg, "par_endpoint_wellknown_key"), name)
	}
	provider.PushedAuthorizationRequestEndpoint = endpoint
	return nil
}

// newClient makes the client of a configuration at a provider.
func (s *Setup) newClient(ctx context.Context, r *run.Run, provider *oidc.Provider, n *Network) (*oidc.Client, error) {
	auth, err := s.authentication(ctx, r, provider)
	if err != nil {
		return nil, err
	}
	sent := &sentAssertions{setup: s, method: auth.Method}
	auth = sent.noting(auth)
	r.Advise("assertion", sent.advise)
	r.Advise("credentials", func(_ error, f *failure.Failure) {
		f.Hint = strings.Replace(
			f.Hint, run.WrongClientHint, run.WrongClientHint+s.credentialsHint(auth.Method, provider), 1)
	})
	policy, err := s.Policy(ctx)
	if err != nil {
		return nil, err
	}
	certificate, err := s.Credentials.certificate(ctx)
	if err != nil {
		return nil, err
	}
	c := &oidc.Client{
		Provider: provider, ID: s.ClientID, Auth: auth, HTTP: n.HTTP, Now: r.Env.Now,
		MaxBody: s.HTTP.MaxResponseSize, Waive: s.Waive, Policy: policy,
	}
	if certificate != nil {
		c.Certificate = certificate.Leaf
	}
	if s.Profile != "" { // FAPI 2.0 Security Profile section 5.3.3.2: iss is always checked
		provider.AuthorizationResponseIss = true
	}
	return c, nil
}
