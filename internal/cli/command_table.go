// The table of commands, of which a run builds the one that it needs.

package cli

import "github.com/spf13/cobra"

// A commandEntry is a row of the table of commands: by which names a command is
// found, and what builds it with its flags and the commands below it.
type commandEntry struct {
	name    string
	aliases []string
	walks   bool // it needs all other commands
	build   func(*program) *cobra.Command
}

// commands is the table of commands.
func (p *program) commands() []commandEntry {
	return []commandEntry{
		{name: "refresh-token", build: refreshTokenCommand},
		{name: "client", aliases: []string{"login"}, build: clientCommand},
		{name: "device", build: deviceCommand},
		{name: "ciba", build: cibaCommand},
		{name: "client-credentials", build: clientCredentialsCommand},
		{name: "password", build: passwordCommand},
		{name: "jwt-bearer", build: jwtBearerCommand},
		{name: "saml2-bearer", build: saml2BearerCommand},
		{name: "token-exchange", build: tokenExchangeCommand},
		{name: "token-request", build: tokenRequestCommand},
		{name: "userinfo", build: userInfoCommand},
		{name: "introspect", build: introspectCommand},
		{name: "revoke", build: revokeCommand},
		{name: "end-session", build: endSessionCommand},
		{name: "logout-receiver", build: logoutReceiverCommand},
		{name: "resource", build: resourceCommand},
		{name: "token", build: tokenCommand},
		{name: "exec", build: execCommand},
		{name: "helper", build: helperCommand},
		{name: "sessions", build: sessionsCommand},
		{name: "agent", build: agentCommand},
		{name: "discover", build: discoverCommand},
		{name: "register", build: registerCommand},
		{name: "jwt", build: jwtCommand},
		{name: "config", build: configCommand},
		{name: "provider", build: providerCommand},
		{name: "demo", build: demoCommand},
		{name: "version", build: versionCommand},
		{name: "documentation", walks: true, build: documentationCommand},
		{name: "exit-codes", build: exitCodesTopic},
		{name: "rules", build: rulesTopic},
		{name: "reasons", build: reasonsTopic},
		{name: "limits", build: limitsTopic},
	}
}

// addCommands adds the command that args name to root. If they name none, as for
// help, completion or a misspelt command, it adds all of them. Building all of
// them would take a fifth of the time that the program needs to start.
func addCommands(root *cobra.Command, p *program, table []commandEntry, args []string) {
	if entry := entryOf(root, table, args); entry != nil && !entry.walks {
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(entry.build(p))
		return
	}
	for _, entry := range table {
		root.AddCommand(entry.build(p))
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
