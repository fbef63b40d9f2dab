package oidc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// Start while the provider is down. What needs it fails until it is back.
func ExampleLazyClient() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	ctx := context.Background()
	op := optest.Start(t)

	client := func(issuer string) *oidc.LazyClient {
		return &oidc.LazyClient{Issuer: issuer, New: func(p *oidc.Provider) (*oidc.Client, error) {
			return &oidc.Client{Provider: p, ID: "app"}, nil
		}}
	}

	_, err := client("http://127.0.0.1:1").Client(ctx) // nothing listens there
	var down *oidc.TransportError
	fmt.Println("down:", errors.As(err, &down))

	lazy := client(op.Issuer)
	for range 2 { // discovered once
		c, err := lazy.Client(ctx)
		if err != nil {
			t.Fatalf("%v", err)
		}
		fmt.Println("up:", c.Provider.Issuer == op.Issuer)
	}
	fmt.Println("requests:", len(op.Requests("discovery")))
	// Output:
	// down: true
	// up: true
	// up: true
	// requests: 1
}
