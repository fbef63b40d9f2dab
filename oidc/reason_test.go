package oidc_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// Why there is no answer, from real errors of the network.
func TestReasonsOfTheNetwork(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	answering := func(handler http.HandlerFunc) string {
		s := httptest.NewServer(handler)
		t.Cleanup(s.Close)
		return s.URL
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, c := range map[string]struct{ issuer, want string }{
		"a name that is none":      {"https://op.invalid", "network.dns"},
		"nobody listens":           {gone.URL, "network.connect"},
		"a stranger's certificate": {untrusted.URL, "network.tls"},
		"no TLS":                   {"https" + plain.URL[len("http"):], "network.tls"},
		"closed without an answer": {
			answering(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "network.closed",
		},
		"500": {answering(fakeop.Says(500, nil, "")), "network.unavailable"},
		"429": {answering(fakeop.Says(429, nil, "")), "network.unavailable"},
		"cut off": {
			answering(fakeop.Says(200, map[string]string{"Content-Length": "100"}, "{")), "network.closed",
		},
		"404": {answering(fakeop.Says(404, nil, "")), "response.status"},
		"a redirect": {
			answering(fakeop.Says(302, map[string]string{"Location": "/x"}, "")), "response.redirect",
		},
		"an issuer that is no URL": {"ftp://op.example", "endpoint.url"},
		"another Content-Type": {
			answering(fakeop.Says(200, map[string]string{"Content-Type": "text/html"}, "{}")), "response.content_type",
		},
		"metadata of another type":  {answering(fakeop.Says(200, isJSON, `{"issuer":1}`)), "json.type"},
		"a rule that is not kept":   {answering(fakeop.Says(200, isJSON, `{}`)), "discovery.issuer_named"},
		"a member that is repeated": {answering(fakeop.Says(200, isJSON, `{"a":1,"a":1}`)), "json.duplicate_member"},
	} {
		_, err := oidc.Discovery{HTTP: &http.Client{
			Transport: &http.Transport{},
		}}.Provider(context.Background(), c.issuer)
		if got := oidc.Reason(err); got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
	for err, want := range map[error]string{
		oidc.ErrNoUserInfo: "endpoint.missing", oidc.ErrEncrypted: "jwe.key", io.EOF: "",
		&oidc.Error{Code: "invalid_grant"}: "invalid_grant", &oidc.Error{Status: 403}: "response.status",
	} {
		if got := oidc.Reason(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// Every reason that the code knows is in the list that is documented.
func TestReasonsAreListed(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../internal/reason/reason.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, r := range oidc.Reasons() {
		listed[r.ID] = r.Text != ""
	}
	constants := regexp.MustCompile(`ID = "([a-z_.0-9]+)"`).FindAllSubmatch(source, -1)
	for _, m := range constants {
		if !listed[string(m[1])] {
			t.Errorf("%s is not listed", m[1])
		}
	}
	if len(constants) < 30 || len(constants) != len(listed) {
		t.Errorf("%d constants, %d listed", len(constants), len(listed))
	}
}

// A token that is encrypted and not signed is no ID Token, also for showing.
func TestDecodeWhatIsEncryptedOnly(t *testing.T) {
	t.Parallel()
	key := fakeop.NewKey()
	private, err := json.Marshal(gojose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := oidc.ReadDecryptionKeys(private)
	if err != nil {
		t.Fatal(err)
	}
	encrypter, err := gojose.NewEncrypter(
		gojose.A128GCM, gojose.Recipient{Algorithm: gojose.ECDH_ES, Key: &key.PublicKey}, nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"sub":"u"}`: "jwe.nested", "a.b.c": "jwt.base64url", fakeop.Sign(key, "", map[string]any{"sub": "u"}): "",
	} {
		sealed, err := encrypter.Encrypt([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := sealed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		token, err := oidc.DecodeIDToken(raw, keys...)
		if got := oidc.Reason(err); got != want || (err == nil) != (want == "") {
			t.Errorf("%.20s: %v (%s)", text, err, got)
		}
		if err == nil && (token.Subject != "u" || token.Encryption == nil) {
			t.Errorf("%+v", token)
		}
		if _, err := oidc.DecodeIDToken(raw); oidc.Reason(err) != "jwe.key" {
			t.Errorf("without a key: %v", err)
		}
	}
}

// J01: a token that is by no algorithm at all makes nobody fetch keys.
func TestNoKeysAreFetchedForNoAlgorithm(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	client := f.client()
	for _, header := range []string{"eyJhbGciOiJub25lIn0", "eyJhbGciOiJYUzI1NiJ9"} { // none, XS256
		if _, err := client.VerifyIDToken(context.Background(), header+".e30.", "", oidc.Expectation{}); err == nil {
			t.Error("accepted")
		}
	}
	if f.Asked("/jwks") != 0 {
		t.Errorf("keys were fetched %d times", f.Asked("/jwks"))
	}
}
