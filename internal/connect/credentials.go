// The files that a configuration names: each is read once, since it may be a
// pipe.

package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keyfile"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// Credentials are the keys and certificates that a configuration names. Each
// file is read when it is first needed, and never again.
type Credentials struct {
	cfg *config.Config
	kid string // outweighs the name of the private key, if it is not ""
	in  *run.Input

	mu    sync.Mutex
	files map[string]file
}

// A file is what was read of one.
type file struct {
	data []byte
	err  error
}

// NewCredentials returns the credentials of a configuration. Nothing is read
// yet. kid, if it is not "", outweighs the name that the private key has. in reads the files, and
// has the passwords that the configuration has not.
func NewCredentials(cfg *config.Config, kid string, in *run.Input) *Credentials {
	return &Credentials{cfg: cfg, kid: kid, in: in, files: map[string]file{}}
}

// read returns the contents of the file that a key names.
func (c *Credentials) read(ctx context.Context, key, name string) ([]byte, error) {
	path := Path(c.cfg, key, name)
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.files[path]
	if !ok {
		known.data, known.err = c.in.ReadFile(ctx, path)
		c.files[path] = known
	}
	return known.data, known.err
}

// Path resolves the file that a key names: beside the configuration file if it
// was named there, else from where the program runs.
func Path(cfg *config.Config, key, file string) string {
	o := cfg.Origin[key]
	if o.Line == 0 || filepath.IsAbs(file) || isDescriptor(o.Name) {
		return file
	}
	return filepath.Join(filepath.Dir(o.Name), file)
}

// isDescriptor reports whether the name of a file is that of an open one, as a shell has it for <(...): no
// file is beside it.
func isDescriptor(name string) bool {
	return strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/") || name == "/dev/stdin"
}

// Origin names a key and where it was set: "config.yaml:3:9: ca_cert", or the
// flag or variable alone.
func Origin(cfg *config.Config, key string) string {
	o := cfg.Origin[key]
	if o.Line == 0 {
		return o.String()
	}
	return o.String() + ": " + key
}

// SigningKey is the client's private key.
func (c *Credentials) SigningKey(ctx context.Context) (oidc.SigningKey, error) {
	data, err := c.privateKey(ctx, "private_key", c.cfg.PrivateKey)
	if err != nil {
		return oidc.SigningKey{}, err
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		return key, failure.Config("%s: %s: %v", Origin(c.cfg, "private_key"), c.cfg.PrivateKey, err)
	}
	for _, id := range []string{c.cfg.PrivateKeyID, c.kid} {
		if id != "" {
			key = key.WithID(id)
		}
	}
	return key, nil
}

// SigningAlgorithm is what a key signs with if nobody says: its own algorithm,
// but that the profiles allow PS256 only where others use RS256.
func SigningAlgorithm(cfg *config.Config, key oidc.SigningKey) (string, error) {
	alg := key.Algorithm()
	if cfg.Profile == "" {
		return alg, nil
	}
	if alg == "RS256" && key.Fits("PS256") == nil {
		return "PS256", nil
	}
	if !slices.Contains(config.FAPI2Algorithms(), alg) {
		return "", failure.Config("%s: the profile %s signs by %s, and the key by %s",
			Origin(cfg, "profile"), cfg.Profile, strings.Join(config.FAPI2Algorithms(), ", "), alg)
	}
	return alg, nil
}

// certificate is the client's certificate of mutual TLS, nil if there is none.
func (c *Credentials) certificate(ctx context.Context) (*tls.Certificate, error) {
	const name = "tls_client_certificate"
	if !c.cfg.ShowsCertificate() {
		return nil, nil
	}
	cert, err := c.certificates(ctx, name, c.cfg.TLSClientCertificate)
	if err != nil {
		return nil, err
	}
	keyName, keyFile := c.certificateKey(cert)
	if keyFile == "" {
		return nil, failure.Config("%s: there is no tls_client_key (or --pem-key) that belongs to it",
			Origin(c.cfg, name))
	}
	key, err := c.privateKey(ctx, keyName, keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, failure.Config("%s: %w", Origin(c.cfg, name), err).
			Try("it is a file of the certificate, and " + keyName + " one of its private key, in PEM or PKCS #12")
	}
	return &pair, nil
}

// certificateKey is the key that names the file of the certificate's private key, and that file. A PKCS #12 file
// has its own, and so may PEM; else it may be the client's private key. --pem-key outweighs the file.
func (c *Credentials) certificateKey(cert []byte) (name, file string) {
	own := keyfile.HoldsKey(cert)
	path := Path(c.cfg, "tls_client_certificate", c.cfg.TLSClientCertificate)
	c.mu.Lock()
	packed := keyfile.IsPKCS12(c.files[path].data)
	c.mu.Unlock()
	flag := c.cfg.Origin["private_key"].Name == "--pem-key"
	switch {
	case c.cfg.TLSClientKey != "" && !flag:
		return "tls_client_key", c.cfg.TLSClientKey
	case own && (packed || c.cfg.PrivateKey == ""):
		return "tls_client_certificate", c.cfg.TLSClientCertificate
	}
	return "private_key", c.cfg.PrivateKey
}

// roots are the CA certificates to trust, nil for the system's.
func (c *Credentials) roots(ctx context.Context) (*x509.CertPool, error) {
	if c.cfg.CACert == "" {
		return nil, nil
	}
	data, err := c.certificates(ctx, "ca_cert", c.cfg.CACert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, failure.Config("%s: %s: its certificates cannot be read", Origin(c.cfg, "ca_cert"), c.cfg.CACert)
	}
	return roots, nil
}

// DecryptionKeys are the keys that tokens are encrypted for, nil if none are
// expected to be encrypted and no key is named for it.
func (c *Credentials) DecryptionKeys(ctx context.Context) ([]oidc.DecryptionKey, error) {
	algs := slices.Concat(c.cfg.TokenEncryptionAlgorithms, c.cfg.UserInfoEncryptionAlgorithms,
		c.cfg.AuthorizationEncryptionAlgorithms, c.cfg.IntrospectionEncryptionAlgorithms)
	if len(algs) == 0 && c.cfg.DecryptionKey == "" {
		return nil, nil
	}
	name, path := "decryption_key", c.cfg.DecryptionKey
	if path == "" {
		name, path = "private_key", c.cfg.PrivateKey
	}
	data, err := c.privateKey(ctx, name, path)
	if err != nil {
		return nil, err
	}
	keys, err := oidc.ReadDecryptionKeys(data)
	if err != nil {
		return nil, failure.Config("%s: %s: %v", Origin(c.cfg, name), path, err)
	}
	for _, alg := range algs {
		fits := func(k oidc.DecryptionKey) bool { return k.Fits(alg) == nil }
		if !slices.ContainsFunc(keys, fits) {
			return nil, failure.Config(
				"%s: %s: it cannot decrypt by %s: %v", Origin(c.cfg, name), path, alg, keys[0].Fits(alg))
		}
	}
	return keys, nil
}

// dpopKey is the key of the file that dpop_key names, nil if the file does not
// exist.
func (c *Credentials) dpopKey(ctx context.Context) (*oidc.SigningKey, error) {
	data, err := c.privateKey(ctx, "dpop_key", c.cfg.DPoP.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		return nil, failure.Config("%s: %s: %v", Origin(c.cfg, "dpop_key"), c.cfg.DPoP.Key, err)
	}
	return &key, nil
}

// forget makes a file be read anew: it was not there, and now it is.
func (c *Credentials) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.files, path)
}
