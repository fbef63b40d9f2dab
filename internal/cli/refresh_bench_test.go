package cli

import (
	"context"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// BenchmarkRefreshToken is the main job in one process, over TLS, the fake
// provider's work included.
func BenchmarkRefreshToken(b *testing.B) {
	op := fakeop.StartTLS(true)
	defer op.Close()
	ca := filepath.Join(b.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: op.Certificate().Raw}),
		0o600); err != nil {
		b.Fatal(err)
	}
	args := []string{
		"refresh-token", "--issuer", op.URL, "--client-id", fakeop.ClientID, "--ca-cert", ca,
		"--refresh-token", "x1",
	}
	b.ReportAllocs()
	for b.Loop() {
		if code := Main(context.Background(), quiet(), args); code != 0 {
			b.Fatal(code)
		}
	}
}
