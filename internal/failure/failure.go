// Package failure says how an error is reported: its kind, from which the exit
// code follows, a stable code, a message, and what to do next.
//
// An error type that knows this of itself has a method Failure, see
// [Described]. [Usage] and [Config] make the two kinds that any package may
// need. The package prints nothing and decides no exit code.
package failure

import (
	"errors"
	"fmt"
)

// A Kind is the class of a failure. The exit code follows from it.
type Kind string

// The kinds of failures.
const (
	KindUsage        Kind = "usage"        // the command line is wrong
	KindConfig       Kind = "config"       // the configuration is wrong
	KindProvider     Kind = "provider"     // the provider sent an OAuth error
	KindProtocol     Kind = "protocol"     // a response breaks the protocol
	KindNetwork      Kind = "network"      // there is no usable response
	KindVerification Kind = "verification" // a token or response breaks a MUST rule
	KindInteraction  Kind = "interaction"  // a person has to do something
	KindInternal     Kind = "internal"     // a bug, or a result that could not be written
)

// A Failure is why a command did not do what it was asked to. It is the member
// error of the JSON document.
type Failure struct {
	Kind    Kind   `json:"kind"`
	Code    string `json:"code,omitempty"` // the provider's error code, or the id of the broken rule
	Message string `json:"message"`
	// replaces Message where the evidence stands below it; "" means Message
	Headline    string `json:"-"`
	Description string `json:"description,omitempty"` // the provider's error_description
	Hint        string `json:"hint,omitempty"`        // one advice a line
	HTTPStatus  int    `json:"http_status,omitempty"`
	Endpoint    string `json:"endpoint,omitempty"`
}

// Described is implemented by errors that know how they are reported. A
// Message of "" means the error's own text.
type Described interface {
	error
	Failure() Failure
}

// Of returns how err is reported, if it or an error that it wraps is
// [Described]. The outermost one decides.
func Of(err error) (f Failure, ok bool) {
	var described Described
	if !errors.As(err, &described) {
		return Failure{}, false
	}
	return described.Failure(), true
}

// An Error is an error of a kind, with advice.
type Error struct {
	Kind Kind
	Hint string

	err error
}

// Error returns the message.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what the message was made of with %w, if anything.
func (e *Error) Unwrap() error { return errors.Unwrap(e.err) }

// Failure implements [Described].
func (e *Error) Failure() Failure {
	var wait *WaitError
	if errors.As(e.err, &wait) {
		return wait.Failure()
	}
	return Failure{Kind: e.Kind, Hint: e.Hint}
}

// Try returns the error with advice on what to do about it.
func (e *Error) Try(hint string) error {
	e.Hint = hint
	return e
}

// Errorf makes an error of a kind. The format is that of [fmt.Errorf].
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, err: fmt.Errorf(format, args...)}
}

// Usage makes an error about the command line. The format is that of
// [fmt.Errorf].
func Usage(format string, args ...any) *Error { return Errorf(KindUsage, format, args...) }

// Config makes an error about the configuration, or a file that it names,
// that only shows when it is used.
func Config(format string, args ...any) *Error { return Errorf(KindConfig, format, args...) }

// Interrupted is the code of a command that a signal ended.
const Interrupted = "interrupted"

// A WaitError says that a wait for a person, a pipe or another run ended
// without it. Nothing was sent. It outweighs the complaint about a flag or key
// that it is wrapped in: nothing is wrong with them.
type WaitError struct {
	For   string // what was waited for
	Cause error
	Hint  string // what may have kept it from coming, "" if that is not known
}

// Error says what was waited for, and why the wait ended.
func (e *WaitError) Error() string { return "waiting for " + e.For + ": " + e.Cause.Error() }

// Unwrap returns why the wait ended.
func (e *WaitError) Unwrap() error { return e.Cause }

// Failure implements [Described].
func (e *WaitError) Failure() Failure { return Failure{Kind: KindInteraction, Hint: e.Hint} }
