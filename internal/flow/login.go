// Package flow runs what needs a person: a login through the browser, and a logout. It
// prints nothing: its caller gets what there is to show.
package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/oidc"
)

// A Login is the authorization code flow of a program on the user's machine (RFC
// 8252), or another one with a response_type of its own.
type Login struct {
	Client  *oidc.Client
	Request oidc.AuthorizationRequest // RedirectURI "" means the listener's own
	With    oidc.Login                // values that are not to be made anew, for testing providers
	Place   loopback.Options          // Host, Port and Path of the listener

	// Begun tells the person where to go: to start, which leads to the provider,
	// or, from another machine, to direct. An error says that no browser will come: it ends
	// the wait once there are no Pasted texts any more.
	Begun func(start, direct string) (unattended error)
	// Pasted are texts that the person pasted or typed: the address that the browser
	// ended on, if it is on another machine. A text may have several lines.
	Pasted <-chan string
	// Left is told of each authorization request when a browser is sent to the provider with it, or, if the
	// person went there by another way, when the response is there or the wait ends. nil is told nothing.
	Left func(login *oidc.Login, at time.Time)
	// Returned is told of each authorization response before it is judged. nil is told nothing.
	Returned func(*oidc.Login, Response)
	// Strange is told of what came and is no response to this login. nil is told
	// nothing.
	Strange func(what string)

	// Exchange judges a response and redeems it; nil means that of the Client. It is
	// where a program guards what must not be lost.
	Exchange func(context.Context, *oidc.Login, url.Values) (*oidc.Tokens, error)

	waiting
	listener *loopback.Listener
}

// waiting are the logins of a journey that may be answered.
type waiting struct {
	mu     sync.Mutex
	logins []pending // the newest last
	told   int       // how often something strange was told
}

// A pending login can be answered.
type pending struct {
	*oidc.Login
	made time.Time
	left bool // it was handed to a browser
}

// An Outcome is how one login went.
type Outcome struct {
	Login  *oidc.Login
	Tokens *oidc.Tokens // as of [oidc.Client.Exchange]
	Err    error

	Response Response // the authorization response

	visit *loopback.Visit // nil if the answer was pasted
}

// A Response is an authorization response as it reached this program.
type Response struct {
	Via        string // "query", "fragment", "form_post", or "pasted" by a person
	Parameters url.Values
	At         time.Time
}

// responseOf returns what a visit brought.
func responseOf(v *loopback.Visit) Response {
	r := Response{Via: "query", Parameters: v.Values, At: time.Now()}
	switch {
	case v.Method == "":
		r.Via = "pasted"
	case v.Fragment:
		r.Via = "fragment"
	case v.Method == http.MethodPost:
		r.Via = "form_post"
	}
	return r
}

// Show tells the person at the browser how it went, if there is one.
func (o *Outcome) Show(p loopback.Page) {
	if o.visit != nil {
		o.visit.Show(p)
	}
}

// Run opens the listener and hands each login that ends to done, until done
// reports that it was the last. The error is about the journey; that of a login is
// in its outcome.
func (l *Login) Run(ctx context.Context, done func(*Outcome) (last bool)) error {
	first, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = l.listener.Close() }() // what it delivers is only a page
	unattended := l.Begun(l.listener.StartURL(), first.URL)
	if l.Exchange == nil {
		l.Exchange = l.Client.Exchange
	}
	for {
		outcome, err := l.next(ctx, unattended)
		if err != nil {
			l.leaveUnseen(first)
			return err
		}
		if l.Returned != nil {
			l.Returned(outcome.Login, outcome.Response)
		}
		if outcome.Err == nil {
			outcome.Tokens, outcome.Err = l.Exchange(ctx, outcome.Login, outcome.visit.Values)
		}
		if done(outcome) {
			return nil
		}
	}
}

// open listens, and makes the first login: what is wrong with it shows before
// anyone is sent anywhere.
func (l *Login) open(ctx context.Context) (*oidc.Login, error) {
	l.Place.Start, l.Place.Mine = l.start, l.mine
	l.Place.Stranger = func() {
		l.strange("another user of this machine came to the listener, and was turned away; the wait goes on")
	}
	l.Place.Misdirected = func(host, own string) { l.strange(Misdirected(host, own)) }
	l.Place.Fragment = l.Request.ResponseMode == "fragment" || l.Request.ResponseMode == "fragment.jwt" ||
		l.Request.ResponseMode == "" && l.Request.ResponseType != "" && l.Request.ResponseType != "code"
	listener, err := loopback.Listen(l.Place)
	if err != nil {
		return nil, err
	}
	l.listener = listener
	if l.Request.RedirectURI == "" {
		l.Request.RedirectURI = listener.URL(l.Place.Path)
	}
	first, err := l.begin(ctx, false)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	return first, nil
}

// begin makes a login. Those before stay answerable for a while, since a browser may
// have been sent to any of them.
func (l *Login) begin(ctx context.Context, left bool) (*oidc.Login, error) {
	with := l.With
	with.Request = l.Request
	login, err := l.Client.AuthorizeWith(ctx, with)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logins = append(l.logins, pending{login, time.Now(), left})
	return login, nil
}

// start leads a browser to the provider: each to a login of its own.
func (l *Login) start(ctx context.Context) (string, error) {
	if login := l.untouched(); login != nil {
		l.leave(login, time.Now())
		return login.URL, nil
	}
	if l.crowded() {
		l.strange("another login was asked for, and so many wait for an answer already that it was not begun")
		return "", errors.New("too many logins wait for an answer")
	}
	login, err := l.begin(ctx, true)
	if err != nil {
		l.strange("another login could not begin: " + err.Error())
		return "", err
	}
	l.leave(login, time.Now())
	return login.URL, nil
}

// leave tells that a browser goes to the provider.
func (l *Login) leave(login *oidc.Login, at time.Time) {
	if l.Left != nil {
		l.Left(login, at)
	}
}

// leaveUnseen tells of the login that the person was told of, if no browser was sent to it from here: it
// may have been opened elsewhere.
func (l *Login) leaveUnseen(first *oidc.Login) {
	l.mu.Lock()
	i := slices.IndexFunc(l.logins, func(p pending) bool { return p.Login == first && !p.left })
	var made time.Time
	if i >= 0 {
		l.logins[i].left, made = true, l.logins[i].made
	}
	l.mu.Unlock()
	if i >= 0 {
		l.leave(first, made)
	}
}

// untouched hands out the newest login, if no browser was sent to it and it still
// works.
func (l *Login) untouched() *oidc.Login {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.logins) == 0 {
		return nil
	}
	newest := &l.logins[len(l.logins)-1]
	expired := !newest.ExpiresAt.IsZero() && !time.Now().Before(newest.ExpiresAt)
	if newest.left || expired {
		return nil
	}
	newest.left = true
	return newest.Login
}

// crowded forgets logins that nobody will answer any more, and reports whether there
// are too many all the same.
func (l *Login) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logins = slices.DeleteFunc(l.logins, func(p pending) bool { return time.Since(p.made) > limit.LoginAge })
	return len(l.logins) >= limit.Logins
}

// answers reports whether parameters answer one of the logins.
func (l *Login) answers(values url.Values) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.logins, func(p pending) bool { return l.Client.Matches(p.Login, values) })
}

// mine is answers, and tells of what looks like a response and is none.
func (l *Login) mine(values url.Values) bool {
	answers := l.answers(values) || l.maybeProven(values)
	if err := l.Client.Unreadable(values); err != nil && !answers {
		l.strange(fmt.Sprintf("a signed authorization response cannot be read: %v. It may or may not belong to this "+
			"login; the wait goes on. If the provider is Keycloak, turn on \"Exclude Issuer From Authentication "+
			"Response\" for the client (exclude.issuer.from.auth.response)", err))
		return false
	}
	if !answers && isResponse(values) {
		l.strange("the browser brought " + l.unproven(values))
	}
	return answers
}

// claim takes the login that parameters answer, so that no response counts twice; nil
// if there is none any more. The newest comes first: several may have one state, if
// a test sets it.
func (l *Login) claim(values url.Values) *pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range slices.Backward(l.logins) {
		if l.Client.Matches(p.Login, values) {
			l.logins = slices.Delete(l.logins, i, i+1)
			return &p
		}
	}
	return nil
}

// refused returns how the newest login ended, if a response proves that the provider refused one; nil if
// it does not, or if none waits any more.
func (l *Login) refused(ctx context.Context, visit *loopback.Visit) *Outcome {
	refusal, token := l.refusal(ctx, visit.Values)
	if refusal == nil {
		return nil
	}
	l.mu.Lock()
	n := len(l.logins)
	if n == 0 {
		l.mu.Unlock()
		return nil
	}
	newest := l.logins[n-1]
	l.logins = l.logins[:n-1]
	l.mu.Unlock()
	if !newest.left {
		l.leave(newest.Login, newest.made)
	}
	newest.Checks = append(newest.Checks, token.Checks...)
	return &Outcome{Login: newest.Login, Err: refusal, Response: responseOf(visit), visit: visit}
}

// next waits for a response, from the browser or from the person.
func (l *Login) next(ctx context.Context, unattended error) (*Outcome, error) {
	for {
		if unattended != nil && l.Pasted == nil {
			return nil, unattended
		}
		var visit *loopback.Visit
		select {
		case visit = <-l.listener.Visits():
		case line, ok := <-l.Pasted:
			if visit = l.pasted(line, ok); visit == nil {
				continue
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if p := l.claim(visit.Values); p != nil {
			if !p.left {
				l.leave(p.Login, p.made)
			}
			return &Outcome{Login: p.Login, Response: responseOf(visit), visit: visit}, nil
		}
		if l.maybeProven(visit.Values) {
			if outcome := l.refused(ctx, visit); outcome != nil {
				return outcome, nil
			}
			l.strange("the browser brought " + l.unproven(visit.Values))
		}
		visit.Show(loopback.Stray) // it came twice
	}
}

// strange tells of what came, a few times: any page can make it come.
func (l *Login) strange(what string) {
	l.mu.Lock()
	l.told++
	tell := l.Strange != nil && l.told <= limit.Strange
	l.mu.Unlock()
	if tell {
		l.Strange(what)
	}
}

// Parameters are those of an address that a browser ended on: of its query, or of its
// fragment if it has no query. The query alone will do.
func Parameters(address string) (url.Values, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not an address")
	}
	raw := u.RawQuery
	if raw == "" {
		raw = u.EscapedFragment()
	}
	if raw == "" && u.Host == "" {
		raw = strings.TrimPrefix(address, "?")
	}
	return url.ParseQuery(raw)
}
