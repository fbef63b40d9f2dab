// The HTTP client of a configuration, and its cache of metadata and keys.

package connect

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/oidc-client/oidc-client/internal/cache"
	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/httpclient"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// A Network is the HTTP client of a configuration. Every request that it sends is
// recorded.
type Network struct {
	HTTP  *http.Client
	cache *cache.Transport // of metadata and keys, nil if nothing is kept
}

// Network makes the HTTP client that a configuration asks for. pair is a URL whose
// host will be asked two things at a time, "" if none.
func (s *Setup) Network(ctx context.Context, r *run.Run, pair string) (*Network, error) {
	cfg := s.Config
	o := httpclient.Options{
		MaxIdleConns: int(cfg.HTTP.MaxIdleConns), MaxConnsPerHost: int(cfg.HTTP.MaxConnsPerHost),
		MaxIdleConnsPerHost: int(cfg.HTTP.MaxIdleConnsPerHost),
		Unverified:          cfg.SkipTLSVerification, Proxy: r.Env.Proxy, Pair: pair,
		SystemRoots: r.Env.Getenv("SSL_CERT_FILE") != "" || r.Env.Getenv("SSL_CERT_DIR") != "",
		Header:      http.Header{"User-Agent": {"oidc-client/" + r.Env.Build.Name()}},
		Extra:       http.Header{}, ExtraFor: func(sent *http.Request) bool { return !elsewhere(sent, cfg.Issuer) },
	}
	if err := checkProxies(r.Env.Getenv); err != nil {
		return nil, err
	}
	if cfg.HTTP.Timeout != nil {
		o.Timeout = *cfg.HTTP.Timeout
	}
	for name, value := range cfg.HTTP.ExtraHeaders {
		o.Extra[http.CanonicalHeaderKey(name)] = []string{value}
		if transcript.NamesSecret(name) {
			r.Learn(value)
		}
	}
	var err error
	if o.Roots, err = s.Credentials.roots(ctx); err != nil {
		return nil, err
	}
	if o.Certificate, err = s.Credentials.certificate(ctx); err != nil {
		return nil, err
	}
	kept := s.cacheFor(r, o)
	if kept != nil && kept.Warm() {
		o.Pair = "" // nothing will be asked for at the same time
	}
	client := httpclient.New(o)
	r.Recorder.Base = client.Transport
	if kept != nil {
		kept.Base = client.Transport
		r.Recorder.Base = kept
	}
	client.Transport = r.Recorder
	return &Network{client, kept}, nil
}

// elsewhere reports whether a request is to a resource of another origin than the issuer's,
// which extra headers, such as the key of a gateway in front of that, are not for.
func elsewhere(r *http.Request, issuer string) bool {
	switch call.Endpoint(r.Context()) {
	case "resource", "protected_resource_metadata":
	default:
		return false
	}
	u, err := url.Parse(issuer)
	return err != nil || u.Scheme != r.URL.Scheme || u.Host != r.URL.Host
}

// checkProxies refuses the address of a proxy that cannot be read: net/http would go past it
// without a word.
func checkProxies(getenv func(string) string) error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		value := getenv(name)
		if _, err := url.Parse(value); err == nil {
			continue
		}
		if _, err := url.Parse("http://" + value); err != nil {
			return failure.Config("%s is not the URL of a proxy", name) // it may hold a password
		}
	}
	return nil
}

// cacheFor is the cache for what a configuration's provider publishes, nil if nothing is to
// be kept or used: where TLS proves nothing, where answers may depend on what else is sent,
// and where nobody has a folder.
func (s *Setup) cacheFor(r *run.Run, o httpclient.Options) *cache.Transport {
	folder := cacheFolder(r.Env.Getenv)
	if folder == "" || s.uncached || s.NoCache || o.Unverified || len(s.HTTP.ExtraHeaders) > 0 {
		return nil
	}
	return &cache.Transport{
		Folder: folder,
		Now:    r.Env.Now,
		Scope:  s.cacheScope(r.Env.Getenv),
		Keeps:  published,
		Valid:  readable,
	}
}

// cacheScope is what metadata and keys depend on besides their URL: the issuer they are
// asked of, and whose certificates were trusted.
func (s *Setup) cacheScope(getenv func(string) string) string {
	scope := []string{s.Issuer, s.ExpectedIssuer, s.TLSClientCertificate}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		scope = append(scope, getenv(name))
	}
	if s.CACert != "" {
		file := Path(s.Config, "ca_cert", s.CACert)
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
func cacheFolder(getenv func(string) string) string {
	if base := place.Base(getenv, "XDG_CACHE_HOME", ".cache", "LocalAppData"); base != "" {
		return filepath.Join(base, "oidc-client", "published")
	}
	return ""
}
