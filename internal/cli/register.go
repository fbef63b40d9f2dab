// register: RFC 7591, RFC 7592.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// registerOptions are the flags of register and what is below it.
type registerOptions struct {
	client       clientFlags
	metadata     string
	initialToken string
	out          string // the configuration file to write
	registration string // the file of the registration
	force        bool

	name                                  string
	redirectURIs, grantTypes, postLogouts []string
}

func registerCommand(p *program) *cobra.Command {
	return group("register", "Register a client at the provider: create, read, update, delete",
		registerCreateCommand(p), registerReadCommand(p), registerUpdateCommand(p), registerDeleteCommand(p))
}

func registerCreateCommand(p *program) *cobra.Command {
	o := registerOptions{client: clientFlags{anonymous: true}}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Register a new client (RFC 7591)",
		Long: `Register a new client (RFC 7591)

--out FILE writes a configuration file that logs in, mode 0600, with the CA, keys and
certificates that were given, and the scopes openid and those of --scope. Beside it,
FILE.registration.json is for reading, changing and deleting the registration. Without
--out standard output has the only copy, and must lead somewhere.`,
		Example: `  oidc-client register create --issuer https://op.example.com --out config.yaml --client-name Tool
  oidc-client register create -c provider.yaml --metadata @client.json --initial-access-token @token --out config.yaml`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return registerClient(p.run, cmd, &o) },
	}
	o.client.add(cmd, providerFlags, []string{"auth-method", "scope", mockKIDFlag})
	does(cmd, showsRequests, showsRules)
	f := cmd.Flags()
	f.StringVar(&o.metadata, "metadata", "",
		"client metadata, a JSON object (- reads standard input, @FILE a file); the flags below outweigh it")
	f.StringVar(&o.name, "client-name", "", "client_name")
	f.StringArrayVar(&o.redirectURIs, "redirect-uri", nil,
		"redirect URI (default "+standardRedirectURI+") (repeatable)")
	f.StringArrayVar(&o.postLogouts, "post-logout-redirect-uri", nil, "post_logout_redirect_uris (repeatable)")
	f.StringArrayVar(&o.grantTypes, "grant-type", nil,
		"grant type (default authorization_code and refresh_token) (repeatable)")
	f.StringVar(&o.initialToken, "initial-access-token", "",
		"what the provider asks for (- reads standard input, @FILE a file; or OIDC_INITIAL_ACCESS_TOKEN)")
	f.StringVar(&o.out, "out", "", "write a configuration `file`, and FILE.registration.json beside it")
	f.BoolVar(&o.force, "force", false, "replace files that are there already")
	return cmd
}

func registerReadCommand(p *program) *cobra.Command {
	return manageCommand(p, "read", "Show a registration (RFC 7592)",
		`  oidc-client register read --registration config.yaml.registration.json`, judgesAnswer,
		func(ctx context.Context, r oidc.Registrar, known oidc.Registration, _ *registerOptions) (*oidc.Registration,
			error,
		) {
			return r.Read(ctx, known)
		})
}

func registerUpdateCommand(p *program) *cobra.Command {
	return manageCommand(p, "update", "Change a registration (RFC 7592)",
		`  oidc-client register update --registration config.yaml.registration.json --metadata @changes.json`,
		func(cmd *cobra.Command, o *registerOptions) {
			judgesAnswer(cmd, o)
			cmd.Flags().StringVar(&o.metadata, "metadata", "",
				"members to change, a JSON object: null takes one out (- reads standard input, @FILE a file)")
		},
		func(ctx context.Context, r oidc.Registrar, known oidc.Registration, o *registerOptions) (*oidc.Registration,
			error,
		) {
			metadata, err := changedMetadata(ctx, p.run, known, o)
			if err != nil {
				return nil, err
			}
			return r.Update(ctx, known, metadata)
		})
}

func registerDeleteCommand(p *program) *cobra.Command {
	return manageCommand(p, "delete", "Make the provider forget a client (RFC 7592)",
		`  oidc-client register delete --registration config.yaml.registration.json`, connectsOnly,
		func(ctx context.Context, r oidc.Registrar, known oidc.Registration, o *registerOptions) (*oidc.Registration,
			error,
		) {
			if err := r.Delete(ctx, known); err != nil {
				return nil, err
			}
			p.run.Note("deleted", true)
			p.run.Inform("the provider has forgotten the client %s", known.ClientID)
			if err := durable.Remove(o.registration); err != nil {
				return nil, fmt.Errorf("the registration is deleted, but its file is not: %w", err)
			}
			if file, beside := strings.CutSuffix(o.registration, registrationSuffix); beside {
				if _, err := os.Stat(file); err == nil {
					p.run.Inform("%s is a configuration of a client that is no more", file)
				}
			}
			return nil, nil
		})
}

// manageCommand is a command on a registration that is there.
func manageCommand(p *program, name, short, example string, flags func(*cobra.Command, *registerOptions),
	manage func(context.Context, oidc.Registrar, oidc.Registration, *registerOptions) (*oidc.Registration, error),
) *cobra.Command {
	o := registerOptions{client: clientFlags{anonymous: true}}
	cmd := &cobra.Command{
		Use: name, Short: short, Example: example, Args: noArguments,
		Long: short + "\n\nThe file that register create wrote has what is needed, and is kept up to date.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := p.run.Bounded(cmd.Context())
			defer cancel()
			return manageRegistration(ctx, p.run, cmd, &o, manage)
		},
	}
	cmd.Flags().StringVar(&o.registration, "registration", "", "`file` of the registration")
	flags(cmd, &o)
	return cmd
}

// judgesAnswer adds the flags of a command whose answer is a registration.
func judgesAnswer(cmd *cobra.Command, o *registerOptions) {
	o.client.add(cmd, reachFlags)
	does(cmd, showsRequests, showsRules)
}

// connectsOnly adds the flags of a command whose answer says nothing.
func connectsOnly(cmd *cobra.Command, o *registerOptions) {
	o.client.add(cmd, connectFlags)
	does(cmd, showsRequests)
}

// registerClient registers a client.
func registerClient(r *run.Run, cmd *cobra.Command, o *registerOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if o.out == "" && r.Options.Filter != nil {
		const what = "nothing was sent: --jq could filter out the client secret and the registration access token, " +
			"and nothing else stores them"
		return failure.Usage(what).Try("add --out FILE")
	}
	cfg, network, err := loadAndConnect(ctx, r, cmd, &o.client, "issuer")
	if err != nil {
		return err
	}
	metadata, err := newMetadata(ctx, r, cfg, o)
	if err != nil {
		return err
	}
	client := &newClient{cfg: cfg, metadata: metadata}
	initial, err := r.Input.Token(ctx, "initial-access-token", o.initialToken, "OIDC_INITIAL_ACCESS_TOKEN")
	if err != nil {
		return err
	}
	r.Advise("registration", func(err error, f *failure.Failure) { adviseUnregistered(err, f, initial != "") })
	files, err := o.reserve(r.Env.Stdout)
	if err != nil {
		return err
	}
	defer files.discard()
	if client.provider, err = cfg.Discover(ctx, r, network, "registration_endpoint"); err != nil {
		return err
	}
	if err := client.complete(ctx); err != nil {
		return err
	}
	sent, err := json.Marshal(metadata)
	if err != nil {
		return err
	}
	registrar := oidc.Registrar{
		Provider: client.provider, HTTP: network.HTTP, MaxBody: cfg.HTTP.MaxResponseSize,
		Waive: cfg.Waive,
	}
	registrar.Received = func(registered *oidc.Registration) error {
		draft := client.draft(registered)
		text := draft.text(files.name)
		err := receiveRegistration(r, registered, func() ([]string, error) { return files.commit(text, registered) })
		if err == nil && files.name != "" {
			files.tell(r, registered, draft)
		}
		return err
	}
	registered, err := run.Guard(r,
		func() (*oidc.Registration, error) { return registrar.Create(ctx, sent, initial) })
	judgeRegistration(r, registered)
	return err
}

// adviseUnregistered says what a provider asks for that refuses to register a client: RFC 7591 section 3.
func adviseUnregistered(err error, f *failure.Failure, shown bool) {
	var refused *oidc.Error
	if !errors.As(err, &refused) || refused.Endpoint != "registration" ||
		refused.Status != http.StatusUnauthorized && refused.Status != http.StatusForbidden {
		return
	}
	f.Hint = "the provider lets only those register who show an initial access token, which its administrator " +
		"issues: --initial-access-token @FILE; or have the client registered there by hand"
	if shown {
		f.Hint = "the provider did not accept the initial access token, or its policy forbids this registration: " +
			"have a new token issued, or have the client registered there by hand"
	}
}

// adviseUnmanaged says what it means if a provider leads elsewhere who shows the registration access token.
func adviseUnmanaged(err error, f *failure.Failure) {
	var protocol *oidc.ProtocolError
	if errors.As(err, &protocol) && f.HTTPStatus >= 300 && f.HTTPStatus < 400 {
		f.Hint = "the provider does not let the client read, change or delete its registration so, or does not " +
			"accept the registration access token: change it at the provider by hand"
	}
}

// newMetadata is what is registered, as far as the user says it.
func newMetadata(ctx context.Context, r *run.Run, cfg *connect.Setup, o *registerOptions) (map[string]any, error) {
	members, err := metadataFlag(ctx, r, o)
	if err != nil {
		return nil, err
	}
	set := func(name string, value any, given bool) {
		if _, there := members[name]; given || !there {
			members[name] = value
		}
	}
	set("grant_types", withDefaultList(o.grantTypes, "authorization_code", "refresh_token"), o.grantTypes != nil)
	if o.grantTypes == nil || slices.Contains(o.grantTypes, "authorization_code") { // or there is nothing to redirect
		standard := orText(cfg.Login.OverrideRedirectURI, standardRedirectURI)
		set("redirect_uris", withDefaultList(o.redirectURIs, standard), o.redirectURIs != nil)
		set("response_types", []string{"code"}, false)
		set("application_type", "native", false)
	}
	set("client_name", orText(o.name, "oidc-client"), o.name != "")
	if o.postLogouts != nil {
		members["post_logout_redirect_uris"] = o.postLogouts
	} else if uri := cfg.PostLogoutRedirectURI; uri != "" {
		set("post_logout_redirect_uris", []string{uri}, false)
	}
	if cfg.AuthMethod != "" && cfg.AuthMethod != connect.ClientAssertion { // which is no method of the standards
		members["token_endpoint_auth_method"] = cfg.AuthMethod
	}
	return members, nil
}

// Where the browser comes back to by default: after a login, and after a logout.
const (
	standardRedirectURI = "http://127.0.0.1:5556" + callbackPath
	standardLogoutURI   = "http://127.0.0.1:5556" + loggedOutPath
)

func withDefaultList(given []string, standard ...string) []string {
	if given != nil {
		return given
	}
	return standard
}

func orText(given, standard string) string {
	if given != "" {
		return given
	}
	return standard
}

// metadataFlag reads --metadata.
func metadataFlag(ctx context.Context, r *run.Run, o *registerOptions) (map[string]any, error) {
	members := map[string]any{}
	if o.metadata == "" {
		return members, nil
	}
	text, err := r.Input.Text(ctx, "metadata", o.metadata, "")
	if err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse([]byte(text))
	if err != nil {
		return nil, failure.Usage("--metadata: %v", err)
	}
	for _, m := range doc.Members {
		members[m.Name] = m.Value
	}
	return members, nil
}

// providers are the members of a registration that the provider alone sets, and that
// no update may send (RFC 7592 section 2.2).
var providers = []string{
	"registration_access_token", "registration_client_uri", "client_secret_expires_at",
	"client_id_issued_at",
}

// changedMetadata is the registration with what --metadata changes.
func changedMetadata(ctx context.Context, r *run.Run, known oidc.Registration, o *registerOptions) ([]byte, error) {
	changes, err := metadataFlag(ctx, r, o)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, failure.Usage("--metadata is missing: what is to change")
	}
	theirs := slices.DeleteFunc(slices.Clone(providers), func(name string) bool {
		_, there := changes[name]
		return !there
	})
	if len(theirs) > 0 {
		return nil, failure.Usage("--metadata: what the provider alone sets cannot be changed: %s (RFC 7592 section "+
			"2.2); leave it out", strings.Join(theirs, ", "))
	}
	doc, err := strictjson.Parse(known.JSON)
	if err != nil {
		return nil, failure.Usage("--registration: %v", err)
	}
	members := map[string]any{}
	for _, m := range doc.Members {
		members[m.Name] = m.Value
	}
	for name, value := range changes {
		if raw, ok := value.(json.RawMessage); ok && string(raw) == "null" {
			delete(members, name)
			continue
		}
		members[name] = value
	}
	for _, name := range providers {
		delete(members, name)
	}
	if _, there := changes["client_secret"]; !there {
		delete(members, "client_secret") // some providers refuse it, and none needs it (RFC 7592 section 2.2)
	}
	return json.Marshal(members)
}

// manageRegistration reads, changes or deletes a registration, and keeps its file up to date.
func manageRegistration(ctx context.Context, r *run.Run, cmd *cobra.Command, o *registerOptions,
	act func(context.Context, oidc.Registrar, oidc.Registration, *registerOptions) (*oidc.Registration, error),
) error {
	known, err := readRegistration(ctx, r, o.registration)
	if err != nil {
		return err
	}
	cfg, network, err := loadAndConnect(ctx, r, cmd, &o.client)
	if err != nil {
		return err
	}
	r.Advise("registration", adviseUnmanaged)
	kept, err := durable.Reserve(o.registration)
	if err != nil {
		return failure.Config("--registration %s: it could not be kept up to date, so nothing was sent: %v",
			o.registration, err)
	}
	defer func() {
		if kept != nil {
			_ = kept.Discard() // a temporary file that stays behind holds nothing
		}
	}()
	registrar := oidc.Registrar{
		Provider: &oidc.Provider{}, HTTP: network.HTTP, MaxBody: cfg.HTTP.MaxResponseSize,
		Waive: cfg.Waive,
	}
	registrar.Received = func(registered *oidc.Registration) error {
		return receiveRegistration(r, registered, func() ([]string, error) {
			reservation := kept
			kept = nil
			files, err := writeRegistration(o.registration, reservation, registered)
			if err == nil && registered.ClientSecret != known.ClientSecret {
				r.Warn("the client has a new client_secret, which is in %s; client_secret in %s is the old one: put "+
					"the new one in its place", o.registration, configOf(o.registration))
			}
			return files, err
		})
	}
	registered, err := run.Guard(r, func() (*oidc.Registration, error) { return act(ctx, registrar, known, o) })
	judgeRegistration(r, registered)
	return err
}

// receiveRegistration keeps a registration as soon as it is there, and shows it. keep
// returns the files that have it.
func receiveRegistration(r *run.Run, registered *oidc.Registration, keep func() ([]string, error)) error {
	r.Learn(registered.ClientSecret, registered.AccessToken)
	files, err := keep()
	r.IfUnshown(func(cause error) error { return registrationUnshown(registered, files, cause) })
	r.Recorder.Release()
	r.Show(transcript.JSONResult("registration", "Client Registration", "Registration", registered.JSON))
	if err != nil {
		return fmt.Errorf("the client is registered, but could not be written to %w; keep what is shown of it", err)
	}
	return nil
}

func judgeRegistration(r *run.Run, registered *oidc.Registration) {
	if registered == nil {
		return
	}
	r.Found(registered.Checks)
	r.Explain()
}
