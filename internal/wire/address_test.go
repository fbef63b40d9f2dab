package wire

import "testing"

func TestSecureURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"https://op.example": true, "https://op.example:8443/a?b=c#d": true, "http://127.0.0.1:9400": true,
		"http://127.9.9.9": true, "http://[::1]:80/": true, "http://localhost": true,
		"http://LOCALHOST": false, "http://op.example": false, "http://localhost.example": false,
		"http://128.0.0.1":        false,
		"https://user@op.example": false, "https:op.example": false, "https://:443": false, "https://": false,
		"ftp://op.example": false, "/path": false, "": false, "https://op.example:port": false,
	} {
		if got := SecureURL(raw); got != want {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	}
}
