// A login that has already happened, and the configuration file of a client.

package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
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
// provider. More lines of it come last, and count instead of its own.
func (p *Provider) ConfigFile(c Client, more ...string) []byte {
	last := strings.Join(more, "")
	var b strings.Builder
	b.WriteString("# A client of the development provider; both are gone when it stops.\n")
	for _, line := range p.options.configLines(p.Issuer, c) {
		key, value, _ := strings.Cut(line, ": ")
		if value != "" && !strings.HasPrefix(last, key+":") && !strings.Contains(last, "\n"+key+":") {
			b.WriteString(line + "\n")
		}
	}
	return []byte(b.String() + last)
}

// configLines are the lines for a client; those without a value are left out.
func (o Options) configLines(issuer string, c Client) []string {
	scope := c.Scope
	if scope == "" {
		scope = allScopes
	}
	return append([]string{
		"issuer: " + yamlString(issuer),
		"client_id: " + yamlString(c.ID),
		"auth_method: " + c.Method(),
		"client_secret: " + yamlString(c.Secret),
		"scopes: [" + strings.Join(strings.Fields(scope), ", ") + "]",
		"override_redirect_uri: " + yamlString(c.loginURI()),
	}, o.demands(c)...)
}

// demands are the lines for what a client has to do, as it is registered.
func (o Options) demands(c Client) []string {
	method := goidc.AuthnMethod(c.Method())
	profiles := map[string]string{securityProfile: "fapi2", messageSigning: "fapi2-message-signing"}
	lines := []string{
		"profile: " + profiles[o.FAPI2],
		"dpop: " + yes(c.DPoPBound || o.FAPI2 != "" && !mutualTLS(method)),
		"use_par: " + yes(c.RequirePAR && o.FAPI2 == ""),
		"use_request_parameter: " + yes(c.RequireSignedRequestObject && o.FAPI2 != messageSigning),
		"request_object_signing_alg: " + c.RequestObjectSigningAlg,
		"token_signing_alg: " + list(c.IDTokenSigningAlg),
		"userinfo_signed_response_alg: " + c.UserInfoSigningAlg,
		"token_encryption_alg: " + list(c.IDTokenEncryptionAlg),
		"userinfo_encrypted_response_alg: " + list(c.UserInfoEncryptionAlg),
	}
	if c.IDTokenEncryptionAlg+c.UserInfoEncryptionAlg != "" {
		lines = append(lines, "decryption_key: decryption-key.json # put the client's private keys here")
	}
	if c.ResponseTypes != nil && !slices.Contains(c.ResponseTypes, "code") {
		lines = append(lines, "response_type: "+c.ResponseTypes[0])
	}
	if method == goidc.AuthnMethodPrivateKeyJWT || c.RequireSignedRequestObject && c.Secret == "" {
		lines = append(lines, "private_key: client-key.pem # put the client's private key here")
	}
	if mutualTLS(method) {
		lines = append(lines,
			"tls_client_certificate: client.pem # put the client's certificate and key here",
			"tls_client_key: client-key.pem")
	}
	return lines
}

// yes is true, or nothing.
func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// list is a list of one value, or nothing.
func list(value string) string {
	if value == "" {
		return ""
	}
	return "[" + value + "]"
}

// loginURI is the redirect URI that a login has to have, "" if that of oidc-client is
// registered: http://127.0.0.1/auth/callback, with any port.
func (c Client) loginURI() string {
	anyPort := !slices.ContainsFunc(c.RedirectURIs, namesPort)
	if c.RedirectURIs == nil || anyPort && slices.Contains(c.RedirectURIs, "http://127.0.0.1/auth/callback") {
		return ""
	}
	uri := c.RedirectURIs[0]
	for _, fits := range []func(string) bool{isLoopbackURI, namesPort} { // the better last
		if i := slices.IndexFunc(c.RedirectURIs, fits); i >= 0 {
			uri = c.RedirectURIs[i]
		}
	}
	u, err := url.Parse(uri)
	if err != nil || !anyPort || !net.ParseIP(u.Hostname()).IsLoopback() {
		return uri
	}
	u.Host = net.JoinHostPort(u.Hostname(), "5556") // any will do
	return u.String()
}

// yamlString is a text in quotes, nothing if it is empty.
func yamlString(s string) string {
	quoted, err := json.Marshal(s) // a JSON string is a YAML string
	if err != nil || s == "" {
		return ""
	}
	return string(quoted)
}
