// Client-Initiated Backchannel Authentication, OpenID Connect CIBA Core 1.0: the
// user is asked somewhere else, here on a page, or agrees by itself.

package provider

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

const (
	cibaPage     = "/ciba"
	whoSaysNo    = "mallory" // the login_hint that is denied by an automatic provider
	maxMessage   = 64        // of a binding_message, in characters
	approveAfter = time.Second
	pollInterval = 5 * time.Second
)

func (o Options) pollInterval() time.Duration {
	if o.PollInterval != 0 {
		return o.PollInterval
	}
	return pollInterval
}

// pollSeconds is the interval as it is told to clients: in whole seconds.
func (o Options) pollSeconds() int {
	return max(1, int((o.pollInterval()+time.Second-1)/time.Second))
}

// A cibaEndpoint serves clients that have a user asked elsewhere, and asks.
type cibaEndpoint struct{ *Provider }

func (e cibaEndpoint) settings() []oidcprovider.Option {
	algorithms := e.options.clientSignatures()
	return []oidcprovider.Option{
		oidcprovider.WithCIBAGrant(e.store, goidc.CIBADeliveryModePoll, goidc.CIBADeliveryModePing),
		oidcprovider.WithCIBASessionHandler(e.startCIBA),
		oidcprovider.WithCIBAJAR(algorithms[0], algorithms[1:]...),
		oidcprovider.WithCIBAPollingInterval(e.options.pollSeconds()),
		oidcprovider.WithCIBALifetime(120),
		oidcprovider.WithHTTPClientFunc(func(context.Context) *http.Client { return e.options.httpClient() }),
	}
}

// startCIBA looks at an authentication request and finds its user.
func (e cibaEndpoint) startCIBA(_ context.Context, as *goidc.AuthnSession, _ *goidc.Client) error {
	if !has(as.Scopes, "openid") {
		return goidc.NewError(goidc.ErrorCodeInvalidScope, "the scope openid is missing")
	}
	unreadable := func(r rune) bool { return !unicode.IsPrint(r) }
	if utf8.RuneCountInString(as.BindingMessage) > maxMessage || strings.ContainsFunc(as.BindingMessage, unreadable) {
		return goidc.NewError(goidc.ErrorCodeInvalidBindingMessage,
			"the binding_message is too long, or cannot be shown")
	}
	if as.LoginHintToken != "" {
		return goidc.NewError(goidc.ErrorCodeInvalidRequest, "a login_hint_token is not understood: use login_hint")
	}
	if as.RequestedExpiry != nil && (*as.RequestedExpiry < 1 || *as.RequestedExpiry > 3600) {
		return goidc.NewError(goidc.ErrorCodeInvalidRequest, "the requested_expiry is not between 1 and 3600")
	}
	name := as.LoginHint
	if as.IDTokenHint != "" {
		name = e.users.of(text(as.IDTokenHintClaims["sub"])).Name
	}
	if _, ok := e.users[name]; !ok && (name != whoSaysNo || !e.options.Auto) {
		return goidc.NewError(goidc.ErrorCodeUnknownUserID, "there is no such user")
	}
	as.Username = name
	return nil
}

// askUser has the user of an automatic provider answer a request after a while,
// and shows the page where others do.
func (e cibaEndpoint) askUser(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bc-authorize":
			res := responseOf(next, r)
			m, ok := DecodeObject(res.Body)
			if id := text(m["auth_req_id"]); ok && res.OK() && e.options.Auto {
				after := e.options.ApproveAfter
				if after == 0 {
					after = approveAfter
				}
				time.AfterFunc(after, func() { e.decide(id, "") })
			}
			res.Send(w)
		case cibaPage:
			e.showCIBA(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// decide grants or denies a request, and notifies the client.
func (e cibaEndpoint) decide(authReqID, deny string) {
	ctx := context.Background()
	as, err := e.store.SessionByAuthReqID(ctx, authReqID)
	if err != nil || as.Status != goidc.StatusPending {
		return
	}
	u, ok := e.users[as.Username]
	if ok && deny == "" {
		_, err = e.finish(as, u, nil)
	}
	if ok && deny == "" && err == nil {
		if err = e.store.SaveSession(ctx, as); err == nil {
			err = e.library.GrantCIBARequest(ctx, authReqID)
		}
	} else {
		err = e.library.DenyCIBARequest(ctx, authReqID, goidc.NewError(goidc.ErrorCodeAccessDenied, "the user said no"))
	}
	if err != nil {
		e.options.report(context.WithValue(ctx, endpointKey{}, "/bc-authorize"), err)
	}
}

// showCIBA shows the requests that wait for an answer, and takes answers.
func (e cibaEndpoint) showCIBA(w http.ResponseWriter, r *http.Request) {
	page := struct {
		Requests []goidc.AuthnSession
		Error    string
	}{}
	if r.Method == http.MethodPost {
		as, err := e.store.session(func(as *goidc.AuthnSession) bool {
			return as.AuthReqID != "" && as.ID == r.PostFormValue("id")
		})
		if err == nil && r.PostFormValue("username") == as.Username && e.users.rightPassword(r) {
			e.decide(as.AuthReqID, r.PostFormValue("deny"))
			_ = show(w, http.StatusOK, "message", message{Title: "Done."}) // a browser that hung up is no error here
			return
		}
		page.Error = "Wrong user name or password."
	}
	page.Requests = e.store.waiting()
	_ = show(w, http.StatusOK, "ciba", page)
}

// waiting returns the CIBA requests that nobody has answered, the newest last.
func (s *store) waiting() []goidc.AuthnSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []goidc.AuthnSession
	for _, as := range s.sessions {
		if as.AuthReqID != "" && as.Status == goidc.StatusPending && int64(as.ExpiresAt) > time.Now().Unix() {
			all = append(all, as)
		}
	}
	slices.SortFunc(all, func(a, b goidc.AuthnSession) int { return a.CreatedAt - b.CreatedAt })
	return all
}

// SessionByAuthReqID returns the session of a CIBA request, and slow_down to a
// client that polls too fast.
func (s *store) SessionByAuthReqID(ctx context.Context, id string) (*goidc.AuthnSession, error) {
	as, err := s.session(func(as *goidc.AuthnSession) bool { return id != "" && as.AuthReqID == id })
	if err != nil || endpointOf(ctx) != "/token" {
		return as, err
	}
	return as, s.poll(id)
}

// GrantByAuthReqID returns the grant of a CIBA request.
func (s *store) GrantByAuthReqID(_ context.Context, id string) (*goidc.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(s.byRequest[id])
}
