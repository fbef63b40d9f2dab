// Requests that the provider sends to clients: CIBA pings and logout tokens.

package fault

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
)

// A callTransport spoils what the provider sends to clients.
type callTransport struct {
	op   *Provider
	next http.RoundTripper
}

// RoundTrip sends a request to a client.
func (t *callTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return t.send(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_ = r.Body.Close() // it was read
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("logout_token") {
		return t.logOut(r, form)
	}
	return t.ping(r, body)
}

func (t *callTransport) send(r *http.Request) (*http.Response, error) {
	if t.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return t.next.RoundTrip(r)
}

// ping sends a notification. One that is wrong is followed by the right one: nobody
// could go on without it.
func (t *callTransport) ping(r *http.Request, body []byte) (*http.Response, error) {
	a := &answer{op: t.op, request: r, status: http.StatusOK, header: r.Header.Clone(), body: body}
	if faults := a.spoilt(cibaNotification, false); faults != nil {
		defer t.op.watch.enter()()
		seen := Request{Endpoint: cibaNotification, Method: r.Method, Faults: faults}
		if res, err := t.send(withBody(r, a.header, a.body)); err == nil {
			seen.Status = res.StatusCode
			_ = res.Body.Close() // only its status matters
		}
		t.op.watch.saw(seen, "")
	}
	return t.send(withBody(r, r.Header, body))
}

// logOut sends a logout token.
func (t *callTransport) logOut(r *http.Request, form url.Values) (*http.Response, error) {
	defer t.op.watch.enter()()
	token := form.Get("logout_token")
	a := &answer{op: t.op, request: r, status: http.StatusOK, body: encode(map[string]any{"logout_token": token})}
	a.client = text(t.op.parse(token).claims["aud"])
	seen := Request{Endpoint: backchannelLogout, Method: r.Method, Faults: a.spoilt(backchannelLogout, false)}
	m, _ := object(a.body) // made a moment ago
	form.Set("logout_token", text(m["logout_token"]))
	res, err := t.send(withBody(r, r.Header, []byte(form.Encode())))
	if err == nil {
		seen.Status = res.StatusCode
	}
	t.op.watch.saw(seen, "")
	return res, err
}

// withBody returns a request with another header and body.
func withBody(r *http.Request, header http.Header, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Header, r.Body, r.ContentLength = header, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = nil
	return r
}
