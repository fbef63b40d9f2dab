package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// An api is a resource server: it accepts requests with an access token that the provider
// issued for it.
type api struct {
	resource string // its identifier, such as https://api.example.com, which the tokens have as aud
	issuer   string
	client   func(context.Context) (*oidc.Client, error)
}

// metadataPath is where the resource server says which provider issues its tokens (RFC 9728
// section 3).
const metadataPath = "/.well-known/oauth-protected-resource"

func (a *api) metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"resource": a.resource, "authorization_servers": []string{a.issuer},
		"bearer_methods_supported": []string{"header"},
	})
}

// subjectKey is the key of the subject in the context of a request.
type subjectKey struct{}

// protect is the middleware: next gets the requests whose access token is valid and has a
// scope. All others are refused, with a challenge that says why (RFC 6750 section 3).
func (a *api) protect(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			a.refuse(w, http.StatusUnauthorized, oidc.Challenge{}) // no error: there was no token
			return
		}
		subject, err := a.verify(r.Context(), token, scope)
		var unreachable *oidc.TransportError
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), subjectKey{}, subject)))
		case errors.As(err, &unreachable): // whether the token is valid is not known
			http.Error(w, "the provider cannot be reached", http.StatusServiceUnavailable)
		case oidc.Reason(err) == "access_token.scope":
			a.refuse(w, http.StatusForbidden, oidc.Challenge{Code: "insufficient_scope", Scope: scope})
		default:
			a.refuse(w, http.StatusUnauthorized, oidc.Challenge{Code: "invalid_token"})
		}
	})
}

// verify returns the subject of an access token. The audience is what keeps out tokens that
// were issued for other resource servers.
func (a *api) verify(ctx context.Context, token, scope string) (string, error) {
	client, err := a.client(ctx)
	if err != nil {
		return "", err
	}
	verified, err := client.VerifyAccessToken(ctx, token, oidc.AccessTokenExpectation{
		Audience: []string{a.resource}, Scope: []string{scope},
	})
	if err != nil {
		return "", err
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	return claims.Subject, errors.Join(verified.Claims(&claims))
}

func (a *api) refuse(w http.ResponseWriter, status int, c oidc.Challenge) {
	c.ResourceMetadata = a.resource + metadataPath
	w.Header().Set("WWW-Authenticate", c.String())
	w.WriteHeader(status)
}

// Protect an API: a middleware that verifies access tokens, and refuses requests with the
// status and challenge that clients understand.
func Example_resourceServer() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	op := optest.Start(t, optest.Settings{JWTAccessTokens: true})

	// A resource server has no client_id. Its provider may be down when it starts.
	lazy := &oidc.LazyClient{Issuer: op.Issuer, New: func(p *oidc.Provider) (*oidc.Client, error) {
		return &oidc.Client{Provider: p}, nil
	}}
	a := &api{resource: "https://api.example.com", issuer: op.Issuer, client: lazy.Client}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metadataPath, a.metadata)
	mux.Handle("GET /mail", a.protect("email", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "mail of %v", r.Context().Value(subjectKey{}))
	})))
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, token := range []string{
		"", "forged", accessToken(t, op, a.resource, "profile"),
		accessToken(t, op, "https://api2.example.com", "email"),
		accessToken(t, op, a.resource, "email"),
	} {
		r, _ := http.NewRequest(http.MethodGet, server.URL+"/mail", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%v", err)
		}
		res.Body.Close()
		challenge, _, _ := strings.Cut(res.Header.Get("WWW-Authenticate"), "resource_metadata")
		fmt.Println(res.StatusCode, strings.TrimRight(challenge, ", "))
	}
	// Output:
	// 401 Bearer
	// 401 Bearer error="invalid_token"
	// 403 Bearer error="insufficient_scope", scope="email"
	// 401 Bearer error="invalid_token"
	// 200
}
