package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// A response that broke off before its refresh token leaves open whether the one that was
// sent still works: it is not sent again.
func TestTokenSourceHalfResponse(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Handlers["/token"] = fakeop.Says(200, isJSON, `{"access_token":"access-1","token_type":"Bearer","refresh_tok`)
	source := &oidc.TokenSource{Client: oidc.Of(f.client()), Tokens: expired()}
	for range 2 {
		var spent *oidc.SpentError
		if _, err := source.Token(t.Context()); !errors.As(err, &spent) {
			t.Errorf("got %v", err)
		}
	}
	if n := f.Asked("/token"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A provider that says that it is busy did not use the refresh token, which is sent again.
func TestTokenSourceBusyProvider(t *testing.T) {
	t.Parallel()
	busy := map[string]http.HandlerFunc{
		"429":            fakeop.Says(429, nil, ""),
		"503 and a wait": fakeop.Says(503, map[string]string{"Retry-After": "1"}, ""),
		"503 of OAuth":   fakeop.Says(503, isJSON, `{"error":"temporarily_unavailable"}`),
	}
	for name, answer := range busy {
		f := newPeer(t)
		f.Handlers["/token"] = answer
		source := &oidc.TokenSource{Client: oidc.Of(f.client()), Tokens: expired()}
		var spent *oidc.SpentError
		if _, err := source.Token(t.Context()); err == nil || errors.As(err, &spent) {
			t.Errorf("%s: got %v", name, err)
		}
		family := f.Rotate(time.Hour)
		tokens, err := source.Token(t.Context())
		if err != nil || tokens.AccessToken != "access-1" || family.Seen("refresh-0") != 1 {
			t.Errorf("%s: tokens %+v, error %v", name, tokens, err)
		}
	}
}

// What a response leaves out stays valid: it is stored and returned with the new tokens, and
// a later ID Token is compared with the last one that came.
func TestTokenSourceKeepsWhatStaysValid(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	claims := f.Claims
	first := fakeop.Sign(f.Key, f.KID, claims)
	f.Lock()
	f.Claims = nil
	delete(f.Tokens, "refresh_token")
	f.Tokens["expires_in"] = 0
	f.Unlock()
	begin := expired()
	begin.IssuedIDToken = first
	var stored []*oidc.Tokens
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: begin,
		Store: func(t *oidc.Tokens) error { stored = append(stored, t); return nil },
	}
	tokens, err := source.Token(t.Context())
	if err != nil || tokens.RefreshToken != "refresh-0" || tokens.IssuedIDToken != first {
		t.Fatalf("refresh token %q, error %v", tokens.RefreshToken, err)
	}
	if len(stored) != 1 || stored[0].RefreshToken != "refresh-0" || stored[0].IssuedIDToken != first {
		t.Errorf("stored %+v", stored)
	}
	f.Lock()
	claims["sub"] = "another user"
	f.Claims = claims
	f.Unlock()
	if _, err := source.Token(t.Context()); kindOf(err) != "refresh.sub" {
		t.Errorf("an ID Token of another user after a response without one: %v", err)
	}
}

// Tokens that did not verify are not left in the store: only their refresh token is.
func TestTokenSourceStoresNothingUnverified(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Lock()
	f.Claims["iss"] = "https://other.example"
	f.Unlock()
	family := f.Rotate(time.Hour)
	var stored []oidc.Tokens
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: expired(),
		Store: func(t *oidc.Tokens) error { stored = append(stored, *t); return nil },
	}
	if _, err := source.Token(t.Context()); kindOf(err) != "id_token.iss" {
		t.Fatalf("got %v", err)
	}
	if len(stored) != 2 || stored[0].RefreshToken != "refresh-1" || stored[1].RefreshToken != "refresh-1" {
		t.Fatalf("stored %+v", stored)
	}
	if last := stored[1]; last.AccessToken != "" || last.IssuedIDToken != "" {
		t.Errorf("stored in the end: %+v", last)
	}
	if _, err := source.Token(t.Context()); err == nil || family.Revoked() || family.Seen("refresh-1") != 1 {
		t.Errorf("the next refresh: error %v, revoked %v", err, family.Revoked())
	}
}

// The tokens of a refresh that a new login overtook are of another login: they are neither
// returned nor stored.
func TestTokenSourceReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	family := f.Rotate(time.Hour)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	family.Delay(func() { close(arrived); <-goOn })
	var stored atomic.Int32
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: expired(),
		Store: func(*oidc.Tokens) error { stored.Add(1); return nil },
	}
	result := make(chan string, 1)
	go func() {
		tokens, err := source.Token(context.Background())
		if err != nil {
			result <- err.Error()
			return
		}
		result <- tokens.AccessToken
	}()
	<-arrived
	source.Replace(&oidc.Tokens{AccessToken: "of the new login", ExpiresAt: time.Now().Add(time.Hour)})
	close(goOn)
	if got := <-result; got != "of the new login" {
		t.Errorf("who waited got %q", got)
	}
	tokens, err := source.Token(t.Context())
	if err != nil || tokens.AccessToken != "of the new login" || stored.Load() != 0 {
		t.Errorf("tokens %+v, error %v, stored %d times", tokens, err, stored.Load())
	}
	source.Replace(nil)
	if _, err := source.Token(t.Context()); !errors.Is(err, oidc.ErrNoRefreshToken) {
		t.Errorf("after a logout: %v", err)
	}
}

// A caller does not wait for a Store that takes long, any more than for the provider.
func TestTokenSourceSlowStore(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Rotate(time.Hour)
	storing, goOn := make(chan struct{}), make(chan struct{})
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: expired(),
		Store: func(*oidc.Tokens) error { close(storing); <-goOn; return nil },
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-storing; cancel() }()
	if _, err := source.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := source.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("while it is stored: %v", err)
	}
	close(goOn)
	if tokens, err := source.Token(context.Background()); err != nil || tokens.AccessToken != "access-1" {
		t.Errorf("tokens %+v, error %v", tokens, err)
	}
}

// Tokens that are still valid are good enough while the provider cannot be reached, but not
// those that a resource server refused.
func TestTokenSourceProviderDown(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client()
	client.Provider.TokenEndpoint = "http://127.0.0.1:1/token"
	tokens := expired()
	tokens.ExpiresAt = time.Now().Add(time.Minute)
	source := &oidc.TokenSource{Client: oidc.Of(client), Tokens: tokens, Early: time.Hour}
	got, err := source.Token(t.Context())
	if err != nil || got.AccessToken != "access-0" {
		t.Fatalf("tokens %+v, error %v", got, err)
	}
	source.Reject("some other token")
	if _, err := source.Token(t.Context()); err != nil {
		t.Errorf("after another token was refused: %v", err)
	}
	source.Reject("access-0")
	var transport *oidc.TransportError
	if _, err := source.Token(t.Context()); !errors.As(err, &transport) || transport.Sent {
		t.Errorf("after it was refused: %v", err)
	}
}

// Where there is a grant, a refresh token that no longer works is not the end.
func TestTokenSourceFallsBackToItsGrant(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Handlers["/token"] = fakeop.Says(400, isJSON, `{"error":"invalid_grant"}`)
	source := &oidc.TokenSource{
		Client: oidc.Of(f.client()), Tokens: expired(), Grant: func() oidc.Grant { return oidc.ClientCredentials() },
	}
	if _, err := source.Token(t.Context()); oidc.Reason(err) != "invalid_grant" {
		t.Errorf("got %v", err)
	}
	f.Lock()
	delete(f.Handlers, "/token")
	f.Unlock()
	if tokens, err := source.Token(t.Context()); err != nil || tokens.AccessToken != "the-access-token" {
		t.Errorf("tokens %+v, error %v", tokens, err)
	}
}

// What is not set is an error, in the caller and not in a goroutine that ends the process.
func TestZeroValues(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	issuer := f.Metadata["issuer"].(string)
	nobody := func(context.Context) (*oidc.Client, error) { return nil, nil }
	token := func(s *oidc.TokenSource) error { _, err := s.Token(t.Context()); return err }
	lazy := func(l *oidc.LazyClient) error { _, err := l.Client(t.Context()); return err }
	trip := func(tr *oidc.Transport) error {
		res, err := tr.RoundTrip(httptest.NewRequest(http.MethodGet, f.URL, nil))
		if res != nil {
			res.Body.Close()
		}
		return err
	}
	for name, err := range map[string]error{
		"TokenSource":                    token(&oidc.TokenSource{}),
		"TokenSource without Client":     token(&oidc.TokenSource{Tokens: expired()}),
		"TokenSource with no client":     token(&oidc.TokenSource{Tokens: expired(), Client: nobody}),
		"TokenSource with a zero Client": token(&oidc.TokenSource{Tokens: expired(), Client: oidc.Of(&oidc.Client{})}),
		"LazyClient":                     lazy(&oidc.LazyClient{}),
		"LazyClient without New":         lazy(&oidc.LazyClient{Issuer: issuer}),
		"LazyClient with no client": lazy(&oidc.LazyClient{
			Issuer: issuer, New: func(*oidc.Provider) (*oidc.Client, error) { return nil, nil },
		}),
		"Transport":                trip(&oidc.Transport{}),
		"Transport without Source": trip(&oidc.Transport{Resource: f.URL}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A trackedBody is a request body that notes whether it was closed.
type trackedBody struct {
	io.Reader
	open *atomic.Int32
}

func (b trackedBody) Close() error { b.open.Add(-1); return nil }

// tracked is a request whose bodies, also those of GetBody, count in open until they are
// closed.
func tracked(t *testing.T, url string, open *atomic.Int32) *http.Request {
	t.Helper()
	body := func() (io.ReadCloser, error) { open.Add(1); return trackedBody{strings.NewReader("x"), open}, nil }
	first, _ := body()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, first)
	if err != nil {
		t.Fatal(err)
	}
	r.GetBody = body
	return r
}

// A baseTripper is a transport as tests write them: its responses name no request.
type baseTripper func(*http.Request) *http.Response

func (f baseTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return f(r), nil
}

// The contract of http.RoundTripper: every body is closed, on every way out; the request is
// as it was; and there is a response or an error, not both.
func TestTransportContract(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	key, err := oidc.GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	const resource = "https://api.example"
	says := func(status int, header ...string) baseTripper {
		return func(*http.Request) *http.Response {
			h := http.Header{}
			for i := 0; i < len(header); i += 2 {
				h.Add(header[i], header[i+1])
			}
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(nil))}
		}
	}
	invalid := says(401, "Www-Authenticate", `Bearer error="invalid_token"`)
	for name, c := range map[string]struct {
		token, kind, url string
		base             baseTripper
		want             int // the status, 0 for an error
	}{
		"accepted":                       {"a", "Bearer", resource, says(200), 200},
		"another origin":                 {"a", "Bearer", "https://other.example", says(200), 0},
		"the same port":                  {"a", "Bearer", resource + ":443/x", says(200), 200},
		"another port":                   {"a", "Bearer", resource + ":444/x", says(200), 0},
		"plain HTTP":                     {"a", "Bearer", "http://api.example", says(200), 0},
		"a token with a space":           {"a ", "Bearer", resource, says(200), 0},
		"a token with a newline":         {"a\nb", "Bearer", resource, says(200), 0},
		"refused, no way to get another": {"a", "Bearer", resource, invalid, 401},
		"refused for its scope":          {"a", "Bearer", resource, says(403), 403},
		"DPoP":                           {"a", "DPoP", resource, says(200), 200},
		"DPoP, a nonce twice": {
			"a", "DPoP", resource, says(401, "Dpop-Nonce", "n", "Www-Authenticate", `DPoP error="use_dpop_nonce"`), 401,
		},
		"DPoP, no nonce": {"a", "DPoP", resource, says(200, "Dpop-Nonce", "a nonce with spaces"), 0},
	} {
		client := f.client()
		if client.DPoP, err = oidc.NewDPoP(key, ""); err != nil {
			t.Fatal(err)
		}
		transport := &oidc.Transport{
			Resource: resource, Base: c.base,
			Source: &oidc.TokenSource{
				Client: oidc.Of(client), Tokens: &oidc.Tokens{AccessToken: c.token, TokenType: c.kind},
			},
		}
		var open atomic.Int32
		r := tracked(t, c.url, &open)
		res, err := transport.RoundTrip(r)
		status := 0
		if res != nil {
			status = res.StatusCode
			res.Body.Close()
		}
		if (err == nil) != (res != nil) || status != c.want {
			t.Errorf("%s: status %d, error %v", name, status, err)
		}
		if n := open.Load(); n != 0 {
			t.Errorf("%s: %d bodies are not closed", name, n)
		}
		if len(r.Header) != 0 {
			t.Errorf("%s: the request was changed: %v", name, r.Header)
		}
	}
}

// A bearer token that is valid is sent also while the provider is down.
func TestTransportNeedsNoProvider(t *testing.T) {
	t.Parallel()
	server := resourceServer(t, func(*http.Request) bool { return true })
	down := errors.New("the provider is down")
	client := &http.Client{Transport: &oidc.Transport{Resource: server.URL, Source: &oidc.TokenSource{
		Client: func(context.Context) (*oidc.Client, error) { return nil, down },
		Tokens: &oidc.Tokens{AccessToken: "a", ExpiresAt: time.Now().Add(time.Hour)},
	}}}
	res, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}
