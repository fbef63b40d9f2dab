// The tokens that are at hand: in the agent, or in the file of a session.

package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/execcredential"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A question is a command line that is simple enough.
type question struct {
	name       string // of the session
	idToken    bool
	header     bool // print the token in its header
	kubernetes bool // print the token in an ExecCredential
}

// A token is what answers a question.
type token struct {
	text, kind string    // kind is its token type
	expires    time.Time // zero if nobody knows
}

// parse reads a command line. ok is false for one that oidc-client has to read.
func parse(args []string, getenv func(string) string) (q question, ok bool) {
	if len(args) > 0 && args[0] == "helper" {
		return parseHelper(args[1:])
	}
	q.name = getenv("OIDC_SESSION")
	named := false
	for _, arg := range args {
		switch {
		case arg == "--id-token":
			q.idToken = true
		case arg == "--header":
			q.header = true
		case strings.HasPrefix(arg, "-") || named:
			return q, false
		default:
			q.name, named = arg, true
		}
	}
	return q, session.CheckName(q.name) == nil
}

func parseHelper(args []string) (q question, ok bool) {
	if len(args) == 0 || args[0] != "kubernetes" {
		return q, false
	}
	q.kubernetes, q.idToken = true, true
	for _, arg := range args[1:] {
		switch {
		case arg == "--access-token":
			q.idToken = false
		case arg == "--login": // only if the token is not fresh
		case strings.HasPrefix(arg, "-") || q.name != "":
			return q, false
		default:
			q.name = arg
		}
	}
	return q, session.CheckName(q.name) == nil
}

// answer returns what oidc-client would print. ok is false if it would do more
// than that, such as refresh the session, warn or fail.
func answer(args []string, getenv func(string) string) (text string, ok bool) {
	q, ok := parse(args, getenv)
	folder := place.Sessions(getenv)
	if !ok || folder == "" || !validSwitch(getenv("OIDC_NO_CACHE")) {
		return "", false
	}
	t, err := fromAgent(q, getenv)
	if errors.Is(err, session.ErrNoSession) {
		t, err = fromFile(q, folder)
	}
	if err != nil || !q.takes(t) {
		return "", false
	}
	return q.print(t, getenv)
}

// validSwitch reports whether oidc-client accepts the value of a variable that
// is true or false.
func validSwitch(value string) bool {
	_, err := strconv.ParseBool(value)
	return value == "" || err == nil
}

// errNotAtHand says that oidc-client has to look.
var errNotAtHand = errors.New("no fresh token is at hand")

// fromFile returns a fresh token from the file of a session.
func fromFile(q question, folder string) (token, error) {
	s, err := (&session.Files{Folder: folder}).Load(q.name)
	if err != nil {
		return token{}, err
	}
	text, expires, fresh := s.Take(session.Need{IDToken: q.idToken}, time.Now())
	if !fresh || q.idToken && s.Unverified != "" { // oidc-client warns of it
		return token{}, errNotAtHand
	}
	return token{text, s.Tokens.TokenType, expires}, nil
}

// takes reports whether a token can be printed as it is asked for. A token that
// is bound to a key is refused in a header, and to kubectl.
func (q question) takes(t token) bool {
	odd := func(c rune) bool { return c < ' ' || c > '~' }
	bearer := q.idToken || strings.EqualFold(t.kind, "Bearer")
	return t.text != "" && !strings.HasPrefix(strings.TrimSpace(t.text), "{") && !strings.ContainsFunc(t.text, odd) &&
		(bearer || !q.header && !q.kubernetes)
}

// print returns a token as it is asked for.
func (q question) print(t token, getenv func(string) string) (text string, ok bool) {
	switch {
	case q.kubernetes:
		asked, err := execcredential.Read(getenv(execcredential.InfoVariable))
		if err != nil {
			return "", false
		}
		data, err := execcredential.Marshal(asked.Version, t.text, session.AskAgain(t.expires, time.Now()))
		return string(data), err == nil
	case q.header:
		return session.Authorization(t.text) + "\n", true
	}
	return t.text + "\n", true
}
