package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/oidc"
)

// Renew tokens, keep the rotated refresh token, and ask who the user is.
func ExampleClient_Token() {
	issuer, stop := exampleProvider()
	defer stop()
	ctx := context.Background()

	op, err := oidc.Discover(ctx, issuer)
	if err != nil {
		log.Fatal(err)
	}
	client := &oidc.Client{
		Provider: op,
		ID:       "s6BhdRkqt3",
		Auth:     oidc.ClientSecretBasic("7Fjfp0ZBr1KtDRbnfVdmIw"),
	}
	grant := oidc.RefreshToken("8xLOxBtZp8")
	grant.Received = func(t *oidc.Tokens) error {
		// Make the new refresh token durable before anything can fail.
		fmt.Println("keep:", t.RefreshToken)
		return nil
	}
	tokens, err := client.Token(ctx, grant)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("use:", tokens.AccessToken)
	// Output:
	// keep: new-refresh-token
	// use: new-access-token
}

// Demand a login with a hardware key, and see which rule a token breaks.
func ExamplePolicy() {
	issuer, stop := exampleProvider()
	defer stop()
	ctx := context.Background()

	op, err := oidc.Discover(ctx, issuer)
	if err != nil {
		log.Fatal(err)
	}
	client := &oidc.Client{Provider: op, ID: "s6BhdRkqt3", Policy: oidc.Policy{AMRValues: []string{"hwk"}}}
	_, err = client.Token(ctx, oidc.RefreshToken("8xLOxBtZp8"))
	var broken *check.Error
	if errors.As(err, &broken) {
		fmt.Println(broken)
	}
	// Output: id_token.present: An ID Token came, if one is due or the client's policy needs one: want an ID Token, got none: the client demands an amr, which only an ID Token has (OpenID Connect Core 1.0 section 3.1.3.3)
}

// Start a login. The values that its response is checked against are in the
// Login.
func ExampleClient_Authorize() {
	client := &oidc.Client{
		Provider: &oidc.Provider{Issuer: "https://op.example", AuthorizationEndpoint: "https://op.example/authorize"},
		ID:       "s6BhdRkqt3",
	}
	login, err := client.Authorize(context.Background(), oidc.AuthorizationRequest{
		RedirectURI: "http://127.0.0.1:5556/auth/callback",
		Scope:       []string{"openid", "email"},
	})
	if err != nil {
		log.Fatal(err)
	}
	u, err := url.Parse(login.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(u.Host, u.Query().Get("scope"), u.Query().Get("code_challenge_method"), len(login.State) > 20)
	// Output: op.example openid email S256 true
}

// Sign client assertions with a private key of a file.
func ExamplePrivateKeyJWT() {
	data, err := os.ReadFile("client-key.pem")
	if err != nil {
		fmt.Println("no key here")
		return
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		log.Fatal(err)
	}
	client := &oidc.Client{ID: "s6BhdRkqt3", Auth: oidc.PrivateKeyJWT(key, oidc.Assertion{})}
	_ = client
	// Output: no key here
}

// exampleProvider is a provider that gives an access and a refresh token.
func exampleProvider() (issuer string, stop func()) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	reply := func(path string, v map[string]any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	reply("/.well-known/openid-configuration", map[string]any{
		"issuer": server.URL, "token_endpoint": server.URL + "/token",
		"authorization_endpoint": server.URL + "/authorize", "jwks_uri": server.URL + "/jwks",
	})
	reply("/jwks", map[string]any{"keys": []any{}})
	reply(
		"/token",
		map[string]any{
			"access_token": "new-access-token", "token_type": "Bearer", "refresh_token": "new-refresh-token",
		},
	)
	return server.URL, server.Close
}
