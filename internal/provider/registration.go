// Dynamic client registration and its management: RFC 7591, RFC 7592, OpenID
// Connect Dynamic Client Registration 1.0.

package provider

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

// A registry keeps the clients that registered themselves.
type registry struct {
	mu         sync.Mutex
	clients    map[string]*goidc.Client
	encryption map[string]map[string]*Encryption // by client, then by endpoint
	deleted    func(id string)
}

var _ goidc.DCRManager = (*registry)(nil)

func (r *registry) client(id string) *goidc.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clients[id]
}

func (r *registry) encryptionFor(endpoint, client string) *Encryption {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.encryption[client][endpoint]
}

// SaveClient saves a client. What is saved is never changed.
func (r *registry) SaveClient(_ context.Context, c *goidc.Client) error {
	how, err := encryptionsOf(&c.ClientMeta)
	if err != nil {
		return err
	}
	saved := *c
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients == nil {
		r.clients, r.encryption = map[string]*goidc.Client{}, map[string]map[string]*Encryption{}
	}
	r.clients[c.ID], r.encryption[c.ID] = &saved, how
	return nil
}

// Client returns a client: as it is registered to those who manage it, and
// elsewhere with its secret among its keys, and without what happens in
// front of the library.
func (r *registry) Client(ctx context.Context, id string) (*goidc.Client, error) {
	saved := r.client(id)
	if saved == nil {
		return nil, goidc.ErrNotFound
	}
	c := *forLibrary(saved)
	if strings.HasPrefix(endpointOf(ctx), "/register") {
		c.GrantTypes = saved.GrantTypes
	} else {
		c.JWKS = withSecret(c.JWKS, c.Secret)
		if c.ApplicationType == goidc.ApplicationTypeNative {
			c.RedirectURIs = onAnyPort(c.RedirectURIs)
		}
		c.IDTokenKeyEncAlg, c.UserInfoKeyEncAlg, c.JARMKeyEncAlg, c.JARMSigAlg = "", "", "", ""
	}
	return &c, nil
}

// onAnyPort returns redirect URIs without the ports of those on the loopback address, as the library
// compares them with those of a native application, which may use any port (RFC 8252 section 7.3).
func onAnyPort(uris []string) []string {
	uris = slices.Clone(uris)
	for i, uri := range uris {
		if u, err := url.Parse(uri); err == nil && u.Scheme == "http" && namesPort(uri) {
			u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
			uris[i] = u.String()
		}
	}
	return uris
}

// DeleteClient deletes a client and everything that it was granted.
func (r *registry) DeleteClient(_ context.Context, id string) error {
	r.mu.Lock()
	delete(r.clients, id)
	delete(r.encryption, id)
	r.mu.Unlock()
	r.deleted(id)
	return nil
}

// revokeClient revokes all grants of a client.
func (s *store) revokeClient(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		if g.ClientID == id {
			s.revoke(g)
		}
	}
}

func encryptionsOf(m *goidc.ClientMeta) (map[string]*Encryption, error) {
	jwks, err := json.Marshal(m.JWKS)
	if err != nil {
		return nil, err
	}
	return encryptions{
		"token":         {string(m.IDTokenKeyEncAlg), string(m.IDTokenContentEncAlg)},
		"userinfo":      {string(m.UserInfoKeyEncAlg), string(m.UserInfoContentEncAlg)},
		"authorization": {string(m.JARMKeyEncAlg), string(m.JARMContentEncAlg)},
		"introspection": {
			text(m.CustomAttributes["introspection_encrypted_response_alg"]),
			text(m.CustomAttributes["introspection_encrypted_response_enc"]),
		},
	}.with(string(jwks))
}

// A registrationEndpoint serves clients that register themselves.
type registrationEndpoint struct{ *Provider }

func (e registrationEndpoint) settings() []oidcprovider.Option {
	if !e.options.Registration && e.options.RegistrationToken == "" {
		return nil
	}
	e.clients.dynamic.deleted = e.store.revokeClient
	standard := goidc.AuthnMethodSecretBasic
	if e.options.FAPI2 != "" {
		standard = goidc.AuthnMethodPrivateKeyJWT
	}
	return []oidcprovider.Option{
		oidcprovider.WithDCR(&e.clients.dynamic),
		oidcprovider.WithDefaultAuthn(standard),
		oidcprovider.WithDCRInitialTokenValidator(e.options.mayRegister),
		oidcprovider.WithDCRClientHandler(e.registered),
	}
}

// mayRegister looks at the initial access token.
func (o Options) mayRegister(_ context.Context, token string) error {
	wanted := o.RegistrationToken
	if wanted != "" && subtle.ConstantTimeCompare([]byte(wanted), []byte(token)) != 1 {
		return errors.New("another initial access token is needed")
	}
	return nil
}

// registered looks at what a client is about to be registered with.
func (e registrationEndpoint) registered(_ context.Context, id string, m *goidc.ClientMeta) error {
	if m.ScopeIDs == "" {
		m.ScopeIDs = allScopes
	}
	c := &goidc.Client{ID: id, ClientMeta: *m}
	if err := validRegistration(c); err != nil {
		return err
	}
	if err := e.options.profileAllows(c); err != nil {
		return err
	}
	_, err := encryptionsOf(m)
	return err
}

// registrations holds requests and answers to RFC 7591 and RFC 7592.
func (e registrationEndpoint) registrations(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if EndpointName(r.URL.Path) != "registration" {
			next.ServeHTTP(w, r)
			return
		}
		id := strings.TrimPrefix(r.URL.Path, "/register/")
		if token, _ := accessToken(r); token == "" && r.Method != http.MethodPost {
			refuse(w, http.StatusUnauthorized, "invalid_token", "the registration access token is missing")
			return
		}
		var more []goidc.GrantType
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			var why string
			if more, why = e.readRegistration(r, id); why != "" {
				refuse(w, http.StatusBadRequest, "invalid_client_metadata", why)
				return
			}
		}
		res := responseOf(next, r)
		res.Edit(func(m map[string]any) {
			e.clients.dynamic.addGrants(text(m["client_id"]), more)
			e.completeRegistration(m)
		})
		res.Send(w)
	})
}

// readRegistration changes the metadata that a client sends. It returns the grants
// that the library does not know, and why the metadata cannot be taken.
func (e registrationEndpoint) readRegistration(r *http.Request, id string) ([]goidc.GrantType, string) {
	body, err := io.ReadAll(r.Body)
	m, ok := DecodeObject(body)
	if err != nil || !ok {
		r.Body = io.NopCloser(bytes.NewReader(body)) // for the library to refuse
		return nil, ""
	}
	if r.Method == http.MethodPut {
		for _, name := range []string{
			"registration_access_token", "registration_client_uri",
			"client_secret_expires_at", "client_id_issued_at",
		} {
			if m[name] != nil {
				return nil, name + " is not the client's to say"
			}
		}
		if c := e.clients.find(id); c != nil && m["client_secret"] != nil && m["client_secret"] != c.Secret {
			return nil, "the client_secret is not the client's to choose"
		}
	}
	delete(m, "client_secret")
	if m["application_type"] == nil && onLoopback(m["redirect_uris"]) {
		m["application_type"] = "native" // RFC 7591 has no such member
	}
	if list, ok := m[defaultACRs].([]any); ok {
		m[defaultACRs] = joined(list) // the library wants text
	}
	more := e.options.takeGrants(m)
	body = EncodeJSON(m)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return more, ""
}

// takeGrants takes the grants that the library does not know out of the metadata.
func (o Options) takeGrants(m map[string]any) []goidc.GrantType {
	list, _ := m["grant_types"].([]any)
	var taken []goidc.GrantType
	list = slices.DeleteFunc(list, func(v any) bool {
		grant := goidc.GrantType(text(v))
		ours := grant == grantPassword && o.Password || grant == grantSAML && o.SAML
		if ours {
			taken = append(taken, grant)
		}
		return ours
	})
	if taken != nil {
		m["grant_types"] = list
	}
	return taken
}

// addGrants adds grants to those of a client.
func (r *registry) addGrants(id string, more []goidc.GrantType) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.clients[id]; c != nil && more != nil {
		changed := *c
		changed.GrantTypes = append(slices.Clone(c.GrantTypes), more...)
		r.clients[id] = &changed
	}
}

// onLoopback reports whether all of a list of URIs are http on the loopback
// address.
func onLoopback(list any) bool {
	uris, _ := list.([]any)
	for _, uri := range uris {
		if !loopbackURI(text(uri)) {
			return false
		}
	}
	return len(uris) > 0
}

func loopbackURI(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Scheme == "http" && u.Hostname() == "127.0.0.1"
}

// completeRegistration adds what the library tells only once.
func (e registrationEndpoint) completeRegistration(m map[string]any) {
	c := e.clients.find(text(m["client_id"]))
	if c == nil {
		return
	}
	m["registration_access_token"], m["client_id_issued_at"], m["grant_types"] = c.RegistrationToken, c.CreatedAt,
		c.GrantTypes
	if c.DefaultACRValues != "" {
		m[defaultACRs] = strings.Fields(c.DefaultACRValues)
	}
	if c.Secret != "" {
		m["client_secret"], m["client_secret_expires_at"] = c.Secret, c.SecretExpiresAt
	}
}
