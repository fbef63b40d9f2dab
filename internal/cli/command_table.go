// The table of commands, of which a run builds the one that it needs.

package cli

import "github.com/spf13/cobra"

// A commandEntry is a row of the table of commands: by which names a command is
// found, and what builds it with its flags and the commands below it.
type commandEntry struct {
	name    string
	aliases []string
	walks   bool // it needs all other commands
	build   func() *cobra.Command
}

// commands is the table of commands.
func (p *program) commands() []commandEntry {
	return []commandEntry{
		{name: "refresh-token", build: p.refreshTokenCommand},
		{name: "client", aliases: []string{"login"}, build: p.clientCommand},
		{name: "device", build: p.deviceCommand},
		{name: "ciba", build: p.cibaCommand},
		{name: "client-credentials", build: p.clientCredentialsCommand},
		{name: "password", build: p.passwordCommand},
		{name: "jwt-bearer", build: p.jwtBearerCommand},
		{name: "saml2-bearer", build: p.saml2BearerCommand},
		{name: "token-exchange", build: p.tokenExchangeCommand},
		{name: "userinfo", build: p.userInfoCommand},
		{name: "introspect", build: p.introspectCommand},
		{name: "revoke", build: p.revokeCommand},
		{name: "end-session", build: p.endSessionCommand},
		{name: "logout-receiver", build: p.logoutReceiverCommand},
		{name: "resource", build: p.resourceCommand},
		{name: "token", build: p.tokenCommand},
		{name: "exec", build: p.execCommand},
		{name: "helper", build: p.helperCommand},
		{name: "sessions", build: p.sessionsCommand},
		{name: "agent", build: p.agentCommand},
		{name: "discover", build: p.discoverCommand},
		{name: "register", build: p.registerCommand},
		{name: "jwt", build: p.jwtCommand},
		{name: "config", build: p.configCommand},
		{name: "provider", build: p.providerCommand},
		{name: "demo", build: p.demoCommand},
		{name: "version", build: p.versionCommand},
		{name: "documentation", walks: true, build: p.documentationCommand},
		{name: "exit-codes", build: p.exitCodesTopic},
		{name: "rules", build: p.rulesTopic},
		{name: "reasons", build: p.reasonsTopic},
		{name: "limits", build: p.limitsTopic},
	}
}

// addCommands adds the command that args name to root. If they name none, as for
// help, completion or a misspelt command, it adds all of them. Building all of
// them would take a fifth of the time that the program needs to start.
func addCommands(root *cobra.Command, table []commandEntry, args []string) {
	if entry := entryOf(root, table, args); entry != nil && !entry.walks {
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(entry.build())
		return
	}
	for _, entry := range table {
		root.AddCommand(entry.build())
	}
	addCompletion(root)
}

// entryOf returns the entry that args name, nil if there is none. Cobra finds it
// among commands that have no more than their names.
func entryOf(root *cobra.Command, table []commandEntry, args []string) *commandEntry {
	names := make([]*cobra.Command, len(table))
	for i, entry := range table {
		names[i] = &cobra.Command{Use: entry.name, Aliases: entry.aliases}
	}
	root.AddCommand(names...)
	defer root.RemoveCommand(names...)
	found, _, _ := root.Find(args) // an error is found again when the command runs
	for i, name := range names {
		if name == found {
			return &table[i]
		}
	}
	return nil
}
