package oidc_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/oidc"
)

// A resource names metadata of its own origin only: otherwise it could make the client ask
// anybody.
func TestResourceMetadataOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	resource, other := newPeer(t), newPeer(t)
	for _, f := range []peer{resource, other} {
		f.Handlers["/metadata"] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w,
				`{"resource":"`+resource.URL+`/api","authorization_servers":["https://op.example"]}`)
		}
	}
	of := func(metadata string) error {
		_, err := oidc.Discovery{HTTP: resource.Client()}.ProtectedResource(
			context.Background(), resource.URL+"/api", &oidc.Challenge{ResourceMetadata: metadata})
		return err
	}
	if err := of(resource.URL + "/metadata"); err != nil {
		t.Errorf("of its own origin: %v", err)
	}
	elsewhere := []string{
		other.URL + "/metadata", strings.Replace(resource.URL, "127.0.0.1", "localhost", 1) + "/metadata",
		strings.Replace(resource.URL, "http:", "https:", 1) + "/metadata",
	}
	for _, metadata := range elsewhere {
		if err := of(metadata); kindOf(err) != "*oidc.ProtocolError" || oidc.Reason(err) != "endpoint.url" {
			t.Errorf("%s: %v", metadata, err)
		}
	}
	if n := other.Asked("/metadata"); n != 0 {
		t.Errorf("another origin was asked %d times", n)
	}
}
