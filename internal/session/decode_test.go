package session

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// first is a session as the first version of the program stored it, with a refresh that was begun.
const first = `{"schema":1,"name":"work","grant":{"issuer":"https://op.example","client_id":"cli","subject":"u",` +
	`"scopes":["openid","email"]},"generation":3,"received":"2026-01-02T12:00:00Z","tokens":{"access_token":"access",` +
	`"token_type":"Bearer","expires":"2026-01-02T12:10:00Z","id_token":"id","scope":"openid email"},` +
	`"attempt":{"began":"2026-01-02T12:11:00Z","process":42},"renewable":true,` +
	`"secret":{"refresh_token":"refresh","params":{"resource":["https://api.example"]},"client":{"name":"config.yaml"}}}`

// write1 puts the file of an earlier version into a folder.
func write1(t *testing.T, f *Files, text string) {
	t.Helper()
	saved(t, f) // makes the folder
	if err := os.WriteFile(f.Path("work"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A session of schema 1 is read, with the refresh that was begun, and is of schema 2 once it is
// written. Reading alone changes nothing.
func TestSchema1(t *testing.T) {
	t.Parallel()
	f := files(t)
	write1(t, f, first)
	s, err := f.Load("work")
	if err != nil {
		t.Fatal(err)
	}
	if s.Secret.RefreshToken != "refresh" || s.Tokens.AccessToken != "access" || s.Generation != 3 ||
		s.Schema != Schema {
		t.Errorf("%+v", s)
	}
	began := time.Date(2026, 1, 2, 12, 11, 0, 0, time.UTC)
	if s.Claim == nil || s.Claim.Process != 42 || !s.Claim.Began.Equal(began) || s.State(noon) != Spent ||
		s.Claim.Mine() {
		t.Errorf("the claim: %+v", s.Claim)
	}
	if text := s.Claim.String(); !strings.Contains(text, "process 42 sent it") {
		t.Error(text)
	}
	if data, err := os.ReadFile(f.Path("work")); err != nil || string(data) != first {
		t.Errorf("reading changed it: %s, %v", data, err)
	}
	if err := Write(f, s); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Path("work"))
	if err != nil || !strings.HasPrefix(string(data), `{"schema":2,`) || !strings.Contains(string(data), `"claim":{`) ||
		strings.Contains(string(data), `"attempt"`) {
		t.Errorf("%s, %v", data, err)
	}
	kept(t, f, s)
}

// Writes are conditional for sessions of schema 1, too: an earlier version may write one meanwhile.
func TestSchema1Conflicts(t *testing.T) {
	t.Parallel()
	f := files(t)
	write1(t, f, first)
	s, err := f.Load("work")
	if err != nil {
		t.Fatal(err)
	}
	other := s.Copy()
	write1(t, f, strings.Replace(first, `"generation":3`, `"generation":4`, 1))
	if err := Write(f, s); !errors.Is(err, ErrChanged) {
		t.Errorf("over what an earlier version wrote since: %v", err)
	}
	write1(t, f, first)
	if err := Write(f, s); err != nil {
		t.Error(err)
	}
	if err := Write(f, other); !errors.Is(err, ErrChanged) {
		t.Errorf("once it is of schema 2: %v", err)
	}
	if s.Serial <= 0 {
		t.Errorf("serial %d", s.Serial)
	}
}

// What a later version stored is told of, even if it cannot be read otherwise, and stays.
func TestLaterSchema(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Replace(first, `"schema":1`, `"schema":3`, 1),
		`{"schema":3,"name":{"of":"another type"}}`,
	} {
		f := files(t)
		write1(t, f, text)
		_, err := f.Load("work")
		var later *LaterError
		if !errors.As(err, &later) || later.Schema != 3 ||
			!strings.Contains(err.Error(), "a later version of oidc-client wrote it") {
			t.Errorf("%v", err)
		}
		if err := Write(f, good()); !errors.As(err, &later) {
			t.Errorf("a write: %v", err)
		}
		if data, err := os.ReadFile(f.Path("work")); err != nil || string(data) != text {
			t.Errorf("%s, %v", data, err)
		}
	}
}
