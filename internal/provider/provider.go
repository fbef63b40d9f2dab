// Package provider is an OpenID Provider for development: it runs in this
// process on a loopback address, keeps everything in memory, and forgets it
// when it stops. It is built on github.com/luikyv/go-oidc and closes the gaps
// that library leaves: reuse of a rotated refresh token revokes its family,
// client credentials in the Authorization header are form-urldecoded, a
// certificate's chain is verified, and 401s carry a challenge. What the library
// lacks or has otherwise than the specifications is done in layers in front of
// it, one file for each.
//
// It is correct, or meant to be: whatever it is made to do wrong on purpose is in
// package fault, in front of it. It shares no code with package oidc, so that one can
// be tested with the other.
package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

// Options say what a provider is like. The zero value is a provider on a free
// port with nobody to log in; see [Defaults].
type Options struct {
	Port int // of 127.0.0.1; 0 takes a free one
	// Listen is the address to listen on instead, host:port. Everybody who can reach it can
	// log in. Where it is not one address, Issuer is needed.
	Listen string
	// Issuer is the issuer identifier, a URL without a path, where clients do not reach the
	// provider at the address that it listens on: in a container, or behind a proxy.
	Issuer string

	Users   []User
	Clients []Client

	// Auto logs users in without a form: the one that login_hint names, or
	// else the first.
	Auto bool

	// Lifetimes. 0 means 5 minutes, 5 minutes and 24 hours.
	AccessTokenLifetime, IDTokenLifetime, RefreshTokenLifetime time.Duration

	JWTAccessTokens bool // access tokens are JWTs (RFC 9068) instead of opaque

	// Keys are the private keys to use; nil generates new ones.
	Keys *Keys
	// SigningKey is one more private key, PEM or JWK, to sign with. It is used for
	// its algorithm by preference.
	SigningKey []byte

	// Certificate makes the provider speak TLS. Clients that authenticate by
	// mutual TLS need it; ClientCAs verifies the certificates of those that
	// use tls_client_auth.
	Certificate *tls.Certificate
	ClientCAs   *x509.CertPool

	// PollInterval is how long a device or a CIBA client has to wait between
	// two polls. 0 means 5 seconds.
	PollInterval time.Duration
	// ApproveAfter is how long the user of an automatic provider takes to
	// answer a CIBA request. 0 means 1 second.
	ApproveAfter time.Duration

	Password bool // the password grant is allowed (RFC 6749 section 4.3)
	SAML     bool // unsigned SAML assertions are accepted (RFC 7522)

	// DPoPNonces asks for server nonces in DPoP proofs, others at the
	// resources than at the authorization server (RFC 9449 section 8).
	DPoPNonces bool

	// Registration lets everybody register clients (RFC 7591), and
	// RegistrationToken those that show it as the initial access token.
	Registration      bool
	RegistrationToken string

	// PKCEOptional lets confidential clients do without PKCE.
	PKCEOptional bool
	// NoSilentLogin makes an automatic provider refuse prompt=none with login_required where
	// the browser is not logged in.
	NoSilentLogin bool

	// FAPI2 holds clients to a FAPI 2.0 profile: "security" or "message-signing".
	FAPI2 string

	// HTTPClient sends requests to clients: CIBA pings and logout tokens. nil means
	// NewHTTPClient.
	HTTPClient *http.Client

	// Middleware, if set, is in front of the provider and sees every request and
	// response. The handler behind it does not encrypt: the middleware calls
	// [Provider.Encrypt] with each response before it sends it.
	Middleware func(*Provider, http.Handler) http.Handler

	// Faults, if set, are the names and descriptions of what the provider does wrong at the
	// moment, for its start page.
	Faults func() [][2]string

	// OnRequest is told of every request, when it was answered. nil is told nothing.
	OnRequest func(Logged)

	// OnError is told of every request that ends in an error, with the reason
	// that clients are not shown. nil is told nothing.
	OnError func(endpoint string, err error)
}

// A User can log in.
type User struct {
	Name     string `yaml:"name"`     // to log in with
	Password string `yaml:"password"` // to log in with; "" lets nobody in by the form
	Subject  string `yaml:"sub"`      // sub; "" means Name

	FullName string   `yaml:"full_name"` // the claim name
	Email    string   `yaml:"email"`     // the claim email
	ACR      string   `yaml:"acr"`       // of the logins; "" means "1"
	AMR      []string `yaml:"amr"`       // of the logins; nil means pwd
}

// Defaults returns two users and a client to start with.
func Defaults() Options {
	return Options{
		Users: []User{
			{
				Name: "alice", Password: "alice", FullName: "Alice Adams", Email: "alice@example.com",
				AMR: []string{"pwd", "otp"}, ACR: "2",
			},
			{Name: "bob", Password: "bob", FullName: "Bob Brown", Email: "bob@example.com"},
		},
	}
}

// A Provider is a running provider. What serves one of its endpoints, or a page, is a type of its
// own in front of it, such as [tokenEndpoint].
type Provider struct {
	Issuer string // its issuer identifier, http://127.0.0.1:PORT unless the options say otherwise

	options Options
	users   users
	clients clients
	store   *store
	keys    goidc.JSONWebKeySet
	at      place
	servers []*http.Server

	library *oidcprovider.Provider
	nonces  nonces
	logins  logins
	once    goidc.ConsumeJTIFunc // refuses a jti that was seen before
}

// The lifetimes of what the options leave open.
const (
	defaultAccessToken  = 5 * time.Minute
	defaultIDToken      = 5 * time.Minute
	defaultRefreshToken = 24 * time.Hour
	codeLifetime        = time.Minute
	jtiLifetime         = 15 * time.Minute
)

// Start starts a provider. It runs until Close.
func Start(o Options) (*Provider, error) {
	p := &Provider{
		options: o, users: users{}, store: newStore(), once: onceOnly(jtiLifetime),
		clients: clients{fixed: map[string]*goidc.Client{}, encryption: map[string]map[string]*Encryption{}},
	}
	p.store.interval = o.pollInterval()
	if err := errors.Join(o.validProfile(), o.validIssuer()); err != nil {
		return nil, err
	}
	if err := p.register(); err != nil {
		return nil, err
	}
	var err error
	if p.keys, err = o.keySet(); err != nil {
		return nil, err
	}
	listeners, at, err := o.listen()
	if err != nil {
		return nil, err
	}
	p.at, p.Issuer = at, at.issuer
	handler, err := p.handler()
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, err
	}
	home := homePage{p, &requestLog{}}
	for _, l := range listeners {
		server := &http.Server{
			Handler:           home.logged(p.ownHost(home.startPage(handler))),
			ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
			ErrorLog: log.New(io.Discard, "", 0), MaxHeaderBytes: 64 << 10,
		}
		p.servers = append(p.servers, server)
		go func() { _ = server.Serve(l) }() // ends with Close
	}
	return p, nil
}

func (p *Provider) handler() (http.Handler, error) {
	keys := func(context.Context) (goidc.JSONWebKeySet, error) { return p.keys, nil }
	op, err := oidcprovider.New(p.Issuer, p.store, keys, p.settings()...)
	if err != nil {
		return nil, fmt.Errorf("the provider's options: %w", err)
	}
	p.library = op
	handler := p.around(p.inFront(op.Handler()))
	if p.options.Middleware != nil {
		return p.options.Middleware(p, handler), nil
	}
	return sealer{p}.encrypted(handler), nil
}

const clientTimeout = 5 * time.Second

// clientTransport sends requests to clients. Go's HTTP/2 waits without end for a
// client that does not read.
var clientTransport = sync.OnceValue(func() http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		HTTP2: &http.HTTP2Config{WriteByteTimeout: clientTimeout},
	}
})

// NewHTTPClient returns the client that the provider sends requests to clients with,
// unless the options have another. It follows no redirects.
func NewHTTPClient() *http.Client {
	return &http.Client{
		Transport:     clientTransport(),
		Timeout:       clientTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (o Options) httpClient() *http.Client {
	if o.HTTPClient != nil {
		return o.HTTPClient
	}
	return NewHTTPClient()
}

// inFront are the layers that do what the library does not, outermost last.
func (p *Provider) inFront(h http.Handler) http.Handler {
	token, requests, resources := tokenEndpoint{p}, authorizationRequests{p}, resourceServer{p}
	for _, layer := range []func(http.Handler) http.Handler{
		token.otherGrants, token.tokenErrors, authorizationResponses{p}.completeResponses, p.proofs,
		requests.strictRequests, requests.audienceIsIssuer, p.signIntrospection,
		registrationEndpoint{p}.registrations, cibaEndpoint{p}.askUser,
		resources.guardUserInfo, resources.protectedResource, p.trueMetadata,
		explainErrors,
	} {
		h = layer(h)
	}
	return h
}

// Close stops the provider. Requests under way are given a second to end.
func (p *Provider) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var errs []error
	for _, s := range p.servers {
		// Shutdown waits for connections that were opened and never used.
		if s.Shutdown(ctx) != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// CloseNow stops the provider, and cuts off the requests under way.
func (p *Provider) CloseNow() error {
	var errs []error
	for _, s := range p.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func orElse(d, standard time.Duration) int {
	if d == 0 {
		d = standard
	}
	return int(d / time.Second)
}
