package oidc_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// Call an API with an ordinary http.Client, whose requests have a valid access token.
func ExampleTransport() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	op := optest.Start(t)
	app := op.Clients[0]

	client := &oidc.LazyClient{Issuer: op.Issuer, New: func(p *oidc.Provider) (*oidc.Client, error) {
		return &oidc.Client{Provider: p, ID: app.ID, Auth: oidc.ClientSecretBasic(app.Secret)}, nil
	}}
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, "with a token:", r.Header.Get("Authorization") != "")
	}))
	defer api.Close()

	web := &http.Client{Transport: &oidc.Transport{
		Resource: api.URL, // the token goes nowhere else
		Source: &oidc.TokenSource{
			Client: client.Client,
			Grant:  func() oidc.Grant { return oidc.ClientCredentials("email") },
		},
	}}
	res, err := web.Get(api.URL + "/mail")
	if err != nil {
		t.Fatalf("%v", err)
	}
	res.Body.Close()
	if res, err = web.Get(op.Issuer); err == nil {
		res.Body.Close()
	}
	fmt.Println("elsewhere:", err != nil)
	// Output:
	// GET /mail with a token: true
	// elsewhere: true
}
