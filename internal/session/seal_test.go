package session

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func sealed(t *testing.T, key Key) *Session {
	t.Helper()
	s := good()
	var err error
	if s.Sealed, err = key.seal(s); err != nil {
		t.Fatal(err)
	}
	s.Secret = nil
	return s
}

// A sealed secret opens with its key, in its session, unchanged; and not otherwise.
func TestSeal(t *testing.T) {
	t.Parallel()
	key := NewKey()
	s := sealed(t, key)
	if got, err := key.unseal(s); err != nil || !reflect.DeepEqual(got, good().Secret) {
		t.Fatalf("%v, %v", got, err)
	}
	data, err := json.Marshal(s)
	if err != nil || bytes.Contains(data, []byte("refresh\"")) || bytes.Contains(data, key) {
		t.Fatalf("%s, %v", data, err)
	}
	for name, spoil := range map[string]func(*Session){
		"moved to another name":   func(s *Session) { s.Name = "other" },
		"moved to another issuer": func(s *Session) { s.Grant.Issuer = "https://evil.example" },
		"moved to another client": func(s *Session) { s.Grant.ClientID = "other" },
		"a changed nonce":         func(s *Session) { s.Sealed.Nonce[0] ^= 1 },
		"no nonce":                func(s *Session) { s.Sealed.Nonce = nil },
		"a long nonce":            func(s *Session) { s.Sealed.Nonce = make([]byte, 100) },
		"no data":                 func(s *Session) { s.Sealed.Data = nil },
		"cut off":                 func(s *Session) { s.Sealed.Data = s.Sealed.Data[:len(s.Sealed.Data)-1] },
		"another key's":           func(s *Session) { s.Sealed.KeyID = NewKey().ID() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sealed(t, key)
			spoil(s)
			if got, err := key.unseal(s); err == nil {
				t.Errorf("it opens: %v", got)
			}
		})
	}
	if got, err := NewKey().unseal(s); err == nil || !strings.Contains(err.Error(), "made anew") {
		t.Errorf("another key: %v, %v", got, err)
	}
	for i := range s.Sealed.Data {
		s.Sealed.Data[i] ^= 1
		if _, err := key.unseal(s); err == nil {
			t.Fatalf("it opens with byte %d changed", i)
		}
		s.Sealed.Data[i] ^= 1
	}
}

// No two seals are the same, and no two keys have the same ID.
func TestSealsAreFresh(t *testing.T) {
	t.Parallel()
	key := NewKey()
	a, b := sealed(t, key), sealed(t, key)
	if bytes.Equal(a.Sealed.Nonce, b.Sealed.Nonce) || bytes.Equal(a.Sealed.Data, b.Sealed.Data) {
		t.Error("two seals are the same")
	}
	if key.ID() == NewKey().ID() || len(key) != 32 {
		t.Error("two keys are the same")
	}
	if _, err := Key("short").seal(good()); err == nil {
		t.Error("a short key seals")
	}
}
