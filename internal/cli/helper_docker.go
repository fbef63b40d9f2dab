// helper docker: the protocol of docker-credential-helpers.

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
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

func helperDockerCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "docker NAME get|store|erase|list",
		Short: "Give a token to docker, as its credential helper",
		Long: `Give a token to docker, as its credential helper

docker calls a program named after the helper. A link to oidc-client that is called
` + dockerPrefix + `NAME is the helper of the session NAME, and docker's configuration says
for which registries:

  ln -s "$(command -v oidc-client)" ~/bin/` + dockerPrefix + `work
  {"credHelpers": {"registry.example.com": "oidc-work"}}

Do not make it the credsStore: that would give the token to every registry. The access
token is the password; the user name is oauth2, or OIDC_DOCKER_USERNAME. An error is
also printed on standard output, as docker expects it, and the exit code is 1.`,
		Example: `  echo https://registry.example.com | oidc-client helper docker work get`,
		Args:    counted(needs(2, "the NAME of a session and one of get, store, erase, list")),
		RunE:    func(cmd *cobra.Command, args []string) error { return helpDocker(p.run, cmd, args[0], args[1]) },

		ValidArgsFunction: completeSessions(p, "get", "store", "erase", "list"),
	}
}

func helpDocker(r *run.Run, cmd *cobra.Command, name, operation string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	var err error
	switch operation {
	case "list":
		r.PrintText("{}") // docker's own configuration has the hosts
	case "erase":
		if _, err = registryAsked(ctx, r.Env.Stdin); err != nil {
			break
		}
		r.Inform("nothing is forgotten: `oidc-client sessions logout %s` ends the session", name)
	case "store":
		err = dockerStore(ctx, r, name)
	case "get":
		err = dockerGet(ctx, r, name)
	default:
		err = failure.Usage("docker's helpers know get, store, erase and list")
	}
	if err == nil || r.Options.JSON() {
		return err
	}
	return tellDocker(ctx, r, err)
}

// fromDocker is what docker says on standard input.
func fromDocker(ctx context.Context, stdin io.Reader) ([]byte, error) {
	return run.Await(ctx, "docker, on standard input",
		func() ([]byte, error) { return io.ReadAll(io.LimitReader(stdin, limit.Header)) })
}

// dockerCredentials are what docker's helpers give and take.
type dockerCredentials struct{ ServerURL, Username, Secret string }

// errNoRegistry is said in docker's own words for it.
var errNoRegistry = failure.Usage("no credentials server URL")

// registryAsked is the address of the registry that docker asks about.
func registryAsked(ctx context.Context, stdin io.Reader) (string, error) {
	text, err := fromDocker(ctx, stdin)
	if err != nil {
		return "", err
	}
	server := strings.TrimSpace(string(text))
	switch {
	case server == "":
		return "", errNoRegistry
	case strings.ContainsFunc(server, func(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) }):
		return "", failure.Usage("what docker asks on standard input is not the address of a registry")
	}
	return server, nil
}

func dockerGet(ctx context.Context, r *run.Run, name string) error {
	server, err := registryAsked(ctx, r.Env.Stdin)
	if err != nil {
		return err
	}
	out, err := tokenOf(ctx, r, name, session.Need{})
	if err != nil {
		return err
	}
	username := cmp.Or(r.Env.Getenv("OIDC_DOCKER_USERNAME"), "oauth2")
	data, err := json.Marshal(dockerCredentials{server, username, out.Value})
	if err == nil {
		r.PrintText(string(data))
	}
	return err
}

// dockerStore takes what the session has anyway: docker login stores what it just got from
// here. Anything else would be forgotten, and is refused.
func dockerStore(ctx context.Context, r *run.Run, name string) error {
	text, err := fromDocker(ctx, r.Env.Stdin)
	if err != nil {
		return err
	}
	var given dockerCredentials
	if err := json.Unmarshal(text, &given); err != nil {
		return failure.Usage("what is to be stored is not the JSON that docker gives")
	}
	r.Learn(given.Secret)
	if given.ServerURL == "" {
		return errNoRegistry
	}
	out, err := tokenOf(ctx, r, name, session.Need{})
	if err == nil && out.Value != given.Secret {
		err = failure.Usage("the credentials of this registry are those of the session %s: nothing can be stored "+
			"beside them", name)
	}
	return err
}

// tellDocker says what went wrong where docker looks for it: on standard output, with exit
// code 1. Without a session there are no credentials, which has words of its own: docker
// goes on without any.
func tellDocker(ctx context.Context, r *run.Run, err error) error {
	told := r.Report(ctx, err)
	text := strings.Join(strings.Fields(told.Message), " ")
	if errors.As(err, new(*noSessionError)) {
		text = "credentials not found in native keychain"
	}
	r.PrintText(text)
	return &run.Done{Code: 1}
}
