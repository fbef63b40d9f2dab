package keep

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// A run that uses the same file is waited for, for half a minute of a
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
		start := time.Now()
		_, err = OpenFile(context.Background(), run.New(quiet(), run.Options{}, "refresh-token"), file, false)
		var waited *failure.WaitError
		if took := time.Since(start); !errors.As(err, &waited) || took < 30*time.Second || took > 31*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A note is about one token, and about any if it cannot be read.
func TestSpentNote(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	note := newSpentNote("token", at)
	note.Process, note.Host = 7, "h\x1b[2J"
	explained := note
	explained.Why = "no response"
	const sent = `process 7 on host "h\x1b[2J" sent it at 2026-01-02T15:04:05Z`
	for text, want := range map[string]string{
		"":                                 "",
		newSpentNote("another", at).text(): "",
		note.text():                        sent + ", or was about to, and ended before it stored a response",
		explained.text():                   sent + ": no response",
		note.text()[:30]:                   "the note that an earlier run left cannot be read",
		"{}":                               "the note that an earlier run left cannot be read",
	} {
		if got := newSpentNote("token", at).same(text); got != want {
			t.Errorf("%q says %q, not %q", text, got, want)
		}
	}
	if strings.Contains(note.text(), "token\"") {
		t.Errorf("the token is in %s", note.text())
	}
}

// A new token that could not be written to the file leaves the note: the old one, which is there, is
// spent.
func TestUnwrittenTokenStaysNoted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	lock, err := durable.Hold(t.Context(), file, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	note := &noteKeeper{file: file, lock: lock}
	if err := errors.Join(note.check("old", time.Now()), note.sending()); err != nil {
		t.Fatal(err)
	}
	r := &File{name: file, note: note, failed: errors.New("the disk is gone")}
	if err := r.Settle(&oidc.Tokens{RefreshToken: "new"}, nil, error.Error); err != nil {
		t.Error(err)
	}
	var spent *spentTokenError
	err = (&noteKeeper{file: file, lock: lock}).check("old", time.Now())
	if !errors.As(err, &spent) || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("the next run: %v", err)
	}
	if err := note.sending(); err != nil { // with a DPoP nonce
		t.Error(err)
	}
}

// A request that nobody waits for any more does not take the token along.
func TestNothingLeavesLate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	lock, err := durable.Hold(t.Context(), file, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	note := &noteKeeper{file: file, lock: lock}
	if err := note.check("old", time.Now()); err != nil {
		t.Fatal(err)
	}
	if noted, err := note.settle("no response"); noted || err != nil {
		t.Errorf("%v, %v", noted, err)
	}
	text, err := lock.Note()
	if late := note.sending(); late == nil || text != "" || err != nil {
		t.Errorf("%v, and the note is %q, %v", late, text, err)
	}
}

// quiet is a world without anything in it.
func quiet() *run.Env {
	return &run.Env{
		Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Now: time.Now,
		Getenv: func(string) string { return "" }, Terminal: func(io.Writer) bool { return false },
	}
}
