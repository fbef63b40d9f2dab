// helper docker: the protocol of docker-credential-helpers.

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
)

// dockerPrefix begins the names that docker calls the program by: the session follows.
const dockerPrefix = "docker-credential-oidc-"

// calledAs puts the command before the arguments that a program's other name stands for.
func calledAs(name string, args []string) []string {
	name = strings.TrimSuffix(filepath.Base(name), ".exe")
	if session, ok := strings.CutPrefix(name, dockerPrefix); ok {
		return append([]string{"helper", "docker", session}, args...)
	}
	return args
}

func (p *program) helperDockerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "docker NAME get|store|erase|list",
		Short: "Give a token to docker, as its credential helper",
		Long: `Give a token to docker, as its credential helper

docker calls a program named after the helper. A link to oidc-client that is called
` + dockerPrefix + `NAME is the helper of the session NAME, and docker's configuration says
for which registries:

  ln -s "$(command -v oidc-client)" ~/bin/` + dockerPrefix + `work
  {"credHelpers": {"registry.example.com": "oidc-work"}}

The access token is the password; the user name is oauth2, or OIDC_DOCKER_USERNAME.`,
		Example: `  echo https://registry.example.com | oidc-client helper docker work get`,
		Args:    counted(cobra.ExactArgs(2)),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.helpDocker(cmd, args[0], args[1]) },

		ValidArgsFunction: p.completeSessions,
	}
}

func (p *program) helpDocker(cmd *cobra.Command, name, operation string) error {
	ctx, cancel := p.bounded(cmd.Context())
	defer cancel()
	switch operation {
	case "list":
		_, p.stdoutErr = fmt.Fprintln(p.env.Stdout, "{}") // docker's own configuration has the hosts
		return nil
	case "store":
		return usage("the credentials of this registry are those of the session %s: nothing can be stored beside them", name)
	case "erase":
		p.inform("nothing is forgotten: `oidc-client sessions logout %s` ends the session", name)
		return nil
	case "get":
	default:
		return usage("docker's helpers know get, store, erase and list")
	}
	server, err := read(ctx, "docker, on standard input", func() ([]byte, error) { return io.ReadAll(io.LimitReader(p.env.Stdin, limit.Header)) })
	if err != nil {
		return err
	}
	username := p.env.Getenv("OIDC_DOCKER_USERNAME")
	if username == "" {
		username = "oauth2"
	}
	out, err := p.tokenOf(ctx, name, session.Need{})
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]string{"ServerURL": strings.TrimSpace(string(server)), "Username": username, "Secret": out.Token})
	if err == nil {
		_, p.stdoutErr = fmt.Fprintf(p.env.Stdout, "%s\n", data)
	}
	return err
}
