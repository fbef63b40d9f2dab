// Package atonce prints a fresh token of a session before the rest of the program is
// initialised.
//
// A program that speaks OpenID Connect links a hundred packages, whose initialisation
// alone takes twice as long as an empty program runs, and `token` is run by every kubectl,
// git and curl. Go initialises packages in the order of their import paths, each after
// those that it imports (The Go Programming Language Specification, "Program
// initialization"): this one imports next to nothing, so that most others are still to
// come, and never do. bench/ measures what that saves; a test sees that it stays so.
//
// What it cannot do at once, such as to renew a session, to explain an error or to read any
// other flag, it leaves to the rest of the program.
package atonce

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
)

// Done is false: if the token was printed the program has ended. It is a variable so that
// its initialisation does the work.
var Done = run(os.Args, os.Getenv, os.Stdout)

func run(args []string, getenv func(string) string, stdout *os.File) bool {
	q, ok := parse(args, getenv)
	if !ok {
		return false
	}
	text, ok := q.fromAgent(getenv)
	if !ok {
		text, ok = q.fromStore(getenv, time.Now())
	}
	if !ok || !printable(text) {
		return false
	}
	if q.header {
		text = Bearer(text)
	}
	if _, err := stdout.WriteString(text + "\n"); err != nil {
		return false // which is tried again, and told
	}
	os.Exit(0)
	return true
}

// A question is a command line of `token` that is simple enough.
type question struct {
	name   string
	header bool
	need   session.Need
}

func parse(args []string, getenv func(string) string) (q question, ok bool) {
	if len(args) < 2 || args[1] != "token" {
		return q, false
	}
	q.name = getenv("OIDC_SESSION")
	named := false
	for _, arg := range args[2:] {
		switch {
		case arg == "--id-token":
			q.need.IDToken = true
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

// fromStore reads the token where sessions are kept.
func (q question) fromStore(getenv func(string) string, now time.Time) (string, bool) {
	folder := Folder(getenv)
	if folder == "" {
		return "", false
	}
	s, err := (&session.Files{Folder: folder}).Load(q.name)
	if err != nil {
		return "", false
	}
	token, _, fresh := s.Take(q.need, now)
	return token, fresh && (!q.header || q.need.IDToken || strings.EqualFold(s.Tokens.TokenType, "Bearer"))
}

// Bearer is the header that a token is sent in (RFC 6750 section 2.1).
func Bearer(token string) string { return "Authorization: Bearer " + token }

// printable reports whether a token can be shown as it is.
func printable(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' })
}

// Folder is where sessions are: OIDC_SESSIONS, or a folder of the user's (XDG Base
// Directory Specification); "" if neither is known.
func Folder(getenv func(string) string) string {
	if folder := getenv("OIDC_SESSIONS"); folder != "" {
		if absolute, err := filepath.Abs(folder); err == nil {
			return absolute
		}
		return ""
	}
	home := getenv("HOME")
	if home != "" {
		home = filepath.Join(home, ".local", "state")
	}
	return firstAbsolute([]string{getenv("XDG_STATE_HOME"), home, getenv("LocalAppData")}, "oidc-client", "sessions")
}

// firstAbsolute is a path below the first of the folders that is absolute, "" if none is.
func firstAbsolute(folders []string, below ...string) string {
	for _, folder := range folders {
		if filepath.IsAbs(folder) {
			return filepath.Join(folder, filepath.Join(below...))
		}
	}
	return ""
}

// Socket is where the agent listens: OIDC_AGENT_SOCK, or a folder of the user's; "" if
// neither is known.
func Socket(getenv func(string) string) string {
	if socket := getenv("OIDC_AGENT_SOCK"); socket != "" {
		return socket
	}
	if folder := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "oidc-client", "agent.sock")
	}
	if folder := Folder(getenv); folder != "" {
		return filepath.Join(filepath.Dir(folder), "agent", "agent.sock")
	}
	return ""
}
