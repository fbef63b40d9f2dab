package optest

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A Client is registered at the provider. As an option of [Start] it is registered
// instead of the default client, beside other Client values.
type Client struct {
	ID     string
	Secret string // "" is a public client, unless its metadata has another way to authenticate

	// RedirectURIs are where browsers may be sent back to. nil means
	// http://127.0.0.1/auth/callback. A URI of the loopback address without a port stands
	// for every port, as RFC 8252 section 7.3 says for native applications, unless another
	// one of the client has a port.
	RedirectURIs []string

	// Metadata is whatever else a client can be registered with, by the names of OpenID
	// Connect Dynamic Client Registration 1.0 and the standards that add to it:
	// "token_endpoint_auth_method", "jwks" (a JWK Set), "id_token_signed_response_alg",
	// "post_logout_redirect_uris", "backchannel_logout_uri" and so on.
	Metadata map[string]any
}

func (c Client) apply(s *setup) { s.clients = append(s.clients, c) }

// A User can log in. As an option of [Start] it replaces the default users, beside other
// User values.
type User struct {
	Name     string // to log in with, and what login_hint names
	Password string // for the login form; "" lets nobody in by the form
	Subject  string // the claim sub; "" means Name

	FullName string   // the claim name
	Email    string   // the claim email
	ACR      string   // the acr of the logins; "" means "1"
	AMR      []string // the amr of the logins; nil means pwd
}

func (u User) apply(s *setup) { s.users = append(s.users, u) }

// defaultUsers are alice and bob, as in the whole program.
func defaultUsers() []User {
	var users []User
	for _, u := range provider.Defaults().Users {
		users = append(users, User(u))
	}
	return users
}

// register hands clients and users over to the provider's options.
func (s *setup) register() error {
	for _, u := range s.users {
		s.options.Users = append(s.options.Users, provider.User(u))
	}
	for i := range s.clients {
		registered, err := s.clients[i].registration()
		if err != nil {
			return fmt.Errorf("client %q: %w", s.clients[i].ID, err)
		}
		s.options.Clients = append(s.options.Clients, registered)
	}
	return nil
}

// registration returns the client as the provider knows it.
func (c Client) registration() (provider.Client, error) {
	metadata := map[string]any{}
	maps.Copy(metadata, c.Metadata)
	metadata["client_id"] = c.ID
	metadata["client_secret"] = c.Secret
	if c.RedirectURIs != nil {
		metadata["redirect_uris"] = c.RedirectURIs
	}
	if method, ok := metadata["token_endpoint_auth_method"]; ok {
		delete(metadata, "token_endpoint_auth_method")
		metadata["auth_method"] = method
	}
	if keys := metadata["jwks"]; keys != nil {
		set, err := json.Marshal(keys)
		if err != nil {
			return provider.Client{}, fmt.Errorf("jwks: %w", err)
		}
		metadata["jwks"] = string(set)
	}
	file, err := json.Marshal(map[string]any{"clients": []any{metadata}}) // JSON is YAML
	if err != nil {
		return provider.Client{}, err
	}
	options, err := provider.ReadFile(file, "", nil)
	if err != nil {
		return provider.Client{}, err
	}
	return options.Clients[0], nil
}
