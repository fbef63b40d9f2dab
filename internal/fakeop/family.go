package fakeop

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A Family is the tokens of one login at a provider that rotates refresh tokens, and
// revokes them all if one comes twice.
type Family struct {
	op *OP

	mu       sync.Mutex
	lifetime time.Duration
	current  int
	seen     map[string]int
	asked    int
	revoked  bool
	delay    func()
}

// Unsaid is the lifetime of tokens of which the provider does not say how long they live.
const Unsaid time.Duration = -1

// Rotate makes the provider's token endpoint rotate: its tokens are refresh-N and access-N,
// and the first refresh token is refresh-0.
func (op *OP) Rotate(lifetime time.Duration) *Family {
	f := &Family{op: op, lifetime: lifetime, seen: map[string]int{}}
	op.Lock()
	defer op.Unlock()
	op.Handlers["/token"] = f.serve
	return f
}

// Delay makes the provider call wait between spending a token and its answer. nil does
// nothing.
func (f *Family) Delay(wait func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = wait
}

// Live changes how long the access tokens live that are still to come.
func (f *Family) Live(lifetime time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lifetime = lifetime
}

// Asked is how often the token endpoint was asked.
func (f *Family) Asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// Revoked reports whether a token came twice.
func (f *Family) Revoked() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revoked
}

// Seen is how often a refresh token came.
func (f *Family) Seen(token string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[token]
}

// Current is the refresh token that works, and the access token that came with it.
func (f *Family) Current() (refresh, access string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprint("refresh-", f.current), fmt.Sprint("access-", f.current)
}

func (f *Family) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	token := r.PostForm.Get("refresh_token")
	f.asked++
	f.seen[token]++
	f.revoked = f.revoked || token != fmt.Sprint("refresh-", f.current)
	if f.revoked {
		f.mu.Unlock()
		Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
			`{"error":"invalid_grant"}`)(w, r)
		return
	}
	f.current++
	answer := map[string]any{
		"access_token": fmt.Sprint("access-", f.current), "refresh_token": fmt.Sprint("refresh-", f.current),
		"token_type": "Bearer",
	}
	if f.lifetime != Unsaid {
		answer["expires_in"] = f.lifetime.Seconds()
	}
	delay := f.delay
	f.mu.Unlock()
	f.op.Lock()
	if f.op.Claims != nil {
		answer["id_token"] = Sign(f.op.Key, f.op.KID, f.op.Claims)
	}
	f.op.Unlock()
	if delay != nil {
		delay()
	}
	JSON(w, answer)
}
