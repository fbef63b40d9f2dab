// Package flow has the journeys that need a person, written once: a login through
// the browser, and a logout. It prints nothing: whoever runs a journey is told
// what to tell.
package flow

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

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
	// or, from another machine, to direct.
	Begun func(start, direct string)
	// Pasted are lines that the person typed: the address that the browser ended
	// on, if it is on another machine.
	Pasted <-chan string
	// Strange is told of what came and is no answer to this login. nil is told
	// nothing.
	Strange func(what string)

	mu       sync.Mutex
	logins   []*oidc.Login // the newest last, of which any may be answered
	left     bool          // the newest was handed to a browser
	listener *loopback.Listener
}

// An Outcome is how one login went.
type Outcome struct {
	Login  *oidc.Login
	Tokens *oidc.Tokens // as of [oidc.Client.Exchange]
	Err    error

	visit *loopback.Visit // nil if the answer was pasted
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
	if err := l.open(ctx); err != nil {
		return err
	}
	defer func() { _ = l.listener.Close() }() // what it delivers is only a page
	l.Begun(l.listener.URL(loopback.StartPath), l.first())
	for {
		outcome, err := l.next(ctx)
		if err != nil {
			return err
		}
		outcome.Tokens, outcome.Err = l.Client.Exchange(ctx, outcome.Login, outcome.visit.Values)
		if done(outcome) {
			return nil
		}
	}
}

// open listens, and makes the first login: what is wrong with it shows before
// anyone is sent anywhere.
func (l *Login) open(ctx context.Context) (err error) {
	l.Place.Start, l.Place.Mine = l.start, func(values url.Values) bool { return l.answered(values) != nil }
	l.Place.Fragment = l.Request.ResponseMode == "fragment" || l.Request.ResponseMode == "fragment.jwt" ||
		l.Request.ResponseMode == "" && l.Request.ResponseType != "" && l.Request.ResponseType != "code"
	if l.listener, err = loopback.Listen(l.Place); err != nil {
		return err
	}
	if l.Request.RedirectURI == "" {
		l.Request.RedirectURI = l.listener.URL(l.Place.Path)
	}
	l.mu.Lock() // a browser may come to the start at once
	err = l.begin(ctx)
	l.mu.Unlock()
	if err != nil {
		_ = l.listener.Close()
	}
	return err
}

// first is where the first login is.
func (l *Login) first() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logins[0].URL
}

// begin makes a login, under the lock. Those before stay answerable for a while.
func (l *Login) begin(ctx context.Context) error {
	with := l.With
	with.Request = l.Request
	login, err := l.Client.AuthorizeWith(ctx, with)
	if login != nil {
		l.logins = append(l.logins, login)
		l.logins = l.logins[max(0, len(l.logins)-limit.Logins):]
	}
	l.left = false
	return err
}

// start leads a browser to the provider: each to a login of its own.
func (l *Login) start(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left || len(l.logins) == 0 {
		if err := l.begin(ctx); err != nil {
			l.strange("another login could not begin: " + err.Error())
			return "", err
		}
	}
	l.left = true
	return l.logins[len(l.logins)-1].URL, nil
}

// answered is the login that parameters answer, nil if none.
func (l *Login) answered(values url.Values) *oidc.Login {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, login := range l.logins {
		if l.Client.Answers(login, values) {
			return login
		}
	}
	return nil
}

// next waits for an answer, from the browser or from the person.
func (l *Login) next(ctx context.Context) (*Outcome, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	arrived := make(chan *loopback.Visit, 1)
	failed := make(chan error, 1)
	go func() {
		visit, err := l.listener.Wait(waiting)
		if err != nil {
			failed <- err
			return
		}
		arrived <- visit
	}()
	for {
		var visit *loopback.Visit
		select {
		case visit = <-arrived:
		case err := <-failed:
			return nil, err
		case line, ok := <-l.Pasted:
			if visit = l.pasted(line, ok); visit == nil {
				continue
			}
		}
		login := l.answered(visit.Values)
		if login == nil {
			continue // taken by an answer before it
		}
		l.forget(login)
		return &Outcome{Login: login, visit: visit}, nil
	}
}

// forget takes a login out: no answer counts twice.
func (l *Login) forget(login *oidc.Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logins = slices.DeleteFunc(l.logins, func(other *oidc.Login) bool { return other == login })
	l.left = true
}

// pasted reads an address that a person typed, nil if it is no answer.
func (l *Login) pasted(line string, ok bool) *loopback.Visit {
	if !ok {
		l.Pasted = nil // nobody types any more
		return nil
	}
	if strings.TrimSpace(line) == "" {
		return nil
	}
	values, err := Parameters(line)
	if err != nil || l.answered(values) == nil {
		l.strange("what was pasted is not the address that this login ends on: it begins with " + l.Request.RedirectURI + " and holds state")
		return nil
	}
	return &loopback.Visit{Values: values}
}

func (l *Login) strange(what string) {
	if l.Strange != nil {
		l.Strange(what)
	}
}

// Parameters are those of an address that a browser ended on: of its query and of
// its fragment, or of either alone.
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
