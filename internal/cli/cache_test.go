package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A publisher is a provider that says how long its metadata and keys are good.
type publisher struct {
	*fakeop.OP
	t     *testing.T
	cache string // its Cache-Control
	env   map[string]string
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{OP: fakeop.Start(), t: t, cache: "max-age=3600"}
	p.env = map[string]string{
		"HOME": t.TempDir(), "OIDC_ISSUER": p.URL, "OIDC_CLIENT_ID": fakeop.ClientID,
		"OIDC_REFRESH_TOKEN": fakeop.RefreshToken,
	}
	t.Cleanup(p.Close)
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
		p.Handlers[path] = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", p.cache)
			p.Answer(w, r)
		}
	}
	return p
}

// run runs a command and returns its exit code and what it says.
func (p *publisher) run(args ...string) (int, string) {
	p.t.Helper()
	var out bytes.Buffer
	env := quiet()
	env.Stdout, env.Stderr, env.Getenv = &out, &out, func(name string) string { return p.env[name] }
	code := Main(context.Background(), env, args)
	return code, out.String()
}

func (p *publisher) refreshes() {
	p.t.Helper()
	if code, said := p.run("refresh-token"); code != 0 {
		p.t.Fatalf("exit code %d: %s", code, said)
	}
}

// asked compares how often metadata and keys were asked for.
func (p *publisher) asked(metadata, keys int) {
	p.t.Helper()
	if got := [2]int{p.Asked("/.well-known/openid-configuration"), p.Asked("/jwks")}; got != [2]int{metadata, keys} {
		p.t.Errorf("metadata and keys were asked for %v times, want %v", got, [2]int{metadata, keys})
	}
}

func TestCacheBetweenRuns(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	p.refreshes()
	p.refreshes()
	p.asked(1, 1)
	if code, said := p.run("refresh-token", "-d"); code != 0 || !strings.Contains(said, "200 OK, cached") {
		t.Errorf("-d does not show that it is from the cache: %d %s", code, said)
	}
	if code, _ := p.run("refresh-token", "--no-cache"); code != 0 {
		t.Error(code)
	}
	p.asked(2, 2)
	if code, _ := p.run("discover"); code != 0 { // looks for itself
		t.Error(code)
	}
	p.asked(3, 3)
	p.env["OIDC_EXPECTED_ISSUER"] = p.URL // another question
	p.refreshes()
	p.asked(4, 4)
}

// Keys that are changed are found, and a kid that nobody knows makes no more than one
// request.
func TestCacheFollowsKeys(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	p.refreshes()
	p.rotates("k2")
	p.refreshes()
	p.asked(1, 2)
	p.rotates("k3")
	if code, _ := p.run("refresh-token"); code != 5 { // within the minute: nobody asks again
		t.Errorf("exit code %d", code)
	}
	p.asked(1, 2)
	if code, said := p.run("refresh-token", "--no-cache"); code != 0 {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// A key that is replaced under its kid is found too, and what is said of keys names their
// age. Sessions obey --no-cache and OIDC_NO_CACHE of the run that refreshes them.
func TestSessionsFollowKeys(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	expect := func(want int, args ...string) string {
		t.Helper()
		code, said := p.run(args...)
		if code != want {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, said)
		}
		return said
	}
	expect(0, "refresh-token", "--save", "work")
	expect(0, "sessions", "refresh", "work")
	p.asked(1, 1)
	p.rotates("k1")
	expect(0, "sessions", "refresh", "work")
	p.asked(1, 2)
	p.rotates("k1")
	said := expect(5, "sessions", "refresh", "work")
	if !strings.Contains(said, "the keys are a copy that is 0s old") || !strings.Contains(said, "--no-cache") {
		t.Errorf("it does not say how old the keys are, and what helps: %s", said)
	}
	p.asked(1, 2)
	expect(0, "token", "work", "--no-cache") // the tokens of the last refresh are withheld
	p.asked(2, 3)
	p.env["OIDC_NO_CACHE"] = "true"
	expect(0, "sessions", "refresh", "work")
	p.asked(3, 4)
	expect(5, "sessions", "refresh", "work", "--no-cache=false")
	p.asked(3, 4)
	p.env["OIDC_NO_CACHE"] = "perhaps"
	expect(2, "sessions", "refresh", "work")
	delete(p.env, "OIDC_NO_CACHE")
	expect(0, "sessions", "refresh", "work", "--no-cache")
	p.asked(4, 5)
}

// Keys of jwt verify --jwks URL are fetched and cached like those of a provider; those of a
// file are not said to be the provider's.
func TestKeysOfJWTVerify(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	verify := func(jwks string) (int, string) {
		return p.run("jwt", "verify", "--jwks", jwks, "--as", "id_token", "--token",
			fakeop.Sign(p.Key, p.KID, p.Claims))
	}
	if code, said := verify(p.URL + "/jwks"); code != 0 {
		t.Errorf("%d %s", code, said)
	}
	p.rotates("k1")
	if code, said := verify(p.URL + "/jwks"); code != 0 {
		t.Errorf("after the key was replaced: %d %s", code, said)
	}
	p.asked(0, 2)
	set, err := json.Marshal(map[string]any{"keys": []any{fakeop.PublicJWK(fakeop.NewKey(), "k1")}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := verify(file)
	if code != 5 || !strings.Contains(said, "the keys were given to the client") ||
		strings.Contains(said, "publishes now") {
		t.Errorf("%d %s", code, said)
	}
}

func (p *publisher) rotates(kid string) {
	p.Lock()
	defer p.Unlock()
	p.Key, p.KID = fakeop.NewKey(), kid
}

// Metadata that breaks a rule is asked for again: it may have been put right.
func TestBrokenMetadataIsNotKept(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	p.Lock()
	p.Metadata["issuer"] = "https://evil.example"
	p.Unlock()
	if code, _ := p.run("refresh-token"); code != 4 {
		t.Errorf("exit code %d", code)
	}
	p.Lock()
	p.Metadata["issuer"] = p.URL
	p.Unlock()
	p.refreshes()
}

// Nothing is kept of what proves nothing, or of what may depend on more than its URL.
func TestNotCached(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"OIDC_NO_CACHE": "true", "OIDC_SKIP_TLS_VERIFICATION": "true",
		"HOME": "",
	} {
		p := newPublisher(t)
		p.env[name] = value
		p.run("refresh-token")
		p.run("refresh-token")
		p.asked(2, 2)
	}
}
