package cli

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/run"
)

// everyFlag calls do with the words of each command and each of its flags that takes
// a text.
func everyFlag(do func(words []string, f *pflag.Flag)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		words := strings.Fields(c.CommandPath())[1:]
		switch c.CommandPath() { // that want an argument
		case "oidc-client resource":
			words = append(words, "https://api.example")
		case "oidc-client sessions delete", "oidc-client helper kubernetes", "oidc-client helper aws":
			words = append(words, "work")
		case "oidc-client helper git", "oidc-client helper docker":
			words = append(words, "work", "get")
		}
		c.InheritedFlags() // merges them
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); c.Runnable() && (kind == "string" || kind == "stringArray") {
				do(words, f)
			}
		})
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(newProgram(quiet(), run.Options{}).root(nil))
}

// refused runs a command line, and returns what it says if it is a usage error.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	env := quiet()
	env.Stderr = &stderr
	if code := Main(context.Background(), env, args); code != 2 {
		t.Errorf("%q: exit code %d", args, code)
	}
	return stderr.String()
}

// No flag takes a variable of a script that is not set for a flag that was not given.
func TestNoValueIsEmpty(t *testing.T) {
	t.Parallel()
	seen := 0
	everyFlag(func(words []string, f *pflag.Flag) {
		seen++
		want := "--" + f.Name + " is empty"
		if f.Name == "format" {
			want = "--format"
		}
		if said := refused(t, append(words, "--"+f.Name, "")...); !strings.Contains(said, want) {
			t.Errorf("%v --%s: %s", words, f.Name, said)
		}
		if f.Value.Type() == "stringArray" {
			if said := refused(t, append(words, "--"+f.Name, "a", "--"+f.Name, "")...); !strings.Contains(said, want) {
				t.Errorf("%v --%s: %s", words, f.Name, said)
			}
		}
	})
	if seen < 400 {
		t.Errorf("only %d flags were looked at", seen)
	}
	if said := refused(t, "config", "validate", ""); !strings.Contains(said, "an argument is empty") {
		t.Error(said)
	}
}

// Whatever is not the name of a file, nor judged when it was read, is UTF-8.
func TestValuesAreUTF8(t *testing.T) {
	t.Parallel()
	free := map[string]bool{}
	everyFlag(func(words []string, f *pflag.Flag) {
		switch {
		case f.Name == "format":
		case takesBytes(f):
			free[f.Name] = true
		default:
			if said := refused(t, append(words, "--"+f.Name, "\xff")...); !strings.Contains(said,
				"--"+f.Name+" is not UTF-8") {
				t.Errorf("%v --%s: %s", words, f.Name, said)
			}
		}
	})
	want := []string{
		"access-token", "actor-token", "assertion", "ca-cert", "client-assertion-file", "client-ca", "client-secret",
		"config", "data", "dir", "dpop-key", "file",
		"id-token", "id-token-hint", "initial-access-token", "jwks", "login-hint-token", "metadata", "out",
		"output-dir", "password", "pem-cert",
		"pem-key", "previous-id-token", "refresh-token", "registration", "registration-token", "report", "signing-key",
		"subject-token", "tls-cert", "tls-key",
		"token", "user-code",
	}
	if got := slices.Sorted(maps.Keys(free)); !slices.Equal(got, want) {
		t.Errorf("these flags may take anything: %q", got)
	}
	for _, args := range [][]string{
		{
			"register", "create", "--issuer", "https://op.invalid", "--out", "x.yaml", "--metadata",
			"{\"client_name\":\"\xff\"}",
		},
		{"register", "create", "--issuer", "https://op.invalid", "--out", "x.yaml", "--initial-access-token", "\xff"},
		{"ciba", "--issuer", "https://op.invalid", "--client-id", "a", "--login-hint", "b", "--user-code", "\xff"},
		{"ciba", "--issuer", "https://op.invalid", "--client-id", "a", "--login-hint-token", "\xff"},
		{"client-credentials", "--issuer", "https://op.invalid", "--client-id", "a", "--client-secret", "\xff"},
		{"discover", "https://op.invalid/\xff"},
	} {
		refused(t, args...)
	}
}
