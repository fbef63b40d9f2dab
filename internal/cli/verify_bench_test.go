package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/oidc"
)

// BenchmarkJWTVerify verifies a stream of tokens, by the whole program.
func BenchmarkJWTVerify(b *testing.B) {
	key, err := oidc.GenerateKey("EdDSA")
	if err != nil {
		b.Fatal(err)
	}
	jwk, err := key.PublicJWK("sig")
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "jwks.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"keys":[%s]}`, jwk), 0o600); err != nil {
		b.Fatal(err)
	}
	token, err := oidc.Assertion{Audience: "https://op.example"}.Sign(key, "cli", "cli", time.Now(), map[string]any{
		"auth_time": 1, "nonce": "n", "acr": "2", "amr": []string{"pwd", "otp"}, "email": "alice@example.com",
	})
	if err != nil {
		b.Fatal(err)
	}
	const lines = 1000
	stream := strings.Repeat(token+"\n", lines)
	b.ReportAllocs()
	for b.Loop() {
		var errs bytes.Buffer
		env := &Env{Stdin: strings.NewReader(stream), Stdout: io.Discard, Stderr: &errs, Now: time.Now, Getenv: func(string) string { return "" }, Terminal: func(io.Writer) bool { return false }}
		if code := Main(context.Background(), env, []string{"jwt", "verify", "--jwks", file}); code != 0 {
			b.Fatalf("exit %d: %s", code, errs.String())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/lines, "µs/token")
}
