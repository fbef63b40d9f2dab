// The flags of the configuration, in the groups that commands take, and what the flags
// that every command has depend on.

package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/run"
)

// The groups of flags. A command takes those that have an effect on it, and no others.
var (
	// connectFlags are for connecting to a server, and reachFlags for judging what it says too.
	connectFlags = []string{"ca-cert", "pem-cert", "pem-key"}
	reachFlags   = slices.Concat(connectFlags, []string{"waive"})

	// providerFlags are for finding a provider by its metadata.
	providerFlags = slices.Concat([]string{"issuer", noCacheFlag}, reachFlags)

	// judgeFlags are for verifying what a provider issued to a client. The secret verifies HMACs.
	judgeFlags = slices.Concat(providerFlags, []string{"client-id", "client-secret", "profile"})

	// authFlags are for authenticating as a client at an endpoint of a provider.
	authFlags = slices.Concat(judgeFlags, []string{"auth-method", mockKIDFlag}, assertionFlags)

	// assertionFlags are for client assertions: those that the client makes, and those that others issue.
	assertionFlags = []string{
		"client-assertion-audience", "client-assertion-endpoint-audience", "client-assertion-alg",
		"client-assertion-kid", "client-assertion-typ", "client-assertion-certificate",
		"client-assertion-file", "client-assertion-env", "client-assertion-github",
	}

	dpopFlags  = []string{"dpop", "dpop-key"}
	scopeFlags = []string{"scope", "resource", "audience"}

	// grantFlags are for a token request.
	grantFlags = slices.Concat(authFlags, dpopFlags, scopeFlags)

	// wishFlags are what a login asks for wherever it takes place.
	wishFlags = []string{"max-age", "acr-values", "claims", "authorization-details"}

	// authorizationFlags are for an authorization request.
	authorizationFlags = slices.Concat(wishFlags,
		[]string{"par", "request-object", "response-type", "response-mode", "prompt", "login-hint"})

	// signFlags are for signing as a client without asking a provider.
	signFlags = []string{"issuer", "client-id", "pem-key", "profile", mockKIDFlag}
)

const (
	mockKIDFlag = "mock-jwt-kid" // the only one that is not a key of the configuration
	noCacheFlag = "no-cache"     // about this run: a session goes by it too
)

// What a command does that the flags of every command are about.
const (
	showsRequests   = "shows no requests"
	showsRules      = "shows no rules"
	fetchesUserInfo = "fetches no UserInfo"
	writesResults   = "writes no result files"
)

// noDocument notes why a command prints no JSON document, which --jq could filter.
const noDocument = "no document"

// withoutDocument notes that commands print no JSON document, and what they print instead.
func withoutDocument(why string, commands ...*cobra.Command) {
	for _, cmd := range commands {
		if cmd.Annotations == nil {
			cmd.Annotations = map[string]string{}
		}
		cmd.Annotations[noDocument] = why
	}
}

// does notes what a command does. A command that is not noted to do it has no use for the
// flags that are about it, and says so.
func does(cmd *cobra.Command, what ...string) { doesWith(cmd, "", what...) }

// doesNot takes back what was noted of a command.
func doesNot(cmd *cobra.Command, what string) { delete(cmd.Annotations, what) }

// doesWith notes what a command does only if one of its flags is given.
func doesWith(cmd *cobra.Command, flag string, what ...string) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	for _, w := range what {
		cmd.Annotations[w] = flag
	}
}

// warnIdle warns of the flags of every command that have no effect on this one.
func warnIdle(r *run.Run, cmd *cobra.Command) {
	given := func(flag string) bool { f := cmd.Flags().Lookup(flag); return f.Changed && f.Value.String() != "false" }
	if given("output-dir") && !r.Options.Output {
		r.Warn("--output-dir has no effect without -o")
	}
	for _, g := range []struct{ flag, shown, what string }{
		{"debug", "-d", showsRequests},
		{"explain", "--explain", showsRules},
		{"skip-userinfo", "--skip-userinfo", fetchesUserInfo},
		{"output", "-o", writesResults},
	} {
		with, ok := cmd.Annotations[g.what]
		switch {
		case !given(g.flag):
		case !ok:
			r.Warn("%s has no effect: %s %s", g.shown, commandName(cmd), g.what)
		case with != "" && !given(with):
			r.Warn("%s has no effect without --%s", g.shown, with)
		}
	}
}

// flagNames are the names of a command's own flags.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// givenOf are those of some flags that are on the command line.
func givenOf(cmd *cobra.Command, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !cmd.Flags().Changed(name) })
}

// settings are the flags on the command line that are keys of the configuration. One
// that every command has is none: it says what this run does.
func settings(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		_, ok := config.Lookup(f.Name)
		if (ok || f.Name == mockKIDFlag || f.Name == "config") && cmd.InheritedFlags().Lookup(f.Name) == nil {
			names = append(names, f.Name)
		}
	})
	return names
}
