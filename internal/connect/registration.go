// Clients that register themselves: what the provider is told of their keys, and how they authenticate
// afterwards.

package connect

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/oidc"
)

// KeyMembers returns the members of client metadata that tell the provider the key or the certificate
// that the client authenticates with by a method. They are nil for a method that needs neither.
func (s *Setup) KeyMembers(ctx context.Context, method string) (map[string]any, error) {
	switch method {
	case "private_key_jwt":
		key, err := s.Credentials.SigningKey(ctx)
		if err != nil {
			return nil, err
		}
		return keySet(key, nil)
	case "tls_client_auth":
		return s.certificateMembers(ctx)
	case "self_signed_tls_client_auth":
		return s.selfSignedMembers(ctx)
	}
	return nil, nil
}

// certificateMembers name the subject of the client's certificate (RFC 8705 section 2.1.2).
func (s *Setup) certificateMembers(ctx context.Context) (map[string]any, error) {
	pair, err := s.Credentials.certificate(ctx)
	if err != nil || pair == nil {
		return nil, err
	}
	cert := pair.Leaf
	switch {
	case cert.Subject.String() != "":
		return map[string]any{"tls_client_auth_subject_dn": cert.Subject.String()}, nil
	case len(cert.DNSNames) > 0:
		return map[string]any{"tls_client_auth_san_dns": cert.DNSNames[0]}, nil
	case len(cert.URIs) > 0:
		return map[string]any{"tls_client_auth_san_uri": cert.URIs[0].String()}, nil
	}
	return nil, failure.Config("%s: the certificate names no subject that could be registered",
		Origin(s.Config, "tls_client_certificate"))
}

// selfSignedMembers are the client's certificate in a key set (RFC 8705 section 2.2.2).
func (s *Setup) selfSignedMembers(ctx context.Context) (map[string]any, error) {
	pair, err := s.Credentials.certificate(ctx)
	if err != nil || pair == nil {
		return nil, err
	}
	own, err := s.Credentials.certificates(ctx, "tls_client_certificate", s.TLSClientCertificate)
	if err != nil {
		return nil, err
	}
	name, file := s.Credentials.certificateKey(own)
	data, err := s.Credentials.privateKey(ctx, name, file)
	if err != nil {
		return nil, err
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		return nil, failure.Config("%s: %s: %v", Origin(s.Config, name), file, err)
	}
	return keySet(key, pair.Certificate)
}

// keySet is the jwks of a key, with the chain of its certificate if there is one.
func keySet(key oidc.SigningKey, chain [][]byte) (map[string]any, error) {
	jwk, err := key.PublicJWK("sig")
	if err != nil {
		return nil, err
	}
	members := map[string]any{}
	if err := json.Unmarshal(jwk, &members); err != nil {
		return nil, err
	}
	var certificates []string
	for _, der := range chain {
		certificates = append(certificates, base64.StdEncoding.EncodeToString(der))
	}
	if certificates != nil {
		members["x5c"] = certificates
	}
	return map[string]any{"jwks": map[string]any{"keys": []any{members}}}, nil
}

// MethodToRegister returns the method that a client registers for if it names none: "", which means
// client_secret_basic (RFC 7591 section 2), unless the metadata of the provider does not allow that.
func (s *Setup) MethodToRegister(p *oidc.Provider) string {
	allowed := p.TokenEndpointAuthMethods
	if len(allowed) == 0 || slices.Contains(allowed, "client_secret_basic") {
		return ""
	}
	cfg := *s.Config
	const longest = 64 // of the secret that the provider may issue
	cfg.ClientSecret = string(make([]byte, longest))
	return firstUsable(&cfg, allowed)
}

// RegisteredMethod returns the method that a registered client authenticates by: the registered one, else
// the one that was asked for, else one that the metadata of the provider allows. A method counts only if
// the client has what it needs. "" means that there is none.
func (s *Setup) RegisteredMethod(secret, registered, asked string, p *oidc.Provider) string {
	cfg := *s.Config
	cfg.ClientSecret = secret
	for _, name := range []string{registered, asked} {
		if Usable(&cfg, name) {
			return name
		}
	}
	allowed := p.TokenEndpointAuthMethods
	if len(allowed) == 0 {
		allowed = []string{"client_secret_basic", "none"}
	}
	return firstUsable(&cfg, allowed)
}

func firstUsable(cfg *config.Config, allowed []string) string {
	for _, m := range methods {
		if slices.Contains(allowed, m.name) && Usable(cfg, m.name) {
			return m.name
		}
	}
	return ""
}

// Usable reports whether a configuration has what it takes to authenticate by a method.
func Usable(cfg *config.Config, method string) bool {
	switch method {
	case "none":
		return true
	case "client_secret_basic", "client_secret_post":
		return cfg.ClientSecret != ""
	case "client_secret_jwt":
		return len(cfg.ClientSecret) >= config.SecretSize("HS256")
	case "private_key_jwt":
		return cfg.PrivateKey != ""
	case "tls_client_auth", "self_signed_tls_client_auth":
		return cfg.TLSClientCertificate != "" && (cfg.TLSClientKey != "" || cfg.PrivateKey != "")
	}
	return false
}
