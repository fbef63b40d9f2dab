package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// Keys that were fetched earlier, or came from a cache, and do not verify a token are
// fetched once more: the provider may have replaced one under its kid, or without a
// kid, or by one of another type (RFC 7517 section 4.5). Forgeries do not turn into requests.
func TestKeysThatWereReplaced(t *testing.T) {
	t.Parallel()
	for name, kid := range map[string]string{"under the same kid": "k1", "without a kid": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			client := f.client()
			now := time.Now()
			client.Now = func() time.Time { return now }
			verify := func(key *ecdsa.PrivateKey) error {
				raw := fakeop.Sign(key, kid, f.Claims)
				_, err := client.VerifyIDToken(context.Background(), raw, "", oidc.Expectation{})
				return err
			}
			fetched := func(want int, when string) {
				t.Helper()
				if n := f.Asked("/jwks"); n != want {
					t.Errorf("%s: %d fetches, want %d", when, n, want)
				}
			}
			if err := verify(f.Key); err != nil {
				t.Fatal(err)
			}
			f.Lock()
			f.KID, f.Key = kid, fakeop.NewKey()
			f.Unlock()
			if err := verify(f.Key); err != nil {
				t.Errorf("after the key was replaced: %v", err)
			}
			fetched(2, "after the key was replaced")
			now = now.Add(40 * time.Second)
			for range 3 {
				err := verify(fakeop.NewKey())
				if r := broken(err, "id_token.signature"); r.Note != "the keys are a copy that is 40s old" {
					t.Errorf("a forgery: %v, note %q", err, r.Note)
				}
			}
			fetched(2, "forgeries within a minute")
			now = now.Add(time.Minute)
			if r := broken(verify(fakeop.NewKey()), "id_token.signature"); r.Note != "" {
				t.Errorf("a forgery, with keys that were fetched for it: note %q", r.Note)
			}
			fetched(3, "a forgery a minute later")
		})
	}
}

// The first keys that a client has may come from a cache, which Age says (RFC 9111
// section 5.1): they are asked for once more, and the cache is told to look.
func TestCachedKeysThatWereReplaced(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	old, err := json.Marshal(map[string]any{"keys": []any{fakeop.PublicJWK(fakeop.NewKey(), "k1")}})
	if err != nil {
		t.Fatal(err)
	}
	broken := false
	f.Handlers["/jwks"] = func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Cache-Control") != "no-cache":
			w.Header().Set("Age", "7200")
			_, _ = w.Write(old)
		case broken:
			w.WriteHeader(http.StatusBadGateway)
		default:
			f.Answer(w, r)
		}
	}
	if _, err := f.refresh(); err != nil {
		t.Error(err)
	}
	if n := f.Asked("/jwks"); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	broken = true
	if _, err := f.refresh(); kindOf(err) != "*oidc.TransportError" {
		t.Errorf("newer keys that cannot be had decide nothing: %v", err)
	}
}

// broken is the verdict of a rule that an error is about.
func broken(err error, rule string) check.Result {
	var e *check.Error
	if errors.As(err, &e) {
		for _, r := range e.Results {
			if r.ID == rule {
				return r
			}
		}
	}
	return check.Result{}
}
