package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// The keyring of these tests is one of the library's, in memory, and one for all of them.
func TestKey(t *testing.T) {
	keyring.MockInit()
	k := &Keyring{Folder: t.TempDir()}
	if key, err := k.Key(t.Context(), false); err == nil || !strings.Contains(err.Error(), "does not have the key") {
		t.Errorf("%v, %v", key, err)
	}
	made, err := k.Key(t.Context(), true)
	if err != nil || len(made) != 32 {
		t.Fatalf("%v, %v", made, err)
	}
	for _, create := range []bool{false, true} {
		again := &Keyring{Folder: k.Folder}
		if key, err := again.Key(t.Context(), create); err != nil || !bytes.Equal(key, made) {
			t.Errorf("another key: %v", err)
		}
	}
	other := &Keyring{Folder: t.TempDir()}
	if key, err := other.Key(t.Context(), true); err != nil || bytes.Equal(key, made) {
		t.Errorf("two stores have one key, %v", err)
	}
	text, err := keyring.Get(service, k.account())
	if err != nil || text != base64.StdEncoding.EncodeToString(made) {
		t.Errorf("%q, %v", text, err)
	}
	for _, odd := range []string{"", "!", base64.StdEncoding.EncodeToString(made[:16])} {
		if err := keyring.Set(service, k.account(), odd); err != nil {
			t.Fatal(err)
		}
		again := &Keyring{Folder: k.Folder}
		if key, err := again.Key(t.Context(), true); err == nil || !strings.Contains(err.Error(), "no key") {
			t.Errorf("%q: %v, %v", odd, key, err)
		}
		if key, err := k.Key(t.Context(), false); err != nil || !bytes.Equal(key, made) {
			t.Errorf("it was asked for again: %v", err)
		}
	}
	broken := errors.New("broken")
	keyring.MockInitWithError(broken)
	for _, create := range []bool{false, true} {
		again := &Keyring{Folder: k.Folder}
		if key, err := again.Key(t.Context(), create); !errors.Is(err, broken) {
			t.Errorf("%v, %v", key, err)
		}
	}
}

// A keyring that does not answer is not waited for when the caller gives up.
func TestTimely(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	defer close(never)
	reason := errors.New("no more patience")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, reason)
	defer cancel()
	if _, err := timely(ctx, func() (string, error) { <-never; return "", nil }); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}
