package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// BenchmarkJWTVerify verifies a stream of tokens, by the whole program. What EdDSA and
// RS256 allocate apart from the standard library is the same; of RSA of 2048 bits the
// library alone allocates most.
func BenchmarkJWTVerify(b *testing.B) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	for alg, private := range map[string]crypto.Signer{"RS256": rsaKey, "EdDSA": edKey} {
		key, err := oidc.NewSigningKey(private, "k", alg)
		if err != nil {
			b.Fatal(err)
		}
		for _, kind := range []string{"jwt", "id_token"} {
			b.Run(alg+"/"+kind, func(b *testing.B) { benchmarkStream(b, key, kind) })
		}
	}
}

func benchmarkStream(b *testing.B, key oidc.SigningKey, kind string) {
	jwk, err := key.PublicJWK("sig")
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "jwks.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"keys":[%s]}`, jwk), 0o600); err != nil {
		b.Fatal(err)
	}
	token, err := oidc.Assertion{Audience: "cli"}.Sign(key, "https://op.example", "alice", time.Now(), map[string]any{
		"auth_time": 1, "nonce": "n", "acr": "2", "amr": []string{"pwd", "otp"}, "email": "alice@example.com",
	})
	if err != nil {
		b.Fatal(err)
	}
	const lines = 10_000
	stream := strings.Repeat(token+"\n", lines)
	b.ReportAllocs()
	for b.Loop() {
		var errs bytes.Buffer
		env := &run.Env{
			Stdin: strings.NewReader(stream), Stdout: io.Discard, Stderr: &errs, Now: time.Now,
			Getenv: func(string) string { return "" }, Terminal: func(io.Writer) bool { return false },
		}
		if code := Main(context.Background(), env,
			[]string{
				"jwt", "verify", "--jwks", file, "--as", kind, "--issuer", "https://op.example", "--client-id",
				"cli",
			}); code != 0 {
			b.Fatalf("exit %d: %s", code, errs.String())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/lines, "µs/token")
}
