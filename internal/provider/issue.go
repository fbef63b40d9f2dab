// A login that has already happened, and the configuration file of a client.

package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// IssueRefreshToken returns a refresh token as a login of the user at the
// client would have given it, a minute ago. It is how a program that only
// refreshes can be tried without a browser.
func (p *Provider) IssueRefreshToken(clientID, user, scope string) (string, error) {
	client := p.clients.find(clientID)
	if client == nil {
		return "", fmt.Errorf("there is no client %q", clientID)
	}
	u, ok := p.users[user]
	if !ok {
		return "", fmt.Errorf("there is no user %q", user)
	}
	if scope == "" {
		scope = client.ScopeIDs
	}
	session := goidc.AuthnSession{ClientID: clientID, Store: map[string]any{}, Status: goidc.StatusPending}
	if _, err := p.finish(&session, u, nil); err != nil {
		return "", err
	}
	then := time.Now().Add(-time.Minute)
	session.Store["auth_time"] = then.Unix()
	token := rand.Text() + rand.Text()
	return token, p.store.SaveGrant(context.Background(), &goidc.Grant{
		ID: rand.Text(), CreatedAt: int(then.Unix()), ClientID: clientID, Subject: u.Subject, Username: u.Name,
		Scopes: scope, Store: session.Store, RefreshToken: token,
		RefreshTokenExpiresAt: int(time.Now().Unix()) + orElse(p.options.RefreshTokenLifetime, defaultRefreshToken),
	})
}

// ConfigFile returns a configuration file of oidc-client for a client of the
// provider.
func (p *Provider) ConfigFile(c Client) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# A client of the development provider; both are gone when it stops.\n")
	fmt.Fprintf(&b, "issuer: %s\nclient_id: %s\nauth_method: %s\n", yamlString(p.Issuer), yamlString(c.ID), c.Method())
	if c.Secret != "" {
		fmt.Fprintf(&b, "client_secret: %s\n", yamlString(c.Secret))
	}
	scope := c.Scope
	if scope == "" {
		scope = allScopes
	}
	fmt.Fprintf(&b, "scopes: [%s]\n", strings.Join(strings.Fields(scope), ", "))
	switch c.Method() {
	case "private_key_jwt":
		b.WriteString("private_key: client-key.pem # put the client's private key here\n")
	case "tls_client_auth", "self_signed_tls_client_auth":
		b.WriteString("tls_client_certificate: client.pem # put the client's certificate and key " +
			"here\ntls_client_key: client-key.pem\n")
	}
	return []byte(b.String())
}

func yamlString(s string) string {
	quoted, err := json.Marshal(s) // a JSON string is a YAML string
	if err != nil {
		return `""`
	}
	return string(quoted)
}
