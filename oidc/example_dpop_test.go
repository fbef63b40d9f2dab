package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// Bind access tokens to a key, and accept them from nobody else: the client proves with each
// request that it has the key, and the resource server verifies that proof.
func ExampleDPoPVerifier() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	op := optest.Start(t, optest.Settings{JWTAccessTokens: true})
	metadata, err := oidc.Discover(context.Background(), op.Issuer)
	if err != nil {
		t.Fatalf("%v", err)
	}

	// The resource server.
	verifier := &oidc.DPoPVerifier{}
	tokens := &oidc.Client{Provider: metadata}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "DPoP") {
			w.Header().Set("WWW-Authenticate", oidc.Challenge{Scheme: "DPoP"}.String())
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		thumbprint, err := verifier.Verify(r, token)
		if err != nil {
			w.Header().Set("WWW-Authenticate", oidc.Challenge{Scheme: "DPoP", Code: "invalid_dpop_proof"}.String())
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, err = tokens.VerifyAccessToken(r.Context(), token, oidc.AccessTokenExpectation{
			Audience: []string{"https://api.example.com"}, KeyThumbprint: thumbprint,
		})
		if err != nil {
			w.Header().Set("WWW-Authenticate", oidc.Challenge{Scheme: "DPoP", Code: "invalid_token"}.String())
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	verifier.Origin = server.URL

	// The client.
	key, err := oidc.GenerateKey("ES256")
	if err != nil {
		t.Fatalf("%v", err)
	}
	dpop, err := oidc.NewDPoP(key, "ES256")
	if err != nil {
		t.Fatalf("%v", err)
	}
	app := op.Clients[0]
	client := &oidc.Client{Provider: metadata, ID: app.ID, Auth: oidc.ClientSecretBasic(app.Secret), DPoP: dpop}
	source := &oidc.TokenSource{Client: oidc.Of(client), Grant: func() oidc.Grant {
		return oidc.ClientCredentials("email").With("resource", "https://api.example.com")
	}}
	web := &http.Client{Transport: &oidc.Transport{Resource: server.URL, Source: source}}
	res, err := web.Get(server.URL)
	if err != nil {
		t.Fatalf("%v", err)
	}
	res.Body.Close()
	fmt.Println("with the key:", res.StatusCode)

	// Somebody who stole the access token has no key.
	stolen, err := source.Token(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, scheme := range []string{"Bearer ", "DPoP "} {
		r, _ := http.NewRequest(http.MethodGet, server.URL, nil)
		r.Header.Set("Authorization", scheme+stolen.AccessToken)
		if res, err = http.DefaultClient.Do(r); err != nil {
			t.Fatalf("%v", err)
		}
		res.Body.Close()
		fmt.Println("stolen:", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
	// Output:
	// with the key: 200
	// stolen: 401 DPoP
	// stolen: 401 DPoP error="invalid_dpop_proof"
}
