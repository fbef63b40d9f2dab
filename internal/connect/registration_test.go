package connect

import (
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/oidc"
)

// A registered client authenticates by what was registered, else by what it asked for, else by what the
// metadata allows; but only by what it has the means for.
func TestRegisteredMethod(t *testing.T) {
	t.Parallel()
	key := config.Config{PrivateKey: "key.pem"}
	long := strings.Repeat("s", 32)
	for _, c := range []struct {
		cfg                       config.Config
		secret, registered, asked string
		allowed                   []string
		want                      string
	}{
		{secret: "s", registered: "client_secret_post", want: "client_secret_post"},
		{secret: "s", registered: "client_secret_post", asked: "none", want: "client_secret_post"},
		{secret: "s", asked: "none", allowed: []string{"none", "client_secret_basic"}, want: "none"},
		{secret: "s", allowed: []string{"none"}, want: "none"},
		{registered: "client_secret_basic", asked: "none", want: "none"},
		{secret: "s", registered: "telepathy", asked: "client_secret_post", want: "client_secret_post"},
		{secret: "s", want: "client_secret_basic"},
		{secret: "s", allowed: []string{"client_secret_post"}, want: "client_secret_post"},
		{secret: "s", allowed: []string{"client_secret_jwt"}, want: ""},
		{secret: long, allowed: []string{"client_secret_jwt"}, want: "client_secret_jwt"},
		{want: "none"},
		{registered: "private_key_jwt", allowed: []string{"private_key_jwt"}, want: ""},
		{cfg: key, registered: "private_key_jwt", want: "private_key_jwt"},
		{cfg: key, secret: "s", registered: "tls_client_auth", asked: "private_key_jwt", want: "private_key_jwt"},
	} {
		s := &Setup{Config: &c.cfg}
		got := s.RegisteredMethod(c.secret, c.registered, c.asked, &oidc.Provider{TokenEndpointAuthMethods: c.allowed})
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A client that names no method asks for one that the metadata allows.
func TestMethodToRegister(t *testing.T) {
	t.Parallel()
	for allowed, want := range map[string]string{
		"": "", "client_secret_basic none": "", "none": "none", "private_key_jwt none": "private_key_jwt",
		"client_secret_post none": "client_secret_post", "tls_client_auth": "",
	} {
		s := &Setup{Config: &config.Config{PrivateKey: "key.pem"}}
		if got := s.MethodToRegister(&oidc.Provider{TokenEndpointAuthMethods: strings.Fields(allowed)}); got != want {
			t.Errorf("%s: %q", allowed, got)
		}
	}
}
