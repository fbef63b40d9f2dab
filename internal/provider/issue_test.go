package provider

import "testing"

// The redirect URI of a configuration is one that the client is registered with.
func TestLoginURI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		registered []string
		want       string
	}{
		{nil, ""},
		{[]string{"http://127.0.0.1/auth/callback"}, ""},
		{[]string{"https://app.example/cb", "http://127.0.0.1/auth/callback"}, ""},
		{[]string{"http://127.0.0.1/auth/callback", "http://127.0.0.1:9000/cb"}, "http://127.0.0.1:9000/cb"},
		{[]string{"http://127.0.0.1/cb"}, "http://127.0.0.1:5556/cb"},
		{[]string{"http://[::1]/cb"}, "http://[::1]:5556/cb"},
		{[]string{"http://localhost:8080/cb"}, "http://localhost:8080/cb"},
		{[]string{"http://localhost/cb"}, "http://localhost/cb"},
		{[]string{"https://app.example/cb", "http://127.0.0.1:9000/cb"}, "http://127.0.0.1:9000/cb"},
		{[]string{"https://app.example/cb"}, "https://app.example/cb"},
		{[]string{"com.example.app:/cb"}, "com.example.app:/cb"},
	} {
		if got := (Client{RedirectURIs: c.registered}).loginURI(); got != c.want {
			t.Errorf("%v: %q, want %q", c.registered, got, c.want)
		}
	}
}
