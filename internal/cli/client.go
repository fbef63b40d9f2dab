// From configuration to client: what every command that talks to a provider
// shares.

package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// clientFlags are the flags of commands that talk to a provider.
type clientFlags struct {
	config string
	kid    string

	uncached  bool // the command shows what the provider publishes now
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

// loadConfig reads the configuration: file, environment, flags. require names the keys that
// must be set.
func loadConfig(ctx context.Context, r *run.Run, cmd *cobra.Command, c *clientFlags,
	require ...string,
) (*connect.Setup, error) {
	given, err := flagsGiven(ctx, r, cmd)
	if err != nil {
		return nil, err
	}
	flags := connect.Flags{File: c.config, KeyID: c.kid, Given: given, Anonymous: c.anonymous, Uncached: c.uncached}
	return connect.Load(ctx, r, flags, require...)
}

// loadAndConnect reads the configuration and makes its HTTP client.
func loadAndConnect(ctx context.Context, r *run.Run, cmd *cobra.Command, c *clientFlags,
	require ...string,
) (*connect.Setup, *connect.Network, error) {
	cfg, err := loadConfig(ctx, r, cmd, c, require...)
	if err != nil {
		return nil, nil, err
	}
	n, err := cfg.Network(ctx, r, "")
	return cfg, n, err
}

// flagsGiven returns the flags on the command line and their values. A secret is read from
// where its flag says.
func flagsGiven(ctx context.Context, r *run.Run, cmd *cobra.Command) (map[string][]string, error) {
	flags := map[string][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) { flags[f.Name] = flagValues(f) })
	if given, ok := flags["client-secret"]; ok {
		secret, err := r.Input.Secret(ctx, "client-secret", given[0], "OIDC_CLIENT_SECRET")
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
