// helper kubernetes: client-go credential plugins, client.authentication.k8s.io/v1.

package cli

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/session"
)

func (p *program) helperKubernetesCommand() *cobra.Command {
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
        command: oidc-client
        args: [helper, kubernetes, work]
        interactiveMode: Never`,
		Example: `  oidc-client helper kubernetes work`,
		Args:    counted(needs(1, "the NAME of a session")),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.helpKubernetes(cmd, args[0], !accessToken) },

		ValidArgsFunction: p.completeSessions,
	}
	cmd.Flags().BoolVar(&accessToken, "access-token", false, "the access token instead of the ID Token")
	return cmd
}

const execCredential = "client.authentication.k8s.io/"

// An execCredentialDocument is an ExecCredential, as far as it is needed.
type execCredentialDocument struct {
	APIVersion string               `json:"apiVersion"`
	Kind       string               `json:"kind"`
	Status     execCredentialStatus `json:"status"`
}

type execCredentialStatus struct {
	Token      string    `json:"token"`
	Expiration time.Time `json:"expirationTimestamp,omitzero"`
}

func (p *program) helpKubernetes(cmd *cobra.Command, name string, idToken bool) error {
	ctx, cancel := p.Bounded(cmd.Context())
	defer cancel()
	version, err := p.execCredentialVersion()
	if err != nil {
		return err
	}
	out, err := p.tokenOf(ctx, name, session.Need{IDToken: idToken})
	if err != nil {
		return err
	}
	data, err := json.Marshal(execCredentialDocument{version, "ExecCredential", execCredentialStatus{out.Token, p.askAgain(out)}})
	if err == nil {
		p.PrintText(string(data))
	}
	return err
}

// execCredentialVersion is the version that kubectl asks for in KUBERNETES_EXEC_INFO.
func (p *program) execCredentialVersion() (string, error) {
	info := p.Env.Getenv("KUBERNETES_EXEC_INFO")
	if info == "" {
		return execCredential + "v1", nil
	}
	var asked execCredentialDocument
	if err := json.Unmarshal([]byte(info), &asked); err != nil {
		return "", failure.Usage("KUBERNETES_EXEC_INFO is not the JSON that kubectl gives")
	}
	if !slices.Contains([]string{execCredential + "v1", execCredential + "v1beta1"}, asked.APIVersion) {
		return "", failure.Usage("KUBERNETES_EXEC_INFO asks for the apiVersion %.80q; %[2]sv1 and %[2]sv1beta1 are known", asked.APIVersion, execCredential)
	}
	return asked.APIVersion, nil
}
