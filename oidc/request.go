// The one round trip: every request of the package goes through send.

package oidc

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/redact"
	"github.com/oidc-client/oidc-client/internal/roundtrip"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// The names of the endpoints, in errors and in the context of requests.
const (
	discoveryEndpoint         = "discovery"
	jwksEndpoint              = "jwks"
	tokenEndpoint             = "token"
	userInfoEndpoint          = "userinfo"
	authorizationEndpoint     = "authorization"
	parEndpoint               = "pushed_authorization_request"
	deviceEndpoint            = "device_authorization"
	backchannelEndpoint       = "backchannel_authentication"
	introspectionEndpoint     = "introspection"
	revocationEndpoint        = "revocation"
	endSessionEndpoint        = "end_session"
	registrationEndpoint      = "registration"
	resourceEndpoint          = "resource"
	protectedResourceEndpoint = "protected_resource_metadata"
)

// A request is one request to an endpoint.
type request struct {
	endpoint string
	url      string
	method   string     // "" means GET, or POST if there is a form
	form     url.Values // sent as application/x-www-form-urlencoded
	body     []byte     // sent as it is, if there is no form
	header   http.Header
	limit    int64 // of the body

	// once marks a credential that works one time only. Such a request is
	// never repeated, and once it is on its way, a caller that gives up does
	// not keep its response from being read (for as long as [limit.Grace]).
	once bool

	// sending is called before the first byte of the body is read, once the
	// connection is there; an error ends the request. nil does nothing.
	sending func() error
}

// A response is an HTTP response that was read to its end.
type response struct {
	endpoint string
	url      string
	status   int
	header   http.Header
	body     []byte
	secrets  []string // of the request, which no error may repeat
}

// send makes one request and reads its whole response. It follows no redirect. It returns
// soon after the request's deadline, whatever the transport does.
// The error is a [*TransportError] or a [*ProtocolError]. What came of a response
// that broke off, or that is too long, is returned beside the error; so is any response to a
// one-time credential, since a new one may be in it.
func send(ctx context.Context, client *http.Client, r request) (*response, error) {
	if u, err := url.Parse(r.url); err != nil || !wire.Secure(u) {
		return nil, &ProtocolError{
			Endpoint: r.endpoint, URL: withoutQuery(r.url),
			Err: reason.Errorf(
				reason.EndpointURL, "the endpoint is not an https URL (http is allowed on the loopback address only)",
			),
		}
	}
	var sent atomic.Bool
	ctx, cancel := r.lifetime(ctx, client, &sent)
	defer cancel()
	fail := func(status int, err error) error {
		return &TransportError{
			Endpoint: r.endpoint, URL: withoutQuery(r.url), Status: status,
			Sent: sent.Load(), Err: cause(client, err),
		}
	}
	req, err := r.build(ctx, &sent)
	if err != nil {
		return nil, fail(0, err)
	}
	got, err := roundtrip.Do(client, req, r.most())
	cancel() // from here on nothing more is sent
	if got == nil {
		return nil, fail(0, err)
	}
	answer := &response{
		endpoint: r.endpoint, url: withoutQuery(r.url), status: got.Status, header: got.Header, body: got.Body,
		secrets: r.secrets(),
	}
	switch {
	case got.Status < http.StatusOK:
		return nil, answer.broken(reason.Errorf(
			reason.ResponseStatus, "HTTP status %d, which is no response", got.Status,
		))
	case err != nil:
		return answer, fail(got.Status, fmt.Errorf("the response broke off: %w", cause(client, err)))
	case int64(len(answer.body)) > r.limit:
		return answer, answer.broken(reason.Errorf(
			reason.ResponseSize, "the response is longer than %d bytes", r.limit,
		))
	}
	if err := answer.unavailable(); err != nil {
		if r.once {
			return answer, err
		}
		return nil, err
	}
	return answer, nil
}

// lifetime returns the context that a request is made in. It has a deadline if the caller's
// context or the HTTP client has none, and tells when the request begins to leave.
func (r request) lifetime(ctx context.Context, client *http.Client, sent *atomic.Bool) (context.Context, func()) {
	ctx = call.WithEndpoint(ctx, r.endpoint)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { sent.Store(true) },
	})
	ctx, cancel := bounded(ctx, client)
	if ctx.Err() != nil || !r.once {
		return ctx, cancel
	}
	ctx, stop := outlive(ctx, sent)
	return ctx, func() { stop(); cancel() }
}

// most is how much of the body is read: of a response that is refused as too long by a limit of
// the user's, what a one-time credential was exchanged for is kept.
func (r request) most() int64 {
	if r.once {
		return max(r.limit, limit.Body)
	}
	return r.limit
}

func (r request) build(ctx context.Context, sent *atomic.Bool) (*http.Request, error) {
	body := r.body
	if r.form != nil {
		body = []byte(r.form.Encode())
	}
	var reader io.Reader
	if body != nil {
		reader = &noticingReader{Reader: bytes.NewReader(body), ctx: ctx, read: sent, first: r.sending}
	}
	req, err := http.NewRequestWithContext(ctx, r.verb(), r.url, reader)
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(len(body))
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	// Without GetBody, which is not set for a reader that net/http does not
	// know, the transport cannot send the body a second time.
	return req, nil
}

// verb is the HTTP method.
func (r request) verb() string {
	switch {
	case r.method != "":
		return r.method
	case r.form != nil:
		return http.MethodPost
	}
	return http.MethodGet
}

// A noticingReader records that it is read from: from then on the body may be in flight,
// whatever transport reads it. Once the request has ended it gives nothing, since a transport
// that was abandoned may still read.
type noticingReader struct {
	io.Reader
	ctx   context.Context //nolint:containedctx // of the request whose body this is
	read  *atomic.Bool
	first func() error // called before the first byte is given; nil does nothing
}

func (r *noticingReader) Read(p []byte) (int, error) {
	if first := r.first; first != nil {
		r.first = nil
		if err := first(); err != nil {
			r.read.Store(false) // only the header may have left
			return 0, &roundtrip.OwnError{Err: err}
		}
	}
	before := r.read.Swap(true) // before the context is looked at: it ends before this is read
	if r.ctx.Err() != nil {
		r.read.Store(before)
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// secrets are the values of the request that no error may repeat.
func (r request) secrets() []string {
	var secrets []string
	for name, values := range r.form {
		if !slices.Contains(
			[]string{
				"grant_type", "client_id", "scope", "resource", "audience", "redirect_uri", "client_assertion_type",
			},
			name,
		) {
			secrets = append(secrets, values...)
		}
	}
	for _, value := range r.header["Authorization"] {
		_, credential, _ := strings.Cut(value, " ")
		secrets = append(secrets, credential)
		if pair, err := base64.StdEncoding.DecodeString(credential); err == nil {
			_, password, _ := strings.Cut(string(pair), ":")
			plain, _ := url.QueryUnescape(password) // as it was before RFC 6749 section 2.3.1
			secrets = append(secrets, string(pair), password, plain)
		}
	}
	return secrets
}

// bounded gives a request a deadline if neither its caller nor its HTTP client
// does.
func bounded(ctx context.Context, client *http.Client) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || client != nil && client.Timeout > 0 {
		return context.WithCancel(ctx)
	}
	return roundtrip.Within(ctx, limit.RequestMost)
}

// outlive detaches ctx from its parent's cancellation once sent is true, and
// ends it [limit.Grace] later: so long a request that carries a one-time
// credential may go on after its caller gave up, to bring the response home.
func outlive(parent context.Context, sent *atomic.Bool) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		if sent.Load() {
			select {
			case <-time.After(limit.Grace):
			case <-ctx.Done():
			}
		}
		cancel(context.Cause(parent))
	})
	return ctx, func() { stop(); cancel(nil) }
}

// cause puts in words what net/http only hints at. client is what the request was sent with.
func cause(client *http.Client, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the connection was closed without a whole response: %w", err)
	case err == context.DeadlineExceeded: //nolint:errorlint // bare, it says nothing of what was waited for
		return &roundtrip.TimeoutError{}
	case timedOut(err) && !errors.Is(err, context.DeadlineExceeded): // such as "i/o timeout" of a connection
		timeout := &roundtrip.TimeoutError{}
		if client != nil {
			timeout.After = client.Timeout
		}
		return timeout
	}
	return err
}

// timedOut reports whether an error of net or net/http is a time-out.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// broken says that the response is not one the standards allow.
func (r *response) broken(err error) error {
	return &ProtocolError{Endpoint: r.endpoint, URL: r.url, Status: r.status, Err: err}
}

// unavailable returns an error for the statuses that say "not now" and for
// redirects, whatever the endpoint.
func (r *response) unavailable() error {
	switch {
	case r.status >= 300 && r.status < 400:
		return r.broken(reason.Errorf(
			reason.ResponseRedirect, "a redirect (HTTP status %d) to %s, which is not followed", r.status,
			r.quote(withoutQuery(r.header.Get("Location")), 200),
		))
	case r.status == http.StatusTooManyRequests || r.status >= 500:
		err := fmt.Errorf("HTTP status %d%s", r.status, r.snippet())
		if refusal := r.oauthError(); refusal != nil {
			err = &unavailableError{r.status, refusal}
		}
		return &TransportError{
			Endpoint: r.endpoint, URL: r.url, Status: r.status, Sent: true,
			RetryAfter: r.header.Get("Retry-After"), Err: err,
		}
	}
	return nil
}

// An unavailableError is a status that says "not now" with the provider's own
// words.
type unavailableError struct {
	status  int
	refusal *Error
}

func (e *unavailableError) Error() string {
	text := fmt.Sprintf("HTTP status %d: %s", e.status, e.refusal.Code)
	if e.refusal.Description != "" {
		text += ": " + e.refusal.Description
	}
	return text
}

func (e *unavailableError) Unwrap() error { return e.refusal }

// mediaType returns the lower-case media type without its parameters.
func (r *response) mediaType() string {
	name, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return name
}

// object reads the body as a JSON object. One of another media type than JSON's is
// an error, and returned all the same.
func (r *response) object() (*strictjson.Object, error) {
	const mediaType = "application/json"
	o, err := strictjson.Parse(r.body)
	switch {
	case r.mediaType() != mediaType:
		return o, r.broken(reason.Errorf(reason.ResponseMediaType, "the response's Content-Type is %s, not %s%s",
			r.quote(r.header.Get("Content-Type"), 80), mediaType, r.snippet()))
	case err != nil:
		return nil, r.broken(fmt.Errorf("the response is %w", err))
	}
	return o, nil
}

// oauthError reads the body as an error object of RFC 6749 section 5.2, nil if
// it is none. Providers send it under various media types.
func (r *response) oauthError() *Error {
	e := &Error{Endpoint: r.endpoint, Status: r.status}
	if o, err := strictjson.Parse(r.body); err == nil {
		e.Code, _ = o.String("error")
		e.Description, _ = o.String("error_description")
		e.URI, _ = o.String("error_uri")
	}
	if e.Code == "" {
		return nil
	}
	return e
}

// snippet shows the start of a page of HTML, quoted: a proxy's error page says
// what happened in its first words. Anything else could hold tokens, and so
// could a page that speaks of them.
func (r *response) snippet() string {
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(r.body, nil))), " ")
	if !strings.HasPrefix(text, "<") || r.mediaType() != "text/html" {
		return ""
	}
	for _, word := range []string{"token", "secret", "code=", `name="code"`, "assertion"} {
		if strings.Contains(strings.ToLower(text), word) {
			return ""
		}
	}
	return fmt.Sprintf(" (it begins %s)", r.quote(text, 120))
}

// quote makes text of the other side fit for an error message: short, quoted,
// and without the secrets of the request, which are taken out before it is cut.
func (r *response) quote(text string, most int) string {
	var secrets []*redact.Secret
	for _, secret := range r.secrets {
		if len(secret) >= 4 {
			secrets = append(secrets, redact.New(secret, false))
		}
	}
	text = redact.Replace(text, secrets, func(*redact.Secret) string { return "[secret]" })
	if len(text) > most {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(text[:most], ""))
	}
	return fmt.Sprintf("%q", text)
}

func withoutQuery(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u.String()
}
