// discover: OpenID Connect Discovery 1.0, RFC 8414.

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

func discoverCommand(p *program) *cobra.Command {
	flags := clientFlags{anonymous: true}
	cmd := &cobra.Command{
		Use:   "discover [ISSUER]",
		Short: "Fetch and check a provider's metadata and keys",
		Long: `Fetch and check a provider's metadata and keys

Reads the metadata of the issuer, from the place of OpenID Connect Discovery or
of RFC 8414, and the keys at its jwks_uri. Checks both, and says for each key
that cannot be used why.`,
		Example: `  oidc-client discover https://op.example.com
  oidc-client discover -c config.yaml --explain`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if cmd.Flags().Changed("issuer") {
					return failure.Usage("the issuer is given twice")
				}
				if err := cmd.Flags().Set("issuer", args[0]); err != nil {
					return failure.Usage("%v", err)
				}
			}
			return showProvider(p.run, cmd, &flags)
		},
	}
	flags.add(cmd, []string{"issuer"}, reachFlags)
	does(cmd, showsRequests, showsRules)
	return cmd
}

func showProvider(r *run.Run, cmd *cobra.Command, flags *clientFlags) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	flags.uncached = true // the command shows what the provider publishes now
	cfg, network, err := loadAndConnect(ctx, r, cmd, flags, "issuer")
	if err != nil {
		return err
	}
	provider, err := cfg.Discover(ctx, r, network)
	if provider != nil {
		r.Show(transcript.JSONResult("metadata", "Provider Metadata", "Metadata", provider.Raw))
	}
	if err != nil {
		return err
	}
	if provider.JWKSURI != "" {
		keys, err := cfg.Discovery(network).Keys(ctx, provider)
		if err != nil {
			return err
		}
		showKeys(r, keys.Keys())
	}
	r.Explain()
	return nil
}

func showKeys(r *run.Run, keys []oidc.KeyInfo) {
	if keys == nil {
		keys = []oidc.KeyInfo{}
	}
	usable, encrypting := 0, 0
	var b strings.Builder
	for _, k := range keys {
		var state string
		switch {
		case k.Unusable == "":
			state = "usable"
			usable++
		case k.Use == "enc":
			state = "for encryption"
			encrypting++
		default:
			state = "unusable: " + k.Unusable
		}
		fmt.Fprintf(&b, "%s  %s\n", transcript.Escape(describeKey(k)), transcript.Escape(state))
	}
	r.Show(transcript.Result{Member: "keys", Value: keys, Title: "Provider Keys", Key: "Keys", Text: b.String()})
	if usable == 0 {
		r.Warn("the provider publishes no key that can verify a signature")
		return
	}
	text := fmt.Sprintf("the metadata is the issuer's; %d of %d keys can verify signatures", usable, len(keys))
	if encrypting > 0 {
		text += fmt.Sprintf(", and %d are for encryption", encrypting)
	}
	r.Inform("%s", text)
}

func describeKey(k oidc.KeyInfo) string {
	parts := []string{"kid=" + k.ID, k.Type}
	if k.ID == "" {
		parts[0] = "(no kid)"
	}
	for _, s := range []string{k.Curve, k.Algorithm} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if k.Use != "" {
		parts = append(parts, "use="+k.Use)
	}
	return strings.Join(parts, " ")
}
