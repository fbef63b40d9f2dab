// end-session: OpenID Connect RP-Initiated Logout 1.0.

package cli

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/flow"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// endSessionOptions are the flags of end-session.
type endSessionOptions struct {
	client                            clientFlags
	browser                           browserOptions
	token, session, redirectURI, hint string
	noRedirect                        bool
	params                            []string
}

const (
	loggedOutPath = "/logout/callback"
	nobodyLogsOut = "log out here: there is no display to open a browser on, and no terminal"
)

func endSessionCommand(p *program) *cobra.Command {
	var o endSessionOptions
	cmd := &cobra.Command{
		Use:   "end-session",
		Short: "Log the user out at the provider, through the browser",
		Long: `Log the user out at the provider, through the browser

The session at the provider is the browser's, and only the browser can end it. It
comes back to the loopback address, http://127.0.0.1:PORT/logout/callback, if the
client registered that as a post_logout_redirect_uri; --no-redirect does without.

--session takes the ID Token and the configuration of a session. Its other tokens may
outlive the login: sessions logout ends those.`,
		Example: `  oidc-client end-session -c config.yaml --token @id-token
  oidc-client end-session --session work
  oidc-client end-session -c config.yaml --no-redirect`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return endSession(p.run, cmd, &o) },
	}
	o.client.anonymous = true
	o.client.add(cmd, providerFlags, []string{"client-id"})
	f := cmd.Flags()
	o.browser.add(f)
	f.StringVar(&o.token, "token", "",
		"ID Token of the session (id_token_hint), which may be expired (- reads standard input, @FILE a file; or "+
			"OIDC_ID_TOKEN)")
	f.StringVar(&o.session, "session", "", "`name` of the session whose ID Token and configuration are used")
	f.StringVar(&o.redirectURI, "post-logout-redirect-uri", "",
		"where the browser comes back (default http://127.0.0.1:PORT"+loggedOutPath+")")
	f.StringVar(&o.hint, "logout-hint", "", "logout_hint: who is to be logged out")
	f.BoolVar(&o.noRedirect, "no-redirect", false, "do not wait for the browser to come back")
	addParams(f, &o.params, "")
	does(cmd, showsRequests, showsRules)
	return cmd
}

func endSession(r *run.Run, cmd *cobra.Command, o *endSessionOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	token, cfg, client, err := whoLeaves(ctx, r, cmd, o)
	if err != nil {
		return err
	}
	req := oidc.EndSessionRequest{IDTokenHint: token, Params: url.Values{}}
	if o.hint != "" {
		req.Params.Set("logout_hint", o.hint)
	}
	err = parameters(o.params, func(name string) bool { return req.Params.Has(name) },
		func(name, value string) { req.Params.Add(name, value) })
	if err != nil {
		return err
	}
	if o.noRedirect {
		err = leaveAtProvider(ctx, r, client, req, o)
	} else {
		err = logOut(ctx, r, client, cfg, req, o)
	}
	if err == nil && o.session != "" {
		r.Inform("session %s is still stored here; `oidc-client sessions logout %s` revokes its tokens and deletes it",
			o.session, o.session)
	}
	return err
}

// whoLeaves is the ID Token that was given, "" if none was, or that of a session, and the
// client that goes with it.
func whoLeaves(ctx context.Context, r *run.Run, cmd *cobra.Command,
	o *endSessionOptions,
) (string, *connect.Setup, *connect.Client, error) {
	if o.session == "" {
		token, err := r.Input.Token(ctx, "token", o.token, "OIDC_ID_TOKEN")
		if err != nil {
			return "", nil, nil, err
		}
		cfg, client, err := clientFor(ctx, r, cmd, &o.client, "end_session_endpoint")
		return token, cfg, client, err
	}
	if err := sessionOnly(cmd, o.token); err != nil {
		return "", nil, nil, err
	}
	keeper, there, err := existingSession(r, []string{o.session})
	if err != nil {
		return "", nil, nil, err
	}
	s, cfg, err := opened(ctx, r, keeper, there.Name, there.Name+" --id-token")
	if err != nil {
		return "", nil, nil, err
	}
	client, err := cfg.Client(ctx, r, "", nil, "end_session_endpoint")
	if err != nil {
		return "", nil, nil, err
	}
	token := s.VerifiedIDToken()
	if token == "" {
		r.Warn("session %s has no ID Token, so the logout is requested without id_token_hint: the provider may not "+
			"know who is to be logged out, or ask the user", s.Name)
	}
	return token, cfg, client, nil
}

// leaveAtProvider leads the browser away and does not wait for it to come back. The ID Token
// in the request is for the browser only: it is in no argv, and not shown.
func leaveAtProvider(ctx context.Context, r *run.Run, client *connect.Client, req oidc.EndSessionRequest,
	o *endSessionOptions,
) error {
	logout, err := client.EndSession(ctx, req)
	if err != nil {
		return err
	}
	place, err := o.browser.place(loggedOutPath)
	if err != nil {
		return err
	}
	gone := make(chan struct{})
	var once sync.Once
	place.Secret, place.Mine = true, func(url.Values) bool { return false }
	place.Start = startOnce(r, req.IDTokenHint, func() string {
		once.Do(func() { close(gone) })
		return logoutURL(r, logout)
	})
	listener, err := loopback.Listen(place)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // what it delivers is only a redirect
	r.Inform("Go to %s", listener.StartURL())
	opened := openBrowser(ctx, r, &o.browser, listener.StartURL())
	if err := unattended(r, &o.browser, opened, nobodyLogsOut, false); err != nil {
		return err
	}
	select {
	case <-gone:
	case <-ctx.Done():
		return waitFor(ctx, "the browser to go to the logout", context.Cause(ctx))
	}
	r.Note("end_session", map[string]any{"came_back": false})
	r.Inform("the browser is on its way to the provider; whether it logged out there is not known (--no-redirect)")
	return nil
}

// logoutURL is where the browser is led to, which is recorded.
func logoutURL(r *run.Run, logout *oidc.Logout) string {
	r.Recorder.Browsed(transcript.BrowserRequest{Endpoint: transcript.LogoutRequest, URL: logout.URL, At: time.Now()})
	return logout.URL
}

// startOnce leads a browser away one time if the ID Token is in where it leads to: the address that
// leads there is in the argv of the browser, which others on this machine can read.
func startOnce(r *run.Run, token string, where func() string) func(context.Context) (string, error) {
	var visits atomic.Int64
	return func(context.Context) (string, error) {
		switch n := visits.Add(1); {
		case n == 1 || token == "":
			return where(), nil
		case n == 2:
			r.Warn("the address was opened twice, and leads nowhere any more: if it was not you both times, somebody " +
				"else on this machine has the ID Token")
		}
		return "", errors.New("it was opened before")
	}
}

// logOut sends the browser away, waits for it, and judges how it comes back. What
// has another state is not from this logout: it is told, and the wait goes on.
func logOut(ctx context.Context, r *run.Run, client *connect.Client, cfg *connect.Setup, req oidc.EndSessionRequest,
	o *endSessionOptions,
) error {
	place, err := o.browser.place(loggedOutPath)
	if err != nil {
		return err
	}
	if req.PostLogoutRedirectURI = o.redirectURI; req.PostLogoutRedirectURI == "" {
		req.PostLogoutRedirectURI = cfg.PostLogoutRedirectURI
	}
	if uri := req.PostLogoutRedirectURI; uri != "" {
		if own, ok := loopback.Place(uri); ok {
			place.Host, place.Port, place.Path = own.Host, own.Port, own.Path
		} else if u, err := url.Parse(uri); err == nil {
			place.ProxiedHost, place.ProxiedPath = u.Host, loopback.Path(u)
		}
	}
	ready := make(chan struct{}) // the logout, whose redirect URI has the listener's port
	var logout *oidc.Logout
	place.Secret = true
	place.Misdirected = func(host, own string) { r.Warn("%s", flow.Misdirected(host, own)) }
	place.Start = startOnce(r, req.IDTokenHint, func() string { <-ready; return logoutURL(r, logout) })
	var strange atomic.Int64
	place.Mine = func(values url.Values) bool {
		<-ready
		mine := values.Get("state") == logout.State
		if !mine && strange.Add(1) <= limit.Strange {
			r.Warn("the browser came to %s without the state of this logout; the wait goes on", place.Path)
		}
		return mine
	}
	listener, err := loopback.Listen(place)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // what it delivers is only a page
	if req.PostLogoutRedirectURI == "" {
		req.PostLogoutRedirectURI = listener.URL(place.Path)
	}
	logout, err = client.EndSession(ctx, req)
	if err != nil {
		return err
	}
	close(ready)
	r.Inform("Go to %s", listener.StartURL())
	opened := openBrowser(ctx, r, &o.browser, listener.StartURL())
	if err := unattended(r, &o.browser, opened, nobodyLogsOut, false); err != nil {
		return err
	}
	visit, err := listener.Wait(ctx)
	if err != nil {
		err = waitFor(ctx, "the browser to come back from the logout", err)
		if wait, waited := errors.AsType[*failure.WaitError](err); waited {
			wait.Hint = "if the browser shows an error, it is the provider's: register " + req.PostLogoutRedirectURI +
				" as post-logout redirect URI, or leave the way back out with --no-redirect"
		}
		return err
	}
	r.Recorder.Browsed(transcript.BrowserRequest{
		Endpoint: transcript.LogoutResponse, Via: transcript.ViaQuery, URL: req.PostLogoutRedirectURI,
		Parameters: visit.Values, At: time.Now(),
	})
	err = client.VerifyLogoutResponse(logout, visit.Values)
	r.FoundBeside(logout.Checks)
	r.Note("end_session", map[string]any{"came_back": true})
	if err == nil {
		r.Inform("the browser came back: the session at the provider has ended")
	}
	visit.Show(loggedOutPage(r, err))
	r.Explain()
	return err
}

func loggedOutPage(r *run.Run, err error) loopback.Page {
	if err != nil {
		return loopback.Page{
			Title: "This is not the answer",
			Text:  "The browser came back, but not from this logout. The terminal tells more.", Bad: true,
			Lines: landingLines(r, ""),
		}
	}
	return loopback.Page{
		Title: "You are logged out", Text: "You can close this page and go back to the terminal.",
		Lines: landingLines(r, ""),
	}
}
