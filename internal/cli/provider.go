// provider: the embedded development provider.

package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/internal/run"
)

// providerOptions are the flags of provider.
type providerOptions struct {
	port                       int
	listen                     string
	auto, jwtAccessTokens      bool
	file                       string
	users, clients             []string
	access, id, refresh        time.Duration
	more                       provider.Options // what flags set directly
	registrationToken          string
	signingKey                 string
	tlsCert, tlsKey, clientsCA string
	faults                     []string
	once                       bool
	settle                     time.Duration

	config        string // what the faults need, to be added to the client's file
	decryptionKey []byte // for it, nil if none is needed
}

func providerCommand(p *program) *cobra.Command {
	var o providerOptions
	cmd := &cobra.Command{
		Use:   "provider",
		Short: "Run a development OpenID Provider on this machine",
		Long:  providerHelp,
		Example: `  oidc-client provider --auto -o --output-dir /tmp/op &
  oidc-client refresh-token -c /tmp/op/config.yaml --refresh-token @/tmp/op/refresh-token

  oidc-client provider --fault id-token-iss-wrong --once --timeout 1m -p 9400 --client app:s3cret`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runProvider(p.run, cmd, &o) },
	}
	o.add(cmd.Flags())
	does(cmd, writesResults, showsRequests)
	complete(cmd, "fault", faultNames)
	cmd.AddCommand(faultsCommand(p))
	return cmd
}

// providerHelp is what the command says of itself.
const providerHelp = `Run a development OpenID Provider on this machine

The provider listens on 127.0.0.1, keeps everything in memory, and runs until it
is interrupted. Its issuer's address shows a page with users, clients, endpoints and
the last requests; -d logs each request in a line. It has discovery, keys, a login page, every response type and mode
(PAR, JAR, JARM, RAR, resource indicators, the claims parameter), refresh tokens that
rotate (one that comes back revokes its family), the device flow and CIBA, client
credentials, assertions, token exchange, DPoP and mutual TLS, UserInfo, introspection
(JSON and signed), revocation, logout by all three channels, and a protected resource
at /resource (/resource/email wants a scope, /resource/step-up a login of acr 2).

It prints a configuration file that works with it, with a refresh token in a
comment. With -o it writes both, config.yaml and refresh-token, to --output-dir,
and config-2.yaml and so on for the other clients of --file.

Clients have to use PKCE (S256), unless --pkce-optional is given. A client without
redirect_uris may use http://127.0.0.1/auth/callback with any port.

In a container, --listen 0.0.0.0 --issuer http://op:9400 lets other containers in by
that name; requests that name another host are refused, but for those from inside.

Without --user, alice and bob can log in, each with the name as password. Without
--client there is one, oidc-client, with a new secret. --file FILE reads more:

  users:
    - {name: carol, password: secret, sub: u-17, full_name: Carol Cole,
       email: carol@example.com, acr: "2", amr: [pwd, otp]}
  clients:
    - {client_id: app, client_secret: s3cret, auth_method: client_secret_post}
    - {client_id: signer, auth_method: private_key_jwt, jwks: '{"keys":[...]}'}
    - {client_id: sealed, client_secret: s3cret, jwks: '{"keys":[...]}',
       id_token_encrypted_response_alg: RSA-OAEP-256}
  access_token_lifetime: 1m
  id_token_lifetime: 1m
  refresh_token_lifetime: 1h
  signing_key: key.pem

Clients have the members of a registration by their names (redirect_uris, grant_types,
request_object_signing_alg, backchannel_logout_uri, dpop_bound_access_tokens, ...).

To test a relying party, --fault NAME makes the provider do one thing wrong;
"provider faults" lists them. The configuration that is printed or written then
demands what the fault needs to matter; with -o the key that it may need is
written beside it. A relying party has to ask for UserInfo when it has verified
all else: that is how the provider sees that it went on.

With --once the provider ends when a relying party has come to the fault and
then kept quiet for --settle (one that thinks longer needs more), and prints
what was asked for. It exits with 5 if the relying party did what a standard forbids,
with 6 if --timeout ran out before, and else with 0. What a standard only recommends
is told, and what it leaves open is right. What was made of UserInfo, or of
a JWT as access or refresh token, does not show in requests: the exit code is 0
then, with a warning. Everything that asks is the relying party, so do not poll
the provider to see if it is up, unless for its start page (/): -o writes
refresh-token last, when it is. With
--format json the one document is printed at the end.`

// add adds the flags of the provider's settings to a command.
func (o *providerOptions) add(f *pflag.FlagSet) {
	f.IntVarP(&o.port, "port", "p", 9400, "port on 127.0.0.1; 0 takes a free one")
	f.StringVar(&o.listen, "listen", "",
		"`address` to listen on instead of 127.0.0.1: host or host:port (0.0.0.0 and :: need --issuer)")
	f.StringVar(&o.more.Issuer, "issuer", "", "`URL` that clients reach the provider at, without a path")
	f.BoolVar(&o.auto, "auto", false, "log users in without a form: the one of login_hint, or else the first")
	f.StringVar(&o.file, "file", "", "`file` of users, clients, lifetimes and keys (YAML)")
	f.StringArrayVar(&o.users, "user", nil, "user who can log in, as `name:password` (repeatable)")
	f.StringArrayVar(&o.clients, "client", nil, "client, as `id:secret`, or id alone for a public one (repeatable)")
	f.DurationVar(&o.access, "access-token-lifetime", 0, "lifetime of access tokens (default 5m)")
	f.DurationVar(&o.id, "id-token-lifetime", 0, "lifetime of ID Tokens (default 5m)")
	f.DurationVar(&o.refresh, "refresh-token-lifetime", 0, "lifetime of refresh tokens (default 24h)")
	f.BoolVar(&o.jwtAccessTokens, "jwt-access-tokens", false, "access tokens are JWTs (RFC 9068)")
	f.BoolVar(&o.more.PKCEOptional, "pkce-optional", false, "accept confidential clients that do not use PKCE")
	f.BoolVar(&o.more.NoSilentLogin, "no-silent-login", false,
		"with --auto: refuse prompt=none (login_required) where the browser is not logged in")
	f.BoolVar(&o.more.Password, "password", false, "allow the password grant")
	f.BoolVar(&o.more.SAML, "saml", false, "accept unsigned SAML assertions (saml2-bearer)")
	f.BoolVar(&o.more.DPoPNonces, "dpop-nonces", false, "ask for nonces in DPoP proofs")
	f.BoolVar(&o.more.Registration, "registration", false, "let everybody register clients")
	f.StringVar(&o.registrationToken, "registration-token", "",
		"let clients be registered by whoever shows this (- reads standard input, @FILE a file; or "+
			"OIDC_REGISTRATION_TOKEN)")
	f.StringVar(&o.more.FAPI2, "fapi2", "", "hold clients to a FAPI 2.0 `profile`: security or message-signing")
	f.DurationVar(&o.more.PollInterval, "poll-interval", 0,
		"how long a device or a CIBA client has to wait between two polls (default 5s)")
	f.DurationVar(&o.more.ApproveAfter, "approve-after", 0,
		"with --auto: how long a user takes to answer a CIBA request (default 1s)")
	f.StringVar(&o.signingKey, "signing-key", "", "`file` of a private key to sign with (PEM, PKCS #12 or JWK)")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`file` of a certificate (PEM or PKCS #12), to speak TLS")
	f.StringVar(&o.tlsKey, "tls-key", "", "`file` of the certificate's private key (PEM or PKCS #12)")
	f.StringVar(&o.clientsCA, "client-ca", "",
		"`file` of CA certificates (PEM or PKCS #12) for clients that use tls_client_auth")
	f.StringArrayVar(&o.faults, "fault", nil, "`name` of something to do wrong, from provider faults (repeatable)")
	f.BoolVar(&o.once, "once", false, "end after one relying party, and exit with what it did about the faults")
	f.DurationVar(&o.settle, "settle", 0, "with --once: how long the relying party has to keep quiet (default 2s)")
}

func runProvider(r *run.Run, cmd *cobra.Command, o *providerOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	options, err := o.gather(ctx, r)
	if err == nil {
		options.RegistrationToken, err = r.Input.Secret(ctx, "registration-token", o.registrationToken,
			"OIDC_REGISTRATION_TOKEN")
	}
	if err != nil {
		return err
	}
	options.OnRequest = func(request provider.Logged) { r.Debug("provider: %s", request) }
	options.OnError = func(endpoint string, err error) {
		r.Warn("provider: %s: %v", endpoint, err)
	}
	op, err := fault.Start(fault.Options{Options: options, Faults: o.faults})
	if err != nil {
		return failure.Config("%v",
			err).Try("-p 0 takes a free port; `oidc-client provider --help` shows what the file may hold")
	}
	err = announce(r, op, options, o)
	switch {
	case err != nil:
	case o.once:
		err = watchOnce(ctx, r, op, o.settle)
	default:
		<-ctx.Done()
	}
	if closeErr := op.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		r.Inform("provider stopped")
	}
	return err
}

// gather turns flags and the file into the provider's options.
func (o *providerOptions) gather(ctx context.Context, r *run.Run) (provider.Options, error) {
	options := provider.Options{Auto: o.auto, JWTAccessTokens: o.jwtAccessTokens}
	if o.file != "" {
		read := func(path string) ([]byte, error) { return r.Input.ReadFile(ctx, path) }
		data, err := read(o.file)
		if err != nil {
			return options, failure.Config("%w", err)
		}
		if options, err = provider.ReadFile(data, filepath.Dir(o.file), read); err != nil {
			return options, failure.Config("%s: %w", o.file, err)
		}
		options.Auto = options.Auto || o.auto
		options.JWTAccessTokens = options.JWTAccessTokens || o.jwtAccessTokens
	}
	o.addMore(&options)
	if err := o.address(&options); err != nil {
		return options, err
	}
	if err := o.checkFaults(); err != nil {
		return options, err
	}
	for _, u := range o.users {
		name, password, ok := strings.Cut(u, ":")
		if !ok && !o.auto {
			return options,
				failure.Usage("--user is name:password; without a password the user could not log in (or use --auto)")
		}
		options.Users = append(options.Users, provider.User{Name: name, Password: password})
	}
	for _, c := range o.clients {
		id, secret, _ := strings.Cut(c, ":")
		options.Clients = append(options.Clients, provider.Client{ID: id, Secret: secret})
	}
	if len(options.Users) == 0 {
		options.Users = provider.Defaults().Users
	}
	if len(options.Clients) == 0 {
		options.Clients = []provider.Client{{ID: "oidc-client", Secret: rand.Text() + rand.Text()}}
	}
	if err := o.addFaultConfig(&options.Clients[0]); err != nil {
		return options, err
	}
	for _, d := range []struct {
		flag time.Duration
		to   *time.Duration
	}{
		{o.access, &options.AccessTokenLifetime},
		{o.id, &options.IDTokenLifetime},
		{o.refresh, &options.RefreshTokenLifetime},
	} {
		if d.flag < 0 || d.flag > 0 && d.flag < time.Second {
			return options, failure.Usage("a lifetime is at least one second")
		}
		if d.flag != 0 {
			*d.to = d.flag
		}
	}
	return options, o.readFiles(ctx, r, &options)
}

// address says where to listen.
func (o *providerOptions) address(options *provider.Options) error {
	options.Port = o.port
	if o.listen == "" {
		return nil
	}
	options.Listen = o.listen
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		options.Listen = net.JoinHostPort(strings.Trim(o.listen, "[]"), strconv.Itoa(o.port))
	}
	host, _, err := net.SplitHostPort(options.Listen)
	if ip := net.ParseIP(host); err != nil || o.more.Issuer == "" && (host == "" || ip.IsUnspecified()) {
		return failure.Usage("--listen %s needs --issuer URL: the address that clients use", o.listen)
	}
	return nil
}

// addMore adds what flags set directly to what the file says.
func (o *providerOptions) addMore(options *provider.Options) {
	for _, flag := range []struct{ set, to *bool }{
		{&o.more.Password, &options.Password},
		{&o.more.SAML, &options.SAML},
		{&o.more.DPoPNonces, &options.DPoPNonces},
		{&o.more.Registration, &options.Registration},
		{&o.more.PKCEOptional, &options.PKCEOptional},
		{&o.more.NoSilentLogin, &options.NoSilentLogin},
	} {
		*flag.to = *flag.to || *flag.set
	}
	options.Issuer = o.more.Issuer
	if o.more.FAPI2 != "" {
		options.FAPI2 = o.more.FAPI2
	}
	if o.more.PollInterval != 0 {
		options.PollInterval = o.more.PollInterval
	}
	if o.more.ApproveAfter != 0 {
		options.ApproveAfter = o.more.ApproveAfter
	}
}

// readFiles reads the files that flags name.
func (o *providerOptions) readFiles(ctx context.Context, r *run.Run, options *provider.Options) error {
	if o.signingKey != "" {
		data, err := readKey(ctx, r, o.signingKey)
		if err != nil {
			return failure.Config("%w", err)
		}
		options.SigningKey = data
	}
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return failure.Usage("--tls-cert and --tls-key go together")
	}
	if o.tlsCert != "" {
		certificate, err := readKeyPair(ctx, r, o.tlsCert, o.tlsKey)
		if err != nil {
			return failure.Config("%w", err)
		}
		options.Certificate = certificate
	}
	if o.clientsCA != "" {
		roots, err := readRoots(ctx, r, o.clientsCA)
		if err != nil {
			return failure.Config("%w", err)
		}
		options.ClientCAs = roots
	}
	return nil
}

// password tells the password of the users that the provider brings along.
func password(u provider.User) string {
	if u.Name != u.Password {
		return ""
	}
	return ", with the password " + u.Password
}

// announce prints the configuration of the first client, and a refresh token.
// With --once and --format json there is one document, at the end.
func announce(r *run.Run, op *fault.Provider, options provider.Options, o *providerOptions) error {
	client, user := options.Clients[0], options.Users[0]
	token, err := op.IssueRefreshToken(client.ID, user.Name, "")
	if err != nil {
		return err
	}
	files, err := o.configFiles(op, options)
	if err != nil {
		return err
	}
	file := files[0]
	r.Inform("provider of issuer %s; interrupt to stop it", op.Issuer)
	r.Debug("provider: each request is a line from now on; %s/ shows the last ones", op.Issuer)
	o.warnReachable(r, op, options)
	for _, u := range options.Users {
		if !options.Auto {
			r.Inform("user %s can log in%s", u.Name, password(u))
		}
	}
	r.Issuer(op.Issuer)
	r.Note("provider", map[string]any{
		"config": string(file), "refresh_token": token, "user": user.Name, "configs": texts(options.Clients, files),
	})
	if r.Options.Output {
		if err := o.write(r, files, token); err != nil {
			return err
		}
	}
	if r.Options.JSON() && o.once {
		return nil
	}
	if r.Options.JSON() { // now, not at the end: whoever started it waits for it
		return r.Publish()
	}
	if r.Options.Output {
		return nil
	}
	r.PrintText(fmt.Sprintf("%s\n# A refresh token of the user %s, to be saved as refresh-token:\n#   %s\n"+
		"#   oidc-client refresh-token -c config.yaml --refresh-token @refresh-token", file, user.Name, token))
	return r.Unshown()
}

// configFiles are the configurations of all clients. That of the first has what the faults
// need.
func (o *providerOptions) configFiles(op *fault.Provider, options provider.Options) ([][]byte, error) {
	common := ""
	if o.tlsCert != "" {
		path, err := filepath.Abs(o.tlsCert)
		if err != nil {
			return nil, err
		}
		common = fmt.Sprintf("ca_cert: %q\n", path)
	}
	var files [][]byte
	for i, c := range options.Clients {
		more := common
		if i == 0 {
			more += o.config
		}
		files = append(files, op.ConfigFile(c, more))
	}
	return files, nil
}

// texts are the configurations by client.
func texts(clients []provider.Client, files [][]byte) map[string]string {
	all := map[string]string{}
	for i, c := range clients {
		all[c.ID] = string(files[i])
	}
	return all
}

// write writes the configurations, and what they need. The refresh token comes last: who
// waits for it finds the rest.
func (o *providerOptions) write(r *run.Run, files [][]byte, token string) error {
	type file struct {
		name string
		data []byte
	}
	var all []file
	if o.decryptionKey != nil {
		all = append(all, file{"decryption-key.json", o.decryptionKey})
	}
	for i, data := range files {
		name := "config.yaml"
		if i > 0 {
			name = fmt.Sprintf("config-%d.yaml", i+1)
		}
		all = append(all, file{name, data})
	}
	for _, f := range append(all, file{"refresh-token", []byte(token + "\n")}) {
		if err := durable.WriteFile(filepath.Join(r.Options.OutputDir, f.name), f.data); err != nil {
			return failure.Config("%v", err)
		}
	}
	r.Inform("wrote config.yaml and refresh-token to %s", r.Options.OutputDir)
	return nil
}

// warnReachable warns if other machines can log in.
func (o *providerOptions) warnReachable(r *run.Run, op *fault.Provider, options provider.Options) {
	if options.Listen == "" {
		return
	}
	host, _, err := net.SplitHostPort(options.Listen)
	if err == nil && (strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()) {
		return
	}
	r.Warn("everybody who can reach %s can log in at the provider", options.Listen)
	if strings.HasPrefix(op.Issuer, "http://") {
		r.Warn("the issuer %s is not https: clients that are strict refuse it on another machine", op.Issuer)
	}
}
