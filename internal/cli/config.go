// config: write, check and describe a configuration file.

package cli

import (
	"encoding/json"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

func configCommand(p *program) *cobra.Command {
	return group("config", "Write, check and describe a configuration file",
		configInitCommand(p), configValidateCommand(p), configSchemaCommand(p))
}

func configInitCommand(p *program) *cobra.Command {
	var issuer, clientID string
	var force bool
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented configuration file to start with",
		Long: `Write a commented configuration file to start with

Writes config.yaml, or FILE; - writes to standard output. A file that is there
already is left alone unless --force is given.`,
		Example: `  oidc-client config init --issuer https://op.example.com --client-id my-client`,
		Args:    counted(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			file := "config.yaml"
			if len(args) == 1 {
				file = args[0]
			}
			if strings.Contains(file, "://") {
				return failure.Usage("config init: what belongs here is the name of a file, not a URL").
					Try("--issuer names the provider: oidc-client config init --issuer URL --client-id ID")
			}
			return initConfig(p.run, file, issuer, clientID, force)
		},
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "issuer identifier of the provider")
	cmd.Flags().StringVar(&clientID, "client-id", "", "client identifier")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there already")
	return cmd
}

func initConfig(r *run.Run, file, issuer, clientID string, force bool) error {
	data := config.Starter(issuer, clientID)
	if _, err := config.Load(config.Sources{Name: file, File: data}); err != nil {
		return failure.Usage("the file would not be valid: %v", err)
	}
	if file != "-" {
		if _, err := os.Lstat(file); err == nil && !force {
			return failure.Usage("%s is there already; --force replaces it", file)
		}
		if err := run.WriteNew(file, data, force); err != nil {
			return failure.Config("%w", err)
		}
		r.Inform("wrote %s; check it with: oidc-client config validate %s", file, file)
	}
	text := ""
	if file == "-" {
		text = strings.TrimSuffix(string(data), "\n")
	}
	r.Print("config", map[string]any{"file": file, "content": string(data)}, text)
	return nil
}

func configValidateCommand(p *program) *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a configuration file, offline",
		Long: `Check a configuration file, offline

Reads the file as every command would, with the environment and the files it
names (keys, certificates), and reports all that is wrong at once. Nothing is
sent.`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if flags.config != "" {
					return failure.Usage("the file is given twice")
				}
				flags.config = args[0]
			}
			return validateConfig(p.run, cmd, &flags)
		},
	}
	flags.add(cmd, []string{"issuer", "client-id", "client-secret", "auth-method", "profile"}, reachFlags)
	return cmd
}

func validateConfig(r *run.Run, cmd *cobra.Command, flags *clientFlags) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	cfg, err := loadConfig(ctx, r, cmd, flags, "issuer", "client_id")
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	r.Advise("configuration", func(_ error, f *failure.Failure) {
		run.Advise(f, "`oidc-client config schema` shows all keys")
	})
	broken := cfg.Broken(ctx)
	if err == nil && len(broken) == 1 {
		return broken[0] // with advice of its own
	}
	for _, err := range broken {
		problems = append(problems, config.Problem{Message: run.ErrorText(err)})
	}
	if len(problems) > 0 {
		return problems
	}
	name := cfg.File
	r.Inform("%s is valid", name)
	r.Note("config", map[string]any{"file": name, "valid": true})
	return nil
}

func configSchemaCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file",
		Long: `Print the JSON Schema of the configuration file

Editors complete and check the file with it; config init puts its address into
the first line.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			schema, err := config.Schema()
			if err != nil {
				return err
			}
			p.run.Print("schema_document", json.RawMessage(schema), strings.TrimSuffix(string(schema), "\n"))
			return nil
		},
	}
}
