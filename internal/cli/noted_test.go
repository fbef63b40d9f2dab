package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// The token does not leave if another run has noted it meanwhile, as where locks do nothing.
// HTTP/2 has sent the header of the request by then.
func TestNotedMeanwhile(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		op := fakeop.StartTLS(h2)
		defer op.Close()
		folder := t.TempDir()
		ca, file := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "token")
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: op.Certificate().Raw})
		for path, data := range map[string][]byte{ca: certificate, file: []byte(fakeop.RefreshToken)} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		note := fmt.Sprintf("{\"refresh_token_sha256\":\"%x\"}\n", sha256.Sum256([]byte(fakeop.RefreshToken)))
		op.Handlers["/.well-known/openid-configuration"] = func(w http.ResponseWriter, r *http.Request) {
			if f, err := os.OpenFile(filepath.Join(folder, ".token.lock"), os.O_WRONLY, 0); err == nil {
				_, _ = f.WriteAt([]byte(note), 1)
				_ = f.Close()
			}
			op.Answer(w, r)
		}
		var said bytes.Buffer
		env := quiet()
		env.Stderr = &said
		args := []string{"refresh-token", "--issuer", op.URL, "--client-id", fakeop.ClientID, "--ca-cert", ca}
		args = append(args, "--refresh-token", "@"+file)
		code := Main(context.Background(), env, args)
		if code != 6 || !strings.Contains(said.String(), "nothing was sent") {
			t.Errorf("HTTP/2 %v: exit code %d: %s", h2, code, said.String())
		}
		for _, form := range op.Forms() {
			if form.Get("refresh_token") != "" {
				t.Errorf("HTTP/2 %v: it was sent all the same", h2)
			}
		}
		if code := Main(context.Background(), env, append(args, "--retry")); code != 0 {
			t.Errorf("HTTP/2 %v: exit code %d: %s", h2, code, said.String())
		}
	}
}
