package cli

import (
	"bytes"
	"context"
	"net/http"
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
	p.env = map[string]string{"HOME": t.TempDir(), "OIDC_ISSUER": p.URL, "OIDC_CLIENT_ID": fakeop.ClientID, "OIDC_REFRESH_TOKEN": fakeop.RefreshToken}
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
	if code, said := p.run("refresh-token", "-d"); code != 0 || !strings.Contains(said, "Age: ") {
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
	for name, value := range map[string]string{"OIDC_NO_CACHE": "true", "OIDC_SKIP_TLS_VERIFICATION": "true", "HOME": ""} {
		p := newPublisher(t)
		p.env[name] = value
		p.run("refresh-token")
		p.run("refresh-token")
		p.asked(2, 2)
	}
}
