// A login that has already happened, and the configuration file of a client.

package provider

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// IssueRefreshToken returns a refresh token as a login of the user at the
// client would have given it, a minute ago. It is how a program that only
// refreshes can be tried without a browser.
func (p *Provider) IssueRefreshToken(clientID, user, scope string) (string, error) {
	client, ok := p.clients[clientID]
	if !ok {
		return "", fmt.Errorf("there is no client %q", clientID)
	}
	u, ok := p.users[user]
	if !ok {
		return "", fmt.Errorf("there is no user %q", user)
	}
	if scope == "" {
		scope = client.ScopeIDs
	}
	session := goidc.AuthnSession{Store: map[string]any{}, Status: goidc.StatusPending}
	if _, err := finish(&session, u); err != nil {
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
