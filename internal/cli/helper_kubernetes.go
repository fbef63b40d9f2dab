// helper kubernetes: client-go credential plugins, client.authentication.k8s.io/v1.

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/execcredential"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

func helperKubernetesCommand(p *program) *cobra.Command {
	var accessToken bool
	cmd := &cobra.Command{
		Use:   "kubernetes NAME",
		Short: "Print a token as an ExecCredential, for kubectl",
		Long: `Print a token as an ExecCredential, for kubectl

The ID Token, which the API server verifies. In the kubeconfig:

  users:
  - name: me
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1
        command: oidc-token
        args: [helper, kubernetes, work]
        interactiveMode: Never

oidc-token is installed beside oidc-client. It prints the same and starts faster
while the token is fresh; command: oidc-client works too.`,
		Example: `  oidc-client helper kubernetes work`,
		Args:    counted(needs(1, "the NAME of a session")),
		RunE: func(cmd *cobra.Command, args []string) error {
			return helpKubernetes(p.run, cmd, args[0], !accessToken)
		},

		ValidArgsFunction: completeSessions(p),
	}
	cmd.Flags().BoolVar(&accessToken, "access-token", false, "the access token instead of the ID Token")
	return cmd
}

func helpKubernetes(r *run.Run, cmd *cobra.Command, name string, idToken bool) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	version, err := execcredential.Version(r.Env.Getenv(execcredential.InfoVariable))
	if err != nil {
		return failure.Usage("%w", err)
	}
	out, err := tokenOf(ctx, r, name, session.Need{IDToken: idToken})
	if err != nil {
		return err
	}
	data, err := execcredential.Marshal(version, out.Value, askAgain(r, out))
	if err == nil {
		r.PrintText(strings.TrimSuffix(string(data), "\n"))
	}
	return err
}
