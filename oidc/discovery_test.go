package oidc

import "testing"

// An endpoint that nobody knows is one that the provider does not have.
func TestEndpointOfNothing(t *testing.T) {
	t.Parallel()
	some := &Provider{TokenEndpoint: "t", MTLSEndpointAliases: map[string]string{"userinfo_endpoint": "u"}}
	for _, c := range []struct {
		provider *Provider
		name     string
		tls      bool
		want     string
	}{
		{nil, "token_endpoint", true, ""},
		{&Provider{}, "token_endpoint", true, ""},
		{some, "no_endpoint", true, ""},
		{some, "token_endpoint", true, "t"},
		{some, "userinfo_endpoint", true, "u"},
		{some, "userinfo_endpoint", false, ""},
	} {
		if got := c.provider.at(c.name, c.tls); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
