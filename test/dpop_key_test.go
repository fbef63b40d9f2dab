package test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// Of many first runs with one new key file each uses the one key that is in the file afterwards.
func TestFirstRunsMakeOneDPoPKey(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	config := s.config("app", "dpop_key: new/dpop.json")
	const runs = 16
	var all sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range runs {
		all.Go(func() {
			code, out, errs := s.run("client-credentials", "-c", config)
			if code != 0 {
				t.Errorf("exit %d\n%s\n%s", code, errs, out)
			}
			mu.Lock()
			defer mu.Unlock()
			made += strings.Count(errs, "a new DPoP key was made")
		})
	}
	all.Wait()
	data, err := os.ReadFile(filepath.Join(s.folder, "new", "dpop.json"))
	check(t, err)
	key, err := oidc.ReadSigningKey(data)
	check(t, err)
	proofs := at(s.op.Recorded(), "token")
	for _, r := range proofs {
		header, _ := jwtParts(t, r.Header.Get("Dpop"))
		jwk, err := json.Marshal(header["jwk"])
		check(t, err)
		public, err := key.PublicJWK("sig")
		check(t, err)
		if x := coordinate(t, jwk); x != coordinate(t, public) {
			t.Errorf("a proof by another key than the one in the file: %s", x)
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.folder, "new"))
	if err != nil || len(entries) != 1 || made != 1 || len(proofs) != runs {
		t.Errorf("%d keys were made, %d requests, %v, %v", made, len(proofs), entries, err)
	}
}

// Of several runs that write one new file one succeeds, and its key is what the file holds.
func TestOneRunWritesANewFile(t *testing.T) {
	t.Parallel()
	s := &scene{t: t, folder: t.TempDir()}
	file := filepath.Join(s.folder, "key.json")
	var all sync.WaitGroup
	printed := make(chan string, 8)
	for range cap(printed) {
		all.Go(func() {
			switch code, out, errs := s.run("jwt", "keygen", "--out", file); {
			case code == 0:
				printed <- out
			case code != 2 || !strings.Contains(errs, "is there already; --force replaces it"):
				t.Errorf("exit %d\n%s", code, errs)
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(file)
	check(t, err)
	if len(printed) != 1 || !strings.Contains(<-printed, coordinate(t, data)) {
		t.Errorf("%d keys were made, and another one is in the file", len(printed)+1)
	}
}

// coordinate is the x of a JWK.
func coordinate(t *testing.T, jwk []byte) string {
	t.Helper()
	var key struct{ X string }
	check(t, json.Unmarshal(jwk, &key))
	return key.X
}

// keyGoesWrong are the ways in which the key of tokens that exist is not there any more.
func keyGoesWrong(t *testing.T) map[string]func(file string) {
	t.Helper()
	other, err := oidc.GenerateKey("ES256")
	check(t, err)
	jwk, err := other.PrivateJWK("sig")
	check(t, err)
	return map[string]func(file string){
		"missing": func(file string) { check(t, os.Remove(file)) },
		"another": func(file string) { check(t, os.WriteFile(file, jwk, 0o600)) },
	}
}

// refuses checks that commands end with exit code 2 and a hint, ask the provider for nothing and
// make no key.
func (s *scene) refuses(what, file, says string, commands ...[]string) {
	s.t.Helper()
	_, had := os.Stat(file)
	before := len(s.op.Recorded())
	for _, args := range commands {
		code, out, errs := s.run(args...)
		if code != 2 || !strings.Contains(errs, says) || !strings.Contains(errs, "nothing was sent") ||
			!strings.Contains(errs, "hint: ") || out != "" {
			s.t.Errorf("%s: %v: exit %d\n%s\n%s", what, args, code, errs, out)
		}
	}
	if asked := s.op.Recorded()[before:]; len(asked) > 0 {
		s.t.Errorf("%s: the provider was asked: %v", what, asked)
	}
	if _, has := os.Stat(file); errors.Is(has, fs.ErrNotExist) != errors.Is(had, fs.ErrNotExist) {
		s.t.Errorf("%s: %s: %v, then %v", what, file, had, has)
	}
}

// expire makes the tokens of the session work expire.
func (s *scene) expire() {
	s.t.Helper()
	store := &session.Files{Folder: filepath.Join(s.folder, "sessions")}
	kept, err := store.Load("work")
	check(s.t, err)
	kept.Received, kept.Tokens.Expires = kept.Received.Add(-time.Hour), kept.Tokens.Expires.Add(-time.Hour)
	check(s.t, session.Save(store, kept))
}

// A session whose key is missing, or is another one, is neither refreshed nor used.
func TestBoundSessionNeedsItsKey(t *testing.T) {
	t.Parallel()
	for name, spoil := range keyGoesWrong(t) {
		s := newScene(t)
		file := filepath.Join(s.folder, "dpop.json")
		s.ok("client", "-c", s.config("public", "dpop_key: dpop.json", "scopes: [openid, offline_access]"), "-p", "0",
			"--save", "work")
		good, err := os.ReadFile(file)
		check(t, err)
		spoil(file)
		s.refuses(name, file, "session work",
			[]string{"userinfo", "--session", "work"},
			[]string{"resource", s.op.Issuer + "/resource", "--session", "work"},
			[]string{"resource", s.op.Issuer + "/resource", "--session", "work", "--step-up", "-p", "0"},
			[]string{"sessions", "refresh", "work"})
		s.expire()
		s.refuses(name, file, "session work",
			[]string{"token", "work"},
			[]string{"token", "work", "--retry"},
			[]string{"exec", "work", "--", "true"},
			[]string{"helper", "kubernetes", "work", "--access-token"},
			[]string{"sessions", "refresh", "work", "--retry"})
		check(t, os.WriteFile(file, good, 0o600))
		s.ok("sessions", "refresh", "work")
		spoil(file)
		s.ok("sessions", "logout", "work") // which proves no key
	}
}

// A session that is kept with its key goes on with it; a configuration that changes whether
// tokens are bound is refused.
func TestBoundSessionsConfigurationChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	config := func(more ...string) { s.config("public", append(more, "scopes: [openid, offline_access]")...) }
	config("dpop: true")
	s.ok("client", "-c", filepath.Join(s.folder, "config.yaml"), "-p", "0", "--save", "work")
	s.ok("sessions", "refresh", "work")
	config()
	none := filepath.Join(s.folder, "none.json")
	s.refuses("dpop removed", none, "session work is bound to a key (DPoP), which its configuration no longer uses",
		[]string{"sessions", "refresh", "work"}, []string{"userinfo", "--session", "work"})
	config("dpop_key: none.json")
	s.refuses("dpop_key added", none, "none.json does not exist", []string{"sessions", "refresh", "work"})
	config()
	s.ok("client", "-c", filepath.Join(s.folder, "config.yaml"), "-p", "0", "--save", "work", "--replace")
	config("dpop: true")
	s.refuses("dpop added", none, "session work is not bound to a key", []string{"sessions", "refresh", "work"})
	config()
	s.ok("sessions", "refresh", "work")
}

// An access token that is given is sent with its own key only; a refresh token that may be bound
// to a key causes none to be made.
func TestBoundTokensNeedTheirKey(t *testing.T) {
	t.Parallel()
	for name, spoil := range keyGoesWrong(t) {
		s := newScene(t, func(o *fault.Options) { o.JWTAccessTokens = true })
		file := filepath.Join(s.folder, "dpop.json")
		config := s.config("public", "dpop_key: dpop.json", "scopes: [openid, offline_access]")
		s.ok("client", "-c", config, "-p", "0", "-o", "--output-dir", s.folder)
		response := map[string]any{}
		data, err := os.ReadFile(filepath.Join(s.folder, "access_token_resp.json"))
		check(t, err)
		check(t, json.Unmarshal(data, &response))
		token, refresh := response["access_token"].(string), response["refresh_token"].(string)
		s.ok("resource", s.op.Issuer+"/resource", "-c", config, "--token", token)
		spoil(file)
		s.refuses(name, file, "dpop.json",
			[]string{"resource", s.op.Issuer + "/resource", "-c", config, "--token", token},
			[]string{"resource", s.op.Issuer + "/resource", "-c", config, "--token", token, "--step-up", "-p", "0"},
			[]string{"userinfo", "-c", config, "--token", token})
		if name == "missing" {
			s.refuses(name, file, "dpop.json", []string{"refresh-token", "-c", config, "--refresh-token", refresh},
				[]string{"userinfo", "-c", config, "--token", "opaque"})
			s.ok("revoke", "-c", config, "--token", refresh)
			s.ok("introspect", "-c", s.config("app", "dpop_key: dpop.json"), "--token", token)
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a key was made that nothing needs: %v", err)
			}
		}
		plain := s.config("public")
		s.refuses(name+", no dpop", file, "the access token is bound to a key (DPoP)",
			[]string{"resource", s.op.Issuer + "/resource", "-c", plain, "--token", token},
			[]string{"userinfo", "-c", plain, "--token", token})
	}
}

// The refresh token of a client that authenticates itself need not be bound to a key: without a
// file for one a key is made for this run. That of a public client is bound, if anything is.
func TestRefreshTokenWithoutAKeyFile(t *testing.T) {
	t.Parallel()
	op := fakeop.Start()
	t.Cleanup(op.Close)
	op.Tokens["token_type"] = "DPoP"
	s := &scene{t: t, folder: t.TempDir()}
	refresh := func(more ...string) (int, string) {
		code, _, errs := s.run(append([]string{
			"refresh-token", "--issuer", op.URL, "--client-id", fakeop.ClientID,
			"--dpop", "--skip-userinfo", "--refresh-token", fakeop.RefreshToken,
		}, more...)...)
		return code, errs
	}
	if code, errs := refresh(); code != 2 || !strings.Contains(errs, "--dpop-key FILE") || op.Asked("/token") != 0 {
		t.Errorf("public: exit %d\n%s", code, errs)
	}
	s.write("secret", []byte("the-client-secret"))
	if code, errs := refresh("--client-secret", "@"+filepath.Join(s.folder, "secret"), "--save", "work"); code != 0 {
		t.Errorf("confidential: exit %d\n%s", code, errs)
	}
	if code, _, errs := s.run("sessions", "refresh", "work"); code != 0 || op.Asked("/token") != 2 {
		t.Errorf("with the key of the session: exit %d\n%s", code, errs)
	}
}
