// Files of keys and certificates that are encrypted: PKCS #12 and PEM with a password.

package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keyfile"
	"github.com/oidc-client/oidc-client/internal/run"
)

// privateKey returns the private key of the file that a key names, as PEM or a JSON Web Key.
func (c *Credentials) privateKey(ctx context.Context, key, name string) ([]byte, error) {
	return c.open(ctx, key, name, keyfile.PrivateKey)
}

// certificates returns the certificates of the file that a key names, as PEM.
func (c *Credentials) certificates(ctx context.Context, key, name string) ([]byte, error) {
	return c.open(ctx, key, name, keyfile.Certificates)
}

// open reads a file that a key names in one of the ways of package keyfile.
func (c *Credentials) open(
	ctx context.Context, key, name string, as func([]byte, keyfile.Password) ([]byte, error),
) ([]byte, error) {
	data, err := c.read(ctx, key, name)
	if err != nil {
		return nil, failure.Config("%s: %w", Origin(c.cfg, key), err).Try(content(key))
	}
	setting, _ := passwordOf(key)
	text, err := as(data, func() (string, error) { return c.password(ctx, key, name) })
	if errors.Is(err, keyfile.ErrPassword) {
		return nil, failure.Config("%s: %s: %w", Origin(c.cfg, key), name, err).
			Try(setting + " has to be the password of the file")
	}
	if err != nil {
		return nil, failure.Config("%s: %s: %w", Origin(c.cfg, key), name, err).Try(content(key))
	}
	return text, nil
}

// content says what has to be in the file that a key names, "" if its name says enough.
func content(key string) string {
	switch key {
	case "ca_cert":
		return "it is a file of the CA certificates to trust, in PEM or PKCS #12"
	case "tls_client_certificate":
		return "it is a file of the certificate, in PEM, or in PKCS #12 with its key"
	}
	return ""
}

// passwordOf returns the key that sets the password of the file which a key names, and its variable.
func passwordOf(key string) (setting, variable string) {
	switch key {
	case "tls_client_certificate", "tls_client_key", "ca_cert":
		return "tls_client_key_password", "OIDC_TLS_CLIENT_KEY_PASSWORD"
	}
	return "private_key_password", PasswordVariable
}

// PasswordVariable is the environment variable for the password of a private key.
const PasswordVariable = "OIDC_PRIVATE_KEY_PASSWORD"

// password returns the password of a file that a key names: the configured one, or the one that a person types.
func (c *Credentials) password(ctx context.Context, key, name string) (string, error) {
	setting, variable := passwordOf(key)
	configured := c.cfg.PrivateKeyPassword
	if setting == "tls_client_key_password" && c.cfg.TLSClientKeyPassword != "" {
		configured = c.cfg.TLSClientKeyPassword
	}
	if configured != "" {
		return configured, nil
	}
	typed, err := c.in.Password(ctx, variable, Path(c.cfg, key, name))
	if errors.Is(err, run.ErrNoTerminal) {
		return "", fmt.Errorf("it is encrypted, and its password is not known: set %s or %s", setting, variable)
	}
	return typed, err
}
