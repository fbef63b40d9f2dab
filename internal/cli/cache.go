// The cache of metadata and keys.

package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
)

// addNoCache adds --no-cache to a command that works with a session. Commands that read a
// configuration have the flag from there.
func addNoCache(cmd *cobra.Command) {
	row, _ := config.Lookup("no-cache")
	cmd.Flags().Bool(row.Flag, false, row.Help)
}

// cacheWanted is what this run says of the cache, by --no-cache or else by OIDC_NO_CACHE: "true"
// to use it, "false" to ignore it, "" if neither is set.
func cacheWanted(cmd *cobra.Command, getenv func(string) string) (string, error) {
	text := getenv("OIDC_NO_CACHE")
	if f := cmd.Flags().Lookup("no-cache"); f != nil && f.Changed {
		text = f.Value.String()
	}
	if text == "" {
		return "", nil
	}
	refused, err := strconv.ParseBool(text)
	if err != nil {
		return "", failure.Usage("OIDC_NO_CACHE is neither true nor false")
	}
	return strconv.FormatBool(!refused), nil
}
