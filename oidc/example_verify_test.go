package oidc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// Verify the access tokens that come to a resource server. A token for another resource
// server is as good as none, although the same provider signed it.
func ExampleClient_VerifyAccessToken() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	ctx := context.Background()
	op := optest.Start(t, optest.Settings{JWTAccessTokens: true})

	metadata, err := oidc.Discover(ctx, op.Issuer)
	if err != nil {
		t.Fatalf("%v", err)
	}
	server := &oidc.Client{Provider: metadata} // a resource server has no client_id
	expect := oidc.AccessTokenExpectation{Audience: []string{"https://api.example.com"}, Scope: []string{"email"}}

	for _, resource := range []string{"https://api.example.com", "https://api2.example.com"} {
		token, err := server.VerifyAccessToken(ctx, accessToken(t, op, resource, "email"), expect)
		var broken *check.Error
		if errors.As(err, &broken) {
			fmt.Println("rejected:", broken.First.ID)
			continue
		}
		var claims struct {
			ClientID string `json:"client_id"`
		}
		if err := token.Claims(&claims); err != nil {
			t.Fatalf("%v", err)
		}
		fmt.Println("accepted, of the client", claims.ClientID)
	}
	// Output:
	// accepted, of the client app
	// rejected: access_token.aud
}

// Read the claims of a verified ID Token into a type of your own.
func ExampleIDToken_Claims() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	ctx := context.Background()
	op := optest.Start(t, optest.Client{ID: "cli"})

	metadata, err := oidc.Discover(ctx, op.Issuer)
	if err != nil {
		t.Fatalf("%v", err)
	}
	client := &oidc.Client{Provider: metadata, ID: "cli"}
	tokens, err := client.Token(ctx, oidc.RefreshToken(op.RefreshToken("cli", "alice")))
	if err != nil {
		t.Fatalf("%v", err)
	}
	var claims struct {
		Subject string   `json:"sub"`
		Methods []string `json:"amr"`
	}
	if err := tokens.IDToken.Claims(&claims); err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(claims.Subject, claims.Methods)

	// The claims of a token that nobody verified are not to be had so.
	unverified, err := oidc.DecodeIDToken(tokens.IssuedIDToken)
	if err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(unverified.Claims(&claims))
	// Output:
	// alice [pwd otp]
	// oidc: the token is not verified
}

// accessToken has the provider issue an access token for a resource server.
func accessToken(t *example, op *optest.Provider, resource, scope string) string {
	app := op.Clients[0]
	metadata, err := oidc.Discover(context.Background(), op.Issuer)
	if err != nil {
		t.Fatalf("%v", err)
	}
	client := &oidc.Client{Provider: metadata, ID: app.ID, Auth: oidc.ClientSecretBasic(app.Secret)}
	tokens, err := client.Token(context.Background(), oidc.ClientCredentials(scope).With("resource", resource))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return tokens.AccessToken
}

// An example stands for a *testing.T, which examples do not have.
type example struct{ cleanups []func() }

func newExample() *example { return &example{} }

func (*example) Helper() {}

func (*example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *example) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *example) end() {
	for _, f := range t.cleanups {
		f()
	}
}
