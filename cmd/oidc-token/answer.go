// What can be answered at once: a fresh token of a session in a file.

package main

import (
	"errors"
	"slices"
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
	header     bool // the token in its header
	kubernetes bool // the token in an ExecCredential
}

// parse reads a command line. ok is false for one that oidc-client has to read.
func parse(args []string, getenv func(string) string) (q question, ok bool) {
	if len(args) > 1 && args[0] == "helper" && args[1] == "kubernetes" {
		return parseKubernetes(args[2:])
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

func parseKubernetes(args []string) (q question, ok bool) {
	q.kubernetes, q.idToken = true, !slices.Contains(args, "--access-token")
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--access-token" })
	if len(args) != 1 {
		return q, false
	}
	q.name = args[0]
	return q, session.CheckName(q.name) == nil
}

// answer returns what is printed, if there is a fresh token that can be handed
// out without a word.
func answer(args []string, getenv func(string) string) (text string, ok bool) {
	q, ok := parse(args, getenv)
	folder := place.Sessions(getenv)
	if !ok || folder == "" || strings.Contains(folder, "://") {
		return "", false
	}
	s, err := (&session.Files{Folder: folder}).Load(q.name)
	if errors.Is(err, session.ErrNoSession) && !q.kubernetes {
		token, tokenType, ok := fromAgent(q, getenv)
		return q.print(token), ok && q.fits(token, tokenType)
	}
	if err != nil {
		return "", false
	}
	now := time.Now()
	token, expires, fresh := s.Take(session.Need{IDToken: q.idToken}, now)
	if !fresh || !q.fits(token, s.Tokens.TokenType) {
		return "", false
	}
	if !q.kubernetes {
		return q.print(token), true
	}
	version, err := execcredential.Version(getenv(execcredential.InfoVariable))
	if err != nil {
		return "", false
	}
	data, err := execcredential.Marshal(version, token, session.AskAgain(expires, now))
	return string(data), err == nil
}

// fits reports whether a token can be printed as it is asked for. One that is
// bound to a key does nothing in a header.
func (q question) fits(token, tokenType string) bool {
	odd := func(c rune) bool { return c < ' ' || c > '~' }
	bearer := q.idToken || strings.EqualFold(tokenType, "Bearer")
	return token != "" && token[0] != '{' && !strings.ContainsFunc(token, odd) && (bearer || !q.header && !q.kubernetes)
}

// print is a token as it is asked for.
func (q question) print(token string) string {
	if q.header {
		token = session.Authorization(token)
	}
	return token + "\n"
}
