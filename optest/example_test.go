package optest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// A relying party that is built with package oidc meets a provider whose ID Tokens are of
// another issuer. It must not log anybody in.
func Example() {
	t := newT() // in a test: the *testing.T
	defer t.end()
	ctx := context.Background()

	op := optest.Start(t, optest.Fault("id-token-iss-wrong"))
	app := op.Clients[0]

	metadata, err := oidc.Discover(ctx, op.Issuer)
	if err != nil {
		t.Fatalf("%v", err)
	}
	client := &oidc.Client{Provider: metadata, ID: app.ID, Auth: oidc.ClientSecretBasic(app.Secret)}
	login, err := client.Authorize(ctx, oidc.AuthorizationRequest{
		RedirectURI: "http://127.0.0.1:8080/auth/callback",
		Scope:       []string{"openid", "email"},
	})
	if err != nil {
		t.Fatalf("%v", err)
	}

	_, err = client.Exchange(ctx, login, op.LogIn(login.URL))

	fmt.Println("rejected for:", oidc.Reason(err))
	fmt.Println("the provider saw:", op.Judge()[0].Verdict)
	// Output:
	// rejected for: id_token.iss
	// the provider saw: correct
}

// Refresh tokens without a login, and look at the request that the relying party sent.
func ExampleProvider_RefreshToken() {
	t := newT() // in a test: the *testing.T
	defer t.end()
	ctx := context.Background()

	op := optest.Start(t, optest.Client{ID: "cli"}, optest.User{Name: "carol", Email: "carol@example.com"})
	token := op.RefreshToken("cli", "carol")

	metadata, err := oidc.Discover(ctx, op.Issuer)
	if err != nil {
		t.Fatalf("%v", err)
	}
	client := &oidc.Client{Provider: metadata, ID: "cli"}
	tokens, err := client.Token(ctx, oidc.RefreshToken(token))
	if err != nil {
		t.Fatalf("%v", err)
	}

	fmt.Println("rotated:", tokens.RefreshToken != token)
	for _, r := range op.Requests("token") {
		fmt.Println(r.Method, r.Path, r.Value("grant_type"), r.Value("client_id"))
	}
	// Output:
	// rotated: true
	// POST /token refresh_token cli
}

// A relying party that verifies nothing is found out: it requests UserInfo with the access
// token of a response whose ID Token is forged.
func ExampleProvider_Judge() {
	t := newT() // in a test: the *testing.T
	defer t.end()

	op := optest.Start(t, optest.Fault("id-token-signature-strangers"), optest.Client{ID: "cli"})

	credulous := func(refreshToken string) error {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"cli"}, "refresh_token": {refreshToken}}
		res, err := http.PostForm(op.Issuer+"/token", form)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		var tokens struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.NewDecoder(res.Body).Decode(&tokens); err != nil {
			return err
		}
		r, err := http.NewRequest(http.MethodGet, op.Issuer+"/userinfo", nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		info, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		return info.Body.Close()
	}
	if err := credulous(op.RefreshToken("cli", "alice")); err != nil {
		t.Fatalf("%v", err)
	}

	for _, finding := range op.Judge() {
		fmt.Printf("%s: %s: %s\n", finding.Fault, finding.Verdict, finding.Why)
	}
	// Output:
	// id-token-signature-strangers: wrong: it used a response that it must reject
}

// List the faults of logins that a relying party has to reject, to run the same test with
// each of them.
func ExampleFaults() {
	for _, f := range optest.Faults() {
		if f.Endpoint == "authorization" && !f.Tolerated && f.Needs == "" {
			fmt.Println(f.Name)
			break // there are more
		}
	}
	// Output:
	// authorization-state-wrong
}

// A testT stands for a *testing.T: examples have none.
type testT struct{ cleanups []func() }

func newT() *testT { return &testT{} }

func (t *testT) Helper() {}

func (t *testT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *testT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *testT) end() {
	for _, f := range t.cleanups {
		f()
	}
}
