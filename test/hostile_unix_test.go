//go:build unix

package test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/limit"
)

// hostile moves an endpoint of the keeper's provider to a server that breaks HTTP.
func (k *keeper) hostile(endpoint, behaviour string) {
	k.t.Helper()
	h := fakeop.StartHostile(fakeop.Behaviours()[behaviour])
	k.t.Cleanup(h.Close)
	k.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})))
	k.env = append(k.env, "SSL_CERT_FILE="+filepath.Join(k.folder, "ca.pem"))
	k.op.Lock()
	defer k.op.Unlock()
	k.op.Metadata[endpoint] = h.URL
}

// A token endpoint that never reads and never ends: the refresh ends by its time-out although
// signals are held, its lock is free, and the next run knows that the token may be spent.
func TestHostileTokenEndpoint(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	for _, behaviour := range []string{"HTTP/2 ping in a body", "HTTP/2 padding", "HTTP/1.1 half a body"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			k.write("config.yaml",
				fmt.Sprintf("issuer: %s\nclient_id: %s\nclient_secret: %s\nhttp_client_config:\n  timeout_duration: %s\n",
					k.op.URL, fakeop.ClientID, keeperSecret, timeout))
			k.again()
			k.expire()
			k.hostile("token_endpoint", behaviour)
			cmd, began := k.cmd("token", "work"), time.Now()
			var errs bytes.Buffer
			cmd.Stderr = &errs
			check(t, cmd.Start())
			for k.stored().Claim == nil && time.Since(began) < time.Minute { // the refresh token leaves
				time.Sleep(10 * time.Millisecond)
			}
			for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
				_ = cmd.Process.Signal(signal) // it may just have ended
			}
			_ = cmd.Wait() // how it ended is in its state
			if took := time.Since(began); cmd.ProcessState.ExitCode() != 130 ||
				took > timeout+limit.Abandon+5*time.Second {
				t.Errorf("exit %d after %s\n%s", cmd.ProcessState.ExitCode(), took, errs.String())
			}
			if code, _, stderr := k.run("token", "work"); code != 6 || !strings.Contains(stderr, "may be spent") {
				t.Errorf("then: exit %d\n%s", code, stderr)
			}
		})
	}
}
