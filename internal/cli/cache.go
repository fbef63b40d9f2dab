// The cache of metadata and keys.

package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/cache"
	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/httpclient"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// cacheFor is the cache for what a configuration's provider publishes, nil if nothing is to
// be kept or used: where TLS proves nothing, where answers may depend on what else is sent,
// and where nobody has a folder.
func (p *program) cacheFor(cfg *config.Config, o httpclient.Options) *cache.Transport {
	folder := p.cacheFolder()
	if folder == "" || p.uncached || cfg.NoCache || o.Unverified || len(cfg.HTTP.ExtraHeaders) > 0 {
		return nil
	}
	return &cache.Transport{Folder: folder, Now: p.Env.Now, Scope: p.cacheScope(cfg), Keeps: published, Valid: readable}
}

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

// cacheRefused reports whether a session ignores the cache, whose configuration says configured.
func cacheRefused(o run.Options, configured bool) bool {
	if o.Cache == "" {
		return configured
	}
	return o.NoCache()
}

// cacheScope is what metadata and keys depend on besides their URL: the issuer they are
// asked of, and whose certificates were trusted.
func (p *program) cacheScope(cfg *config.Config) string {
	scope := []string{cfg.Issuer, cfg.ExpectedIssuer, cfg.TLSClientCertificate}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		scope = append(scope, p.Env.Getenv(name))
	}
	if cfg.CACert != "" {
		file := path(cfg, "ca_cert", cfg.CACert)
		scope = append(scope, file)
		if info, err := os.Stat(file); err == nil { // it is not read twice: it may be a pipe
			scope = append(scope, info.ModTime().String(), strconv.FormatInt(info.Size(), 10))
		}
	}
	return strings.Join(scope, "\x00")
}

// published reports whether a request is for what a provider publishes of itself.
func published(ctx context.Context) bool {
	return call.Endpoint(ctx) == "discovery" || call.Endpoint(ctx) == "jwks"
}

// readable reports whether an answer is what was asked for.
func readable(ctx context.Context, body []byte) bool {
	if call.Endpoint(ctx) == "jwks" {
		_, err := oidc.ReadKeySet(body)
		return err == nil
	}
	return json.Valid(body)
}

// cacheFolder is where the cache is (XDG Base Directory Specification), "" if that cannot be
// told.
func (p *program) cacheFolder() string {
	for _, base := range []string{p.Env.Getenv("XDG_CACHE_HOME"), filepath.Join(p.Env.Getenv("HOME"), ".cache"), p.Env.Getenv("LocalAppData")} {
		if filepath.IsAbs(base) {
			return filepath.Join(base, "oidc-client", "published")
		}
	}
	return ""
}
