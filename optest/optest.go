package optest

import (
	"net/http"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// TB is what [Start] needs of a test. A *testing.T has it, and so do benchmarks, fuzz
// tests, and the tests of most frameworks.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// An Option changes the provider that Start starts: a [Fault], a [Client], a [User], or
// [Settings].
type Option interface{ apply(*setup) }

// A setup is what the options add up to.
type setup struct {
	options fault.Options
	clients []Client
	users   []User
	tls     bool
}

// A Fault is the name of one thing that the provider does wrong, such as
// "id-token-iss-wrong". Several can be given to Start. Names are stable.
type Fault string

func (f Fault) apply(s *setup) { s.options.Faults = append(s.options.Faults, string(f)) }

// Settings change how the provider behaves, within the standards. The zero value is the
// default. Of several Settings given to Start the last counts.
type Settings struct {
	// LoginForm shows a form to users instead of logging them in automatically.
	LoginForm bool

	// TLS makes the issuer an https URL. [Provider.HTTPClient] trusts its certificate.
	TLS bool

	// How long tokens are valid. 0 means 5 minutes for access tokens and ID Tokens, and
	// 24 hours for refresh tokens. The least is a second.
	AccessTokenLifetime  time.Duration
	IDTokenLifetime      time.Duration
	RefreshTokenLifetime time.Duration

	// JWTAccessTokens makes access tokens JWTs (RFC 9068). By default they are opaque.
	JWTAccessTokens bool

	// DPoPNonces demands nonces in DPoP proofs (RFC 9449 section 8).
	DPoPNonces bool

	// Registration lets everybody register clients (RFC 7591).
	Registration bool

	// FAPI2 holds clients to a FAPI 2.0 profile: "security" or "message-signing".
	FAPI2 string

	// PKCEOptional accepts confidential clients that do not use PKCE.
	PKCEOptional bool

	// NoSilentLogin makes automatic logins fail with login_required for prompt=none, where
	// the browser (its cookies, or the id_token_hint) is not logged in.
	NoSilentLogin bool

	// PollInterval is how long a client of the device flow or of CIBA has to wait between
	// two polls. 0 means 5 seconds.
	PollInterval time.Duration

	// HTTPClient sends logout tokens and CIBA notifications to clients. nil means one that
	// trusts the certificates of the system and follows no redirects.
	HTTPClient *http.Client
}

func (o Settings) apply(s *setup) {
	s.tls = o.TLS
	to := &s.options.Options
	to.Auto = !o.LoginForm
	to.AccessTokenLifetime = o.AccessTokenLifetime
	to.IDTokenLifetime = o.IDTokenLifetime
	to.RefreshTokenLifetime = o.RefreshTokenLifetime
	to.JWTAccessTokens = o.JWTAccessTokens
	to.DPoPNonces = o.DPoPNonces
	to.Registration = o.Registration
	to.FAPI2 = o.FAPI2
	to.PKCEOptional = o.PKCEOptional
	to.NoSilentLogin = o.NoSilentLogin
	to.PollInterval = o.PollInterval
	to.HTTPClient = o.HTTPClient
}

// A Provider is a running OpenID Provider.
type Provider struct {
	// Issuer is the issuer identifier, from which a relying party discovers the rest. It
	// is http://127.0.0.1:PORT, or https with [Settings].TLS.
	Issuer string

	Clients []Client // as they are registered
	Users   []User   // who can log in

	t    TB
	op   *fault.Provider
	http *http.Client
}

// keys are the keys of all providers of this process: generating them takes longer than
// all else at the start.
var keys = sync.OnceValues(provider.NewKeys)

// Start starts a provider, and stops it when the test ends. The test fails if the options
// make no sense, for instance if there is no fault of a name.
func Start(t TB, options ...Option) *Provider {
	t.Helper()
	p, err := start(options)
	if err != nil {
		t.Fatalf("optest: %v", err)
		return nil // where Fatalf returns
	}
	p.t = t
	t.Cleanup(func() {
		_ = p.op.CloseNow() // nothing depends on it any more
		p.http.CloseIdleConnections()
	})
	return p
}

func start(options []Option) (*Provider, error) {
	s := &setup{options: fault.Options{Record: true}}
	s.options.Auto = true
	for _, o := range options {
		o.apply(s)
	}
	if s.users == nil {
		s.users = defaultUsers()
	}
	if s.clients == nil {
		s.clients = []Client{{ID: "app", Secret: "a-secret-that-only-the-app-knows"}}
	}
	if err := s.register(); err != nil {
		return nil, err
	}
	p := &Provider{Clients: s.clients, Users: s.users}
	transport := &http.Transport{ForceAttemptHTTP2: true}
	p.http = &http.Client{Transport: transport}
	var err error
	if s.options.Keys, err = keys(); err != nil {
		return nil, err
	}
	if s.tls {
		if s.options.Certificate, err = certificate(); err != nil {
			return nil, err
		}
		transport.TLSClientConfig = trust(s.options.Certificate)
	}
	if p.op, err = fault.Start(s.options); err != nil {
		return nil, err
	}
	p.Issuer = p.op.Issuer
	return p, nil
}

// HTTPClient returns a client that trusts the provider's certificate, if it has one.
func (p *Provider) HTTPClient() *http.Client { return p.http }

// Misbehave makes the provider do these faults from now on, and no others. [Provider.Judge]
// then judges only what happens from now on.
func (p *Provider) Misbehave(faults ...Fault) {
	p.t.Helper()
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = string(f)
	}
	if err := p.op.Misbehave(names...); err != nil {
		p.t.Fatalf("optest: %v", err)
	}
}
