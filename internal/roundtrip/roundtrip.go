// Package roundtrip makes single HTTP requests to servers that nobody vouches for. A request
// returns when its context ends, whatever the server sends and whatever the transport makes
// of it, and its error repeats nothing of a response that is not HTTP.
package roundtrip

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A Response is what was read of a response.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and reads the body of the response: all of it, or one byte more than
// most. It follows no redirect, and reads no body after a status below 200. If the response
// breaks off, Do returns what came of it beside the error.
//
// Do returns at the latest [limit.Abandon] after the request's context ended or the client's
// time-out ran out. A transport that has not returned by then is abandoned: what it returns
// later is closed and dropped.
func Do(client *http.Client, r *http.Request, most int64) (*Response, error) {
	c := http.Client{}
	if client != nil {
		c = *client
	}
	// Go would send the form and the headers on to wherever a 307 points.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, cancel := r.Context(), func() {}
	if c.Timeout > 0 {
		ctx, cancel = Within(ctx, c.Timeout)
		r, c.Timeout = r.WithContext(ctx), 0 // one clock, not two
	}
	defer cancel()
	got, ok := call(ctx, func() (result, func()) { return exchange(&c, r, most) })
	switch {
	case !ok:
		return nil, context.Cause(ctx)
	case got.err != nil && ctx.Err() != nil:
		return got.response, context.Cause(ctx) // of which the error is a consequence
	}
	return got.response, plain(got.err)
}

// A TimeoutError reports that a response did not arrive in time. It is a
// [context.DeadlineExceeded] in words that name the time that there was.
type TimeoutError struct {
	After time.Duration // 0 means that only the caller knows
}

func (e *TimeoutError) Error() string {
	if e.After == 0 {
		return "no response in time"
	}
	return "no response within " + e.After.String()
}

// Unwrap makes the error a time-out for those who look for one.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// Within is [context.WithTimeout] for a request: the context's cause is a [*TimeoutError].
func Within(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, after, &TimeoutError{after})
}

// A result is what an exchange came to.
type result struct {
	response *Response
	err      error
}

// exchange sends a request and reads the response. What it returns last closes the body.
func exchange(client *http.Client, r *http.Request, most int64) (result, func()) {
	res, err := client.Do(r) //nolint:bodyclose // what is returned closes it
	if err != nil {
		return result{nil, err}, func() {}
	}
	end := func() { _ = res.Body.Close() } // all that was wanted was read
	response := &Response{Status: res.StatusCode, Header: res.Header}
	if res.StatusCode < http.StatusOK {
		return result{response, nil}, end // 101: the connection itself would be the body, which nothing ends
	}
	response.Body, err = io.ReadAll(io.LimitReader(res.Body, most+1))
	return result{response, err}, end
}

// call returns the result of f, once the function that f returned with it has returned too.
// Both run in a goroutine of their own. limit.Abandon after ctx ended call waits for neither
// of them any more; ok reports whether there is a result.
//
// Go's HTTP/2 needs this: while a peer does not read, it waits in Read and in Close for a
// lock that is held by a write, and looks at no context.
func call[T any](ctx context.Context, f func() (T, func())) (value T, ok bool) {
	results, ended, expired := make(chan T, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		got, end := f()
		results <- got
		end()
	}()
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(limit.Abandon, func() { close(expired) })
	})
	defer stop()
	select {
	case <-ended:
	case <-expired:
	}
	select {
	case value = <-results:
		return value, true
	default:
		return value, false
	}
}

// plain returns err without the method and URL that net/http puts before its errors, since a
// URL can hold a secret, without the name of a function of net/http that sometimes stands there,
// and without what it quotes of a response that is not HTTP, which can hold tokens.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	const internal = "readLoopPeekFailLocked: " // of net/http, if the server ended the connection early
	if err != nil && strings.HasPrefix(err.Error(), internal) {
		err = cmp.Or(errors.Unwrap(err), err)
	}
	return Unquoted(err)
}

// An OwnError is an error of the program's own that passes through the transport. It is never
// shortened.
type OwnError struct{ Err error }

func (e *OwnError) Error() string { return e.Err.Error() }

func (e *OwnError) Unwrap() error { return e.Err }

// Unquoted returns err, or an error in its place if err may quote what a server sent instead
// of an HTTP response: net/http does, in errors without a type of their own.
func Unquoted(err error) error {
	if err == nil || errors.As(err, new(*OwnError)) {
		return err
	}
	text, _, quotes := strings.Cut(err.Error(), `"`)
	if !quotes || quotesNames(err) {
		return err
	}
	return errors.New(text + "(not shown, because it could hold secrets)")
}

// quotesNames reports whether what an error quotes are names of hosts, files and certificates.
func quotesNames(err error) bool {
	leaf := err
	for next := err; next != nil; next = errors.Unwrap(next) {
		leaf = next
	}
	kind := reflect.TypeOf(leaf)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return slices.Contains([]string{"crypto/tls", "crypto/x509", "io/fs", "net", "os", "syscall"}, kind.PkgPath())
}
