// Package connect turns a configuration into a client of a provider: it reads the
// file, the environment and the flags, the keys and certificates that they name,
// and finds the provider.
//
// A command calls [Load] (or [FromSession]) and then [Setup.Client]. Each file is
// read once: it may be a pipe.
package connect

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// Flags are what a command line says about a configuration.
type Flags struct {
	File      string              // --config, "" if it is not given
	KeyID     string              // kid header of what the client signs, "" if it is not given
	Given     map[string][]string // the flags on the command line and their values
	Anonymous bool                // the command does not authenticate the client
	Uncached  bool                // the command shows what the provider publishes now
}

// A Setup is a configuration and what belongs to it: where it came from, and the
// files that it names.
type Setup struct {
	*config.Config
	Sources     Sources
	Credentials *Credentials

	// Bound is the key that the tokens of a session are bound to. It is empty if
	// the configuration is no session's.
	Bound Binding

	// User is the subject of the session, "" if there is none, or it is nobody's.
	User string

	uncached  bool
	ofSession bool // it is a session's: its flags are those of the login

	provider *oidc.Provider // what Discover found, valid or not; nil before
}

// Load reads a configuration: file, environment, flags. require names the keys
// that must be set. If the configuration is not valid, what is known of it is
// returned beside the error.
func Load(ctx context.Context, r *run.Run, f Flags, require ...string) (*Setup, error) {
	name, data, err := configFile(ctx, r, f.File)
	if err != nil {
		return nil, err
	}
	r.Advise("configuration", func(err error, failed *failure.Failure) { adviseConfig(err, failed, data != nil) })
	s := Sources{Name: name, File: string(data), Flags: f.Given, KID: f.KeyID}
	cfg, err := config.Load(config.Sources{
		Name: name, File: data, Getenv: s.noting(r.Env.Getenv), Flags: f.Given, Require: require,
		Anonymous: f.Anonymous,
	})
	setup := newSetup(cfg, s, r.Input)
	setup.uncached = f.Uncached
	if err != nil {
		return setup, err
	}
	return setup, setup.loaded(r)
}

func newSetup(cfg *config.Config, s Sources, in *run.Input) *Setup {
	return &Setup{Config: cfg, Sources: s, Credentials: NewCredentials(cfg, s.KID, in)}
}

// loaded takes note of a configuration that was read, and checks what it names.
func (s *Setup) loaded(r *run.Run) error {
	r.Learn(s.ClientSecret, s.PrivateKeyPassword, s.TLSClientKeyPassword)
	for _, setting := range s.Settings() {
		r.Record.Configuration = append(r.Record.Configuration, setting.String())
	}
	r.Advise("issuer", s.adviseIssuer)
	r.Advise("waive", s.adviseWaive)
	if err := checkWaived(s.Config); err != nil {
		return err
	}
	for _, w := range s.Warnings {
		r.Warn("%s", w)
	}
	return checkFiles(r, s.Config)
}

// checkWaived says what is wrong with the list of rules to waive, nil if nothing
// is.
func checkWaived(cfg *config.Config) error {
	rules := map[string]bool{}
	for _, r := range oidc.Rules() {
		rules[r.ID] = r.Essential
	}
	for _, id := range cfg.Waive {
		switch essential, known := rules[id]; {
		case !known:
			return failure.Config("%s: there is no rule %.60q", Origin(cfg, "waive"), id).
				Try("`oidc-client help rules` lists them")
		case essential:
			return failure.Config("%s: the rule %s cannot be waived", Origin(cfg, "waive"), id).
				Try("without it there would be nothing to go on with, or nothing left to believe")
		}
	}
	return nil
}

// StandardInput is the name of a configuration that was read from there.
const StandardInput = "standard input"

// configFile returns the name and contents of the configuration file; data is nil
// if there is none and none was asked for.
func configFile(ctx context.Context, r *run.Run, flag string) (name string, data []byte, err error) {
	name, asked := flag, true
	if name == "" {
		name = r.Env.Getenv("OIDC_CONFIG")
	}
	if name == "" {
		name, asked = defaultConfig(r.Env.Getenv), false
	}
	if name == "-" {
		if data, err = r.Input.Stdin(ctx, "config"); err != nil {
			return "", nil, failure.Usage("--config: %w", err)
		}
		return StandardInput, data, nil
	}
	if name == "" {
		return "configuration", nil, nil
	}
	data, err = r.Input.ReadFile(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asked:
		return "configuration", nil, nil
	case err != nil:
		return "", nil, failure.Config("the configuration file cannot be read: %w", err).
			Try("--config names a file, or - for standard input; `oidc-client config init` writes one to start with")
	}
	WarnExposed(r, name, WhereSecretsGo)
	return name, data, nil
}

// defaultConfig is where the configuration file is if nobody says, "" if that
// cannot be told. A relative path does not count (XDG Base Directory): a file that
// happens to be in the current folder must not choose where secrets go.
func defaultConfig(getenv func(string) string) string {
	if base := place.Base(getenv, "XDG_CONFIG_HOME", ".config", "AppData"); base != "" {
		return filepath.Join(base, "oidc-client", "config.yaml")
	}
	return ""
}

// Broken says what is wrong with the files that a configuration names. It need not
// be whole.
func (s *Setup) Broken(ctx context.Context) []error {
	var broken []error
	note := func(err error) {
		if err != nil {
			broken = append(broken, err)
		}
	}
	c := s.Credentials
	_, err := c.roots(ctx)
	note(err)
	_, err = c.certificate(ctx)
	note(err)
	if s.PrivateKey != "" {
		_, err = privateKeyJWT(ctx, s.Config, c)
		note(err)
	}
	if s.Issued.File != "" {
		if _, err = c.read(ctx, issuedFile, s.Issued.File); err != nil {
			note(failure.Config("%s: %w", Origin(s.Config, issuedFile), err))
		}
	}
	if s.DecryptionKey != "" {
		_, err = c.DecryptionKeys(ctx)
		note(err)
	}
	if s.DPoP.Key != "" {
		_, err = c.dpopKey(ctx)
		note(err)
	}
	return broken
}
