package provider

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A relying party that looks at nothing: it takes what looks like a token and
// goes on.
type credulous struct {
	t     *testing.T
	http  *http.Client
	op    *Provider
	token string
}

func (c credulous) ask(r *http.Request) map[string]any {
	res, err := c.http.Do(r)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	m := map[string]any{}
	_ = json.Unmarshal(data, &m) // whatever it is
	return m
}

func (c credulous) get(address, token string) map[string]any {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if token != "" {
		r.Header["Authorization"] = []string{"Bearer " + strings.Map(visibleOnly, token)}
	}
	return c.ask(r)
}

func visibleOnly(r rune) rune {
	if r > ' ' && r < 0x7F {
		return r
	}
	return -1
}

// run goes through the whole refresh, whatever it is told.
func (c credulous) run() {
	c.get(c.op.Issuer+"/.well-known/openid-configuration", "")
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.token}, "client_id": {"public"}}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.op.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	tokens := c.ask(r)
	c.get(c.op.Issuer+"/jwks", "")
	access, _ := tokens["access_token"].(string)
	c.get(c.op.Issuer+"/userinfo", access)
}

// testKey is an RSA key to sign with, so that not every provider makes one.
var testKey = sync.OnceValue(func() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(generate(2048))
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
})

// Whoever takes everything is found out at every fault that shows, and only
// praised where there is nothing to refuse.
func TestJudgeFindsTheCredulous(t *testing.T) {
	t.Parallel()
	for _, f := range Faults() {
		if strings.HasPrefix(f.Name, "authorization-") {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *Options) { o.SigningKey = testKey() })
			token, err := p.op.IssueRefreshToken("public", "alice", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := p.op.Misbehave(f.Name); err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Timeout: time.Second}
			credulous{t, client, p.op, token}.run()
			v := p.op.Judge()
			if want := f.Accept || f.Unseen; v.Right != want && !strings.Contains(f.Name, "redirect") {
				t.Errorf("right: %v; %+v", v.Right, v)
			}
			if strings.Contains(f.Name, "redirect-3") && (v.Right || !slices.Contains(v.After, "bait")) {
				t.Errorf("it followed a redirect: %+v", v)
			}
			if _, spoilt := p.op.Quiet(); !spoilt {
				t.Error("no spoilt answer was given")
			}
		})
	}
}

// Nobody who never came, or asks for keys without end, did right.
func TestJudgeOfTheAbsentAndTheGreedy(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	if err := p.op.Misbehave("id-token-kid-unknown"); err != nil {
		t.Fatal(err)
	}
	if v := p.op.Judge(); v.Right || v.Did != "did_not_come" {
		t.Errorf("%+v", v)
	}
	if err := p.op.Misbehave("keys-none"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p.get(p.op.Issuer+"/jwks", "")
	}
	if v := p.op.Judge(); v.Right {
		t.Errorf("three times for the keys: %+v", v)
	}
	if p.op.Misbehave("no-such-fault") == nil {
		t.Error("an unknown fault was taken")
	}
	if _, err := Start(Options{Faults: []string{"no-such-fault"}}); err == nil {
		t.Error("an unknown fault was taken at the start")
	}
}
