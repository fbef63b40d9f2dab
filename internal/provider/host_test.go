package provider

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A page on the web whose name is made to mean this machine gets nothing.
func TestOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	o := Defaults()
	o.Auto, o.Registration = true, true
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	port := op.Issuer[strings.LastIndex(op.Issuer, ":"):]
	for host, want := range map[string]int{
		"127.0.0.1" + port: 200, "localhost" + port: 200, "LOCALHOST" + port: 200, "[::1]" + port: 200,
		"evil.example" + port: 421, "evil.example": 421, "127.0.0.1": 421, "localhost:1": 421,
		"127.0.0.1.evil.example" + port: 421,
		"192.0.2.1" + port:              421, "[2001:db8::1]" + port: 421, "localhost." + port: 421,
	} {
		for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, op.Issuer+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != want ||
				want != 200 && !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s%s: status %d, %s", host, path, res.StatusCode, body)
			}
		}
	}
}

// A Host header names a server with or without the port of its scheme, and by its own name.
func TestNamesServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header, server string
		want           bool
	}{
		{"op.example", "https://op.example", true},
		{"op.example:443", "https://op.example", true},
		{"OP.example", "https://op.example:443", true},
		{"op.example:80", "https://op.example", false},
		{"localhost", "https://op.example", false},
		{"localhost", "http://127.0.0.1", true},
		{"[::1]", "http://127.0.0.1:80", true},
		{"[::1]:80", "http://localhost", true},
		{"", "http://127.0.0.1:80", false},
		{"127.0.0.1", "", false},
	} {
		if got := namesServer(c.header, c.server); got != c.want {
			t.Errorf("%q for %q: %v", c.header, c.server, got)
		}
	}
}
