package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// H29: a run that uses the same file is waited for, for half a minute of a
// clock of the test's own.
func TestAnotherRunIsWaitedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refresh-token")
	if err := os.WriteFile(file, []byte("rt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		unlock, err := durable.Lock(context.Background(), file, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		p := &program{redactor: transcript.NewRedactor(), err: &transcript.Text{W: &bytes.Buffer{}}}
		start := time.Now()
		_, err = p.keepRotated(context.Background(), "@"+file)
		var waited *waitError
		if took := time.Since(start); !errors.As(err, &waited) || took < 30*time.Second || took > 31*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}
