package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// expired are tokens of a login that are no longer valid.
func expired() *oidc.Tokens {
	return &oidc.Tokens{
		AccessToken: "access-0", TokenType: "Bearer", RefreshToken: "refresh-0",
		ExpiresAt: time.Now().Add(-time.Minute),
	}
}

func TestTokenSourceRefreshesOnce(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	family := f.Rotate(time.Hour)
	var stored atomic.Int32
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: expired(),
		Store: func(*oidc.Tokens) error { stored.Add(1); return nil },
	}
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			tokens, err := source.Token(context.Background())
			if err != nil || tokens.AccessToken != "access-1" {
				t.Errorf("tokens %+v, error %v", tokens, err)
			}
		})
	}
	wait.Wait()
	if family.Asked() != 1 || stored.Load() != 1 || family.Revoked() {
		t.Errorf("asked %d times, stored %d times, revoked %v", family.Asked(), stored.Load(), family.Revoked())
	}
}

// A caller that gives up does not end the refresh of the others.
func TestTokenSourceOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	family := f.Rotate(time.Hour)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	family.Delay(func() { close(arrived); <-goOn })
	source := &oidc.TokenSource{Client: oidc.Of(f.client()), Tokens: expired()}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-arrived; cancel() }()
	if _, err := source.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(goOn)
	tokens, err := source.Token(context.Background())
	if err != nil || tokens.AccessToken != "access-1" || family.Asked() != 1 {
		t.Errorf("tokens %+v, error %v, asked %d times", tokens, err, family.Asked())
	}
}

// Tokens that could not be stored are handed to nobody, and not lost.
func TestTokenSourceStores(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	family := f.Rotate(time.Hour)
	full, kept := errors.New("disk full"), ""
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: expired(), Store: func(*oidc.Tokens) error { return full },
	}
	for range 2 {
		if _, err := source.Token(context.Background()); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
	source.Store = func(t *oidc.Tokens) error { kept = t.RefreshToken; return nil }
	tokens, err := source.Token(context.Background())
	if err != nil || tokens.AccessToken != "access-1" || kept != "refresh-1" || family.Asked() != 1 {
		t.Errorf("tokens %+v, error %v, stored %q, asked %d times", tokens, err, kept, family.Asked())
	}
}

// A refresh token whose response was lost, or that was refused, is not sent
// again.
func TestTokenSourceSendsOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		check  func(error) bool
	}{
		"lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(err error) bool {
			var spent *oidc.SpentError
			return errors.As(err, &spent)
		}},
		"refused": {fakeop.Says(400, isJSON, `{"error":"invalid_grant"}`), func(err error) bool {
			var refusal *oidc.Error
			return errors.As(err, &refusal) && refusal.Code == "invalid_grant"
		}},
	} {
		f := newPeer(t)
		f.Handlers["/token"] = test.answer
		source := &oidc.TokenSource{Client: oidc.Of(f.client()), Tokens: expired()}
		for range 3 {
			if _, err := source.Token(context.Background()); !test.check(err) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if n := f.Asked("/token"); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
		source.Replace(&oidc.Tokens{AccessToken: "new", ExpiresAt: time.Now().Add(time.Hour)})
		if tokens, err := source.Token(context.Background()); err != nil || tokens.AccessToken != "new" {
			t.Errorf("%s: after a login: %+v, %v", name, tokens, err)
		}
	}
}

// A provider that was busy is asked again, and without a way to new tokens it
// is not asked at all.
func TestTokenSourceAsksAgain(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Handlers["/token"] = fakeop.Says(429, isJSON, `{}`)
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Grant: func() oidc.Grant { return oidc.ClientCredentials() },
	}
	if _, err := source.Token(context.Background()); err == nil {
		t.Error("no error of a busy provider")
	}
	f.Lock()
	delete(f.Handlers, "/token")
	delete(f.Tokens, "refresh_token")
	f.Unlock()
	tokens, err := source.Token(context.Background())
	if err != nil || tokens.AccessToken != "the-access-token" {
		t.Errorf("tokens %+v, error %v", tokens, err)
	}
	last := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: &oidc.Tokens{AccessToken: "a", ExpiresAt: time.Now()},
	}
	if _, err := last.Token(context.Background()); !errors.Is(err, oidc.ErrNoRefreshToken) {
		t.Errorf("got %v", err)
	}
}

// resourceServer is a resource server that takes one access token.
func resourceServer(t *testing.T, takes func(*http.Request) bool) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/elsewhere":
			http.Redirect(
				w, r, strings.Replace("http://"+r.Host+"/", "127.0.0.1", "localhost", 1), http.StatusTemporaryRedirect,
			)
		case takes(r):
			_, _ = fmt.Fprintf(w, "%s hello", r.Method)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestTransport(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	family := f.Rotate(time.Hour)
	valid := "Bearer access-1"
	server := resourceServer(t, func(r *http.Request) bool { return r.Header.Get("Authorization") == valid })
	tokens := expired()
	tokens.ExpiresAt = time.Now().Add(time.Hour) // as far as the client knows: it was revoked
	transport := &oidc.Transport{
		Resource: server.URL, Source: &oidc.TokenSource{Client: oidc.Of(f.client()), Tokens: tokens},
	}
	client := &http.Client{Transport: transport}
	for range 2 {
		res, err := client.Post(server.URL+"/", "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	if family.Asked() != 1 {
		t.Errorf("asked %d times", family.Asked())
	}
	valid = "Bearer other"
	res, err := client.Get(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized || family.Asked() != 2 {
		t.Errorf("refused twice: status %d, asked %d times", res.StatusCode, family.Asked())
	}
	if _, err := client.Get(server.URL + "/elsewhere"); !errors.Is(err, oidc.ErrOtherOrigin) {
		t.Errorf("a redirect to another origin: %v", err)
	}
}

func TestTransportProvesDPoP(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	key, err := oidc.GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	dpop, err := oidc.NewDPoP(key, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	nonces := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("DPoP") == "" || r.Header.Get("Authorization") != "DPoP bound" {
			t.Errorf("headers: %v", r.Header)
		}
		if nonces++; nonces == 1 {
			w.Header().Set("DPoP-Nonce", "n1")
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	client := f.client()
	client.DPoP = dpop
	tokens := &oidc.Tokens{AccessToken: "bound", TokenType: "DPoP", ExpiresAt: time.Now().Add(time.Hour)}
	web := &http.Client{Transport: &oidc.Transport{
		Resource: server.URL, Source: &oidc.TokenSource{Client: oidc.Of(client), Tokens: tokens},
	}}
	res, err := web.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || nonces != 2 {
		t.Errorf("status %d after %d requests", res.StatusCode, nonces)
	}
}

func TestLazyClient(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	var down atomic.Bool
	down.Store(true)
	metadata := f.Metadata
	f.Handlers["/.well-known/openid-configuration"] = func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		f.Answer(w, r)
	}
	lazy := &oidc.LazyClient{Issuer: metadata["issuer"].(string), New: func(p *oidc.Provider) (*oidc.Client, error) {
		return &oidc.Client{Provider: p, ID: fakeop.ClientID}, nil
	}}
	const well = "/.well-known/openid-configuration"
	for range 3 { // asked once, and then not for a while
		if _, err := lazy.Client(t.Context()); err == nil {
			t.Error("no error of a provider that is down")
		}
	}
	if n := f.Asked(well); n != 1 {
		t.Errorf("asked %d times", n)
	}
	down.Store(false)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		client, err := lazy.Client(t.Context())
		if err == nil {
			if again, _ := lazy.Client(t.Context()); again != client {
				t.Error("two clients")
			}
			return
		}
	}
	t.Error("the provider is back, and the client is not")
}

func TestClaims(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Lock()
	f.Tokens["id_token"] = fakeop.Sign(f.Key, f.KID, f.Claims)
	f.Unlock()
	client := f.client()
	tokens, err := client.Token(t.Context(), oidc.RefreshToken("old"))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub string }
	if err := tokens.IDToken.Claims(&claims); err != nil || claims.Sub != "u" {
		t.Errorf("claims %+v, error %v", claims, err)
	}
	info, err := client.UserInfo(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	var user struct{ Name string }
	if err := info.Claims(&user); err != nil || user.Name != "You" {
		t.Errorf("UserInfo %+v, error %v", user, err)
	}
	client.Waive = []string{"userinfo.sub"}
	if info, err = client.UserInfo(t.Context(), tokens); err != nil ||
		!errors.Is(info.Claims(&user), oidc.ErrNotVerified) {
		t.Errorf("UserInfo with a rule waived: %v, %v", err, info.Claims(&user))
	}
	if err := (&oidc.UserInfo{JSON: []byte(`{}`)}).Claims(&user); !errors.Is(err, oidc.ErrNotVerified) {
		t.Errorf("UserInfo that nobody fetched: %v", err)
	}
	unverified, err := oidc.DecodeIDToken(tokens.IssuedIDToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := unverified.Claims(&claims); !errors.Is(err, oidc.ErrNotVerified) {
		t.Errorf("got %v", err)
	}
}
