// From configuration to client: what every command that talks to a provider
// shares.

package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/httpclient"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// clientFlags are the flags of commands that talk to a provider.
type clientFlags struct {
	config string
	kid    string

	anonymous bool // the command does not authenticate the client, which may have to have a secret
}

// add adds --config and some flags of the parameters' table to a command.
func (c *clientFlags) add(cmd *cobra.Command, groups ...[]string) {
	f := cmd.Flags()
	taken := slices.Concat(groups...)
	f.StringVarP(&c.config, "config", "c", "", "oidc client config file")
	if slices.Contains(taken, mockKIDFlag) {
		f.StringVar(&c.kid, mockKIDFlag, "", "kid header of client assertions")
	}
	for _, p := range config.Parameters() {
		switch {
		case p.Flag == "" || !slices.Contains(taken, p.Flag):
			continue
		case p.Kind() == "a list":
			f.StringArray(p.Flag, nil, p.Help+" (repeatable)")
		case p.Kind() == "true or false":
			f.Bool(p.Flag, false, p.Help)
		default:
			f.StringP(p.Flag, p.Short, "", flagHelp(p))
		}
		if p.Values != nil {
			complete(cmd, p.Flag, func() []string { return p.Values })
		}
	}
	if f.Lookup("waive") != nil {
		complete(cmd, "waive", waivable)
	}
}

// waivable are the ids of the rules that can be waived.
func waivable() []string {
	var ids []string
	for _, r := range oidc.Rules() {
		if !r.Essential {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func flagHelp(p config.Parameter) string {
	switch {
	case p.Secret:
		return p.Help + " (- reads standard input, @FILE a file; or " + p.Env() + ")"
	case p.File:
		return "`" + "file" + "`: " + strings.TrimPrefix(p.Help, "file of ")
	}
	return p.Help
}

// connect reads the configuration and makes its HTTP client.
func (p *program) connect(ctx context.Context, cmd *cobra.Command, c *clientFlags, require ...string) (*config.Config, *http.Client, error) {
	cfg, err := p.load(ctx, cmd, c, require...)
	if err != nil {
		return nil, nil, err
	}
	client, err := p.httpClient(ctx, cfg, "")
	return cfg, client, err
}

// load reads the configuration: file, environment, flags. require names the
// keys that must be set.
func (p *program) load(ctx context.Context, cmd *cobra.Command, c *clientFlags, require ...string) (*config.Config, error) {
	name, data, err := p.configFile(ctx, c.config)
	if err != nil {
		return nil, err
	}
	flags, err := p.flagsGiven(ctx, cmd)
	if err != nil {
		return nil, err
	}
	p.sources = sources{Name: name, File: string(data), Flags: flags}
	cfg, err := config.Load(config.Sources{
		Name: name, File: data, Getenv: p.sources.noting(p.Env.Getenv), Flags: flags, Require: require, Anonymous: c.anonymous,
	})
	if err != nil {
		return cfg, err
	}
	return cfg, p.loaded(cfg)
}

// flagsGiven returns the flags on the command line and their values. A secret is read from
// where its flag says.
func (p *program) flagsGiven(ctx context.Context, cmd *cobra.Command) (map[string][]string, error) {
	flags := map[string][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) { flags[f.Name] = flagValues(f) })
	if given, ok := flags["client-secret"]; ok {
		secret, err := p.Input.Secret(ctx, "client-secret", given[0], "OIDC_CLIENT_SECRET")
		if err != nil {
			return nil, err
		}
		if secret == "" {
			return nil, failure.Usage("--client-secret is empty")
		}
		flags["client-secret"] = []string{secret}
	}
	return flags, nil
}

// loaded takes note of a configuration that was read.
func (p *program) loaded(cfg *config.Config) error {
	p.Learn(cfg.ClientSecret)
	if cfg.ClientSecret != "" {
		p.secretAt = cfg.Origin["client_secret"].String()
	}
	if cfg.PrivateKey != "" {
		p.keyAt = cfg.Origin["private_key"].String()
	}
	if err := checkWaived(cfg); err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		p.Warn("%s", w)
	}
	return p.checkFiles(cfg)
}

// standardInput is the name of a configuration that was read from there.
const standardInput = "standard input"

// configFile returns the name and contents of the configuration file; data is
// nil if there is none and none was asked for.
func (p *program) configFile(ctx context.Context, flag string) (name string, data []byte, err error) {
	name, asked := flag, true
	if name == "" {
		name = p.Env.Getenv("OIDC_CONFIG")
	}
	if name == "" {
		name, asked = p.defaultConfig(), false
	}
	if name == "-" {
		if data, err = p.Input.Stdin(ctx, "config"); err != nil {
			return "", nil, failure.Usage("--config: %w", err)
		}
		return standardInput, data, nil
	}
	if name == "" {
		p.noFile = true
		return "configuration", nil, nil
	}
	data, err = run.ReadFile(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asked:
		p.noFile = true
		return "configuration", nil, nil
	case err != nil:
		return "", nil, failure.Config("the configuration file cannot be read: %w", err).Try("--config names a file, or - for standard input; `oidc-client config init` writes one to start with")
	}
	p.checkNamed(name, whereSecretsGo)
	return name, data, nil
}

// defaultConfig is where the configuration file is if nobody says, "" if that
// cannot be told. A relative path does not count (XDG Base Directory): a file
// that happens to be in the current folder must not choose where secrets go.
func (p *program) defaultConfig() string {
	folders := []string{p.Env.Getenv("XDG_CONFIG_HOME"), filepath.Join(p.Env.Getenv("HOME"), ".config"), p.Env.Getenv("AppData")}
	for _, folder := range folders {
		if filepath.IsAbs(folder) {
			return filepath.Join(folder, "oidc-client", "config.yaml")
		}
	}
	return ""
}

// path resolves the file that a key names: beside the configuration file if it
// was named there, else from where the program runs.
func path(cfg *config.Config, key, file string) string {
	o := cfg.Origin[key]
	if o.Line == 0 || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(o.Name), file)
}

// origin names a key and where it was set: "config.yaml:3:9: ca_cert", or the
// flag or variable alone.
func origin(cfg *config.Config, key string) string {
	o := cfg.Origin[key]
	if o.Line == 0 {
		return o.String()
	}
	return o.String() + ": " + key
}

// httpClient makes the HTTP client that a configuration asks for. pair is a
// URL whose host will be asked two things at a time, "" if none.
func (p *program) httpClient(ctx context.Context, cfg *config.Config, pair string) (*http.Client, error) {
	o := httpclient.Options{
		MaxIdleConns: int(cfg.HTTP.MaxIdleConns), MaxIdleConnsPerHost: int(cfg.HTTP.MaxIdleConnsPerHost), MaxConnsPerHost: int(cfg.HTTP.MaxConnsPerHost),
		Unverified: cfg.SkipTLSVerification, Proxy: p.Env.Proxy, Pair: pair,
		SystemRoots: p.Env.Getenv("SSL_CERT_FILE") != "" || p.Env.Getenv("SSL_CERT_DIR") != "",
		Header:      http.Header{"User-Agent": {"oidc-client/" + p.Env.Build.Name()}},
		Extra:       http.Header{}, ExtraFor: func(r *http.Request) bool { return !elsewhere(r, cfg.Issuer) },
	}
	if err := p.checkProxies(); err != nil {
		return nil, err
	}
	if cfg.HTTP.Timeout != nil {
		o.Timeout = *cfg.HTTP.Timeout
	}
	for name, value := range cfg.HTTP.ExtraHeaders {
		o.Extra[http.CanonicalHeaderKey(name)] = []string{value}
		if transcript.NamesSecret(name) {
			p.Learn(value)
		}
	}
	if cfg.CACert != "" {
		var err error
		if o.Roots, err = readRoots(ctx, path(cfg, "ca_cert", cfg.CACert)); err != nil {
			return nil, failure.Config("%s: %w", origin(cfg, "ca_cert"), err).Try("it is a file of the CA certificates to trust, in PEM")
		}
	}
	certificate, err := clientCertificate(ctx, cfg)
	if err != nil {
		return nil, err
	}
	o.Certificate = certificate
	p.cache = p.cacheFor(cfg, o)
	if p.cache != nil && p.cache.Warm() {
		o.Pair = "" // nothing will be asked for at the same time
	}
	client := httpclient.New(o)
	p.Recorder.Base = client.Transport
	if p.cache != nil {
		p.cache.Base = client.Transport
		p.Recorder.Base = p.cache
	}
	client.Transport = p.Recorder
	return client, nil
}

// elsewhere reports whether a request is to a resource of another origin than the issuer's,
// which extra headers, such as the key of a gateway in front of that, are not for.
func elsewhere(r *http.Request, issuer string) bool {
	switch call.Endpoint(r.Context()) {
	case "resource", "protected_resource_metadata":
	default:
		return false
	}
	u, err := url.Parse(issuer)
	return err != nil || u.Scheme != r.URL.Scheme || u.Host != r.URL.Host
}

// checkProxies refuses the address of a proxy that cannot be read: net/http would go past it
// without a word.
func (p *program) checkProxies() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		value := p.Env.Getenv(name)
		if _, err := url.Parse(value); err == nil {
			continue
		}
		if _, err := url.Parse("http://" + value); err != nil {
			return failure.Config("%s is not the URL of a proxy", name) // it may hold a password
		}
	}
	return nil
}

// clientCertificate reads the certificate of mutual TLS, nil if there is none.
// Its key may be the client's private key; --pem-key outweighs the file.
func clientCertificate(ctx context.Context, cfg *config.Config) (*tls.Certificate, error) {
	if cfg.TLSClientCertificate == "" {
		return nil, nil
	}
	keyName, keyFile := "tls_client_key", cfg.TLSClientKey
	if keyFile == "" || cfg.Origin["private_key"].Name == "--pem-key" {
		keyName, keyFile = "private_key", cfg.PrivateKey
	}
	if keyFile == "" {
		return nil, failure.Config("%s: there is no tls_client_key (or --pem-key) that belongs to it", origin(cfg, "tls_client_certificate"))
	}
	certificate, err := readKeyPair(ctx, path(cfg, "tls_client_certificate", cfg.TLSClientCertificate), path(cfg, keyName, keyFile))
	if err != nil {
		return nil, failure.Config("%s: %w", origin(cfg, "tls_client_certificate"), err).Try("it is a file of the certificate, and " + keyName + " one of its private key, both in PEM")
	}
	return certificate, nil
}

// discovery is how the configured provider is found.
func discovery(cfg *config.Config, client *http.Client) oidc.Discovery {
	d := oidc.Discovery{
		HTTP: client, MaxBody: cfg.HTTP.MaxResponseSize, URL: cfg.AlternativeWellKnown, ExpectedIssuer: cfg.ExpectedIssuer,
		Waive: slices.Clone(cfg.Waive), TLSUnverified: cfg.SkipTLSVerification, Endpoints: map[string]string{},
	}
	for name, value := range map[string]string{
		"token_endpoint": cfg.Endpoints.Token, "authorization_endpoint": cfg.Endpoints.Authorize,
		"userinfo_endpoint": cfg.Endpoints.UserInfo, "jwks_uri": cfg.Endpoints.JWKS,
		"introspection_endpoint": cfg.Endpoints.Introspect, "revocation_endpoint": cfg.Endpoints.Revocation,
		"end_session_endpoint": cfg.Endpoints.EndSession, "pushed_authorization_request_endpoint": cfg.Endpoints.PAR,
		"device_authorization_endpoint": cfg.Endpoints.DeviceAuthorization, "registration_endpoint": cfg.Endpoints.Registration,
		"backchannel_authentication_endpoint": cfg.Endpoints.BackchannelAuthentication,
	} {
		if value != "" {
			d.Endpoints[name] = value
		}
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

// clientOf finds the provider of a configuration and makes the client. pair is as for
// [program.httpClient], and need is nil if no request of the command proves a key.
func (p *program) clientOf(ctx context.Context, cfg *config.Config, kid, pair string, need *keyNeed) (*oidc.Client, error) {
	key, err := p.boundKey(ctx, cfg, need)
	if err != nil {
		return nil, err
	}
	httpClient, err := p.httpClient(ctx, cfg, pair)
	if err != nil {
		return nil, err
	}
	provider, err := p.discover(ctx, cfg, httpClient)
	if err != nil {
		return nil, err
	}
	client, err := p.newClient(ctx, cfg, kid, provider, httpClient)
	if err == nil && need != nil {
		client.DPoP, err = p.dpop(ctx, cfg, provider, key)
	}
	return client, err
}

// discover finds the configured provider and judges its metadata.
func (p *program) discover(ctx context.Context, cfg *config.Config, client *http.Client) (*oidc.Provider, error) {
	p.Issuer(cfg.Issuer)
	provider, err := discovery(cfg, client).Provider(ctx, cfg.Issuer)
	if provider == nil {
		return nil, err
	}
	p.metadata = provider
	found := p.FoundBeside
	if p.uncached { // they are what was asked for
		found = p.Found
	}
	found(provider.Checks)
	if err != nil {
		if p.cache != nil {
			p.cache.Forget()
		}
		return nil, err
	}
	p.Issuer(provider.Issuer)
	return provider, pushedElsewhere(cfg, provider)
}

// pushedElsewhere takes the PAR endpoint from the member of the metadata that the
// configuration names.
func pushedElsewhere(cfg *config.Config, provider *oidc.Provider) error {
	name := cfg.Login.PAREndpointWellKnownKey
	if name == "" || cfg.Endpoints.PAR != "" {
		return nil
	}
	metadata, err := strictjson.Parse(provider.Raw)
	if err != nil {
		return err
	}
	endpoint, err := metadata.String(name)
	if err != nil || !wire.SecureURL(endpoint) {
		return failure.Config("%s: the metadata has no https URL called %s", origin(cfg, "par_endpoint_wellknown_key"), name)
	}
	provider.PushedAuthorizationRequestEndpoint = endpoint
	return nil
}

// newClient makes the client of a configuration at a provider.
func (p *program) newClient(ctx context.Context, cfg *config.Config, kid string, provider *oidc.Provider, client *http.Client) (*oidc.Client, error) {
	auth, err := clientAuth(ctx, cfg, kid, provider)
	if err != nil {
		return nil, err
	}
	p.method = auth.Method
	policy, err := policy(ctx, cfg)
	if err != nil {
		return nil, err
	}
	certificate, err := clientCertificate(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := &oidc.Client{
		Provider: provider, ID: cfg.ClientID, Auth: auth, HTTP: client, Now: p.Env.Now,
		MaxBody: cfg.HTTP.MaxResponseSize, Waive: cfg.Waive, Policy: policy,
	}
	if certificate != nil {
		c.Certificate = certificate.Leaf
	}
	if cfg.Profile != "" { // FAPI 2.0 Security Profile section 5.3.3.2: iss is always checked
		provider.AuthorizationResponseIss = true
	}
	return c, nil
}

// authMethods makes the methods of client authentication, by name.
var authMethods = map[string]func(context.Context, *config.Config, string) (oidc.ClientAuth, error){
	"none": func(context.Context, *config.Config, string) (oidc.ClientAuth, error) {
		return oidc.ClientAuth{Method: "none"}, nil
	},
	"client_secret_basic": func(_ context.Context, cfg *config.Config, _ string) (oidc.ClientAuth, error) {
		return oidc.ClientSecretBasic(cfg.ClientSecret), nil
	},
	"client_secret_post": func(_ context.Context, cfg *config.Config, _ string) (oidc.ClientAuth, error) {
		return oidc.ClientSecretPost(cfg.ClientSecret), nil
	},
	"client_secret_jwt": func(_ context.Context, cfg *config.Config, _ string) (oidc.ClientAuth, error) {
		return oidc.ClientSecretJWT(cfg.ClientSecret, assertion(cfg)), nil
	},
	"private_key_jwt": privateKeyJWT,
	"tls_client_auth": func(context.Context, *config.Config, string) (oidc.ClientAuth, error) {
		return oidc.TLSClientAuth(), nil
	},
	"self_signed_tls_client_auth": func(context.Context, *config.Config, string) (oidc.ClientAuth, error) {
		return oidc.SelfSignedTLSClientAuth(), nil
	},
}

// clientAuth chooses the method: the configured one, or else what the metadata
// allows and the configuration has the means for. It is never found out by
// trying.
func clientAuth(ctx context.Context, cfg *config.Config, kid string, provider *oidc.Provider) (oidc.ClientAuth, error) {
	method := cfg.AuthMethod
	if method == "" {
		var err error
		if method, err = defaultMethod(cfg, provider); err != nil {
			return oidc.ClientAuth{}, err
		}
	}
	return authMethods[method](ctx, cfg, kid)
}

func defaultMethod(cfg *config.Config, provider *oidc.Provider) (string, error) {
	allowed := provider.TokenEndpointAuthMethods
	if allowed == nil {
		allowed = []string{"client_secret_basic"} // OpenID Connect Discovery 1.0 section 3
	}
	var able []string
	switch {
	case cfg.ClientSecret != "":
		able = []string{"client_secret_basic", "client_secret_post"}
		if len(cfg.ClientSecret) >= 32 {
			able = append(able, "client_secret_jwt")
		}
	case cfg.TLSClientCertificate != "":
		able = []string{"tls_client_auth", "self_signed_tls_client_auth"}
	case cfg.PrivateKey != "":
		able = []string{"private_key_jwt"}
	default:
		return "none", nil
	}
	for _, method := range able {
		if slices.Contains(allowed, method) {
			return method, nil
		}
	}
	return "", failure.Config("the client's secret, key or certificate could be used for %s, but the provider's metadata only allows %s: set auth_method, and what it needs",
		strings.Join(able, " or "), strings.Join(allowed, ", "))
}
