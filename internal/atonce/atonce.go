// Package atonce answers `token` from the agent before the rest of the program is
// initialised; package stored, below it, from the store.
//
// A program that speaks OpenID Connect links a hundred packages, whose initialisation
// alone takes twice as long as an empty program runs, and `token` is run by every kubectl,
// git and curl. Go initialises a package after those that it imports, and otherwise in the
// order of their import paths (The Go Programming Language Specification, "Program
// initialization"). These two import so little that most others are still to come, and
// never do. bench/ measures what that saves; a test sees that they stay so small.
//
// What cannot be done at once, such as to renew a session, to explain an error or to read
// any other flag, is left to the rest of the program.
package atonce

import (
	"bytes" // not strings, which comes later, and this package after it
	"os"
)

// Done is false: if a token was printed the program has ended. It is a variable so that
// its initialisation does the work.
var Done = Read(os.Args, os.Getenv).fromAgent(os.Getenv)

// Silent says that the agent did not respond in time: it is not to be asked again.
var Silent bool

// DockerPrefix begins the names that docker calls the program by, as its credential helper.
const DockerPrefix = "docker-credential-"

// A Question is a command line of token that is simple enough.
type Question struct {
	Name    string // of the session, "" if there is no question
	Header  bool   // the token in its header
	IDToken bool
}

// Read reads a command line. A name that may be none is a question nobody answers.
func Read(args []string, getenv func(string) string) Question {
	if len(args) < 2 || args[1] != "token" || bytes.Contains([]byte(args[0]), []byte(DockerPrefix)) {
		return Question{}
	}
	q, named := Question{Name: getenv("OIDC_SESSION")}, false
	for _, arg := range args[2:] {
		switch {
		case arg == "--id-token":
			q.IDToken = true
		case arg == "--header":
			q.Header = true
		case arg != "" && arg[0] == '-' || named:
			return Question{}
		default:
			q.Name, named = arg, true
		}
	}
	return q
}

// Print prints a token and ends the program. It returns false if that cannot be done.
func (q Question) Print(token, tokenType string) bool {
	bearer := q.IDToken || bytes.EqualFold([]byte(tokenType), []byte("Bearer"))
	if !printable(token) || q.Header && !bearer {
		return false
	}
	if q.Header {
		token = Bearer(token)
	}
	if _, err := os.Stdout.WriteString(token + "\n"); err == nil {
		os.Exit(0)
	}
	return false // the rest of the program tries again, and tells why it cannot
}

// Bearer is the header that a token is sent in (RFC 6750 section 2.1).
func Bearer(token string) string { return "Authorization: Bearer " + token }

// printable reports whether a token can be shown as it is, as wire.Valid does, which would import
// too much.
func printable(token string) bool {
	odd := func(c rune) bool { return c < ' ' || c > '~' }
	return token != "" && token[0] != '{' && !bytes.ContainsFunc([]byte(token), odd)
}

// Folder is where sessions are: OIDC_SESSIONS, or a folder of the user's (XDG Base
// Directory Specification); "" if neither is known.
func Folder(getenv func(string) string) string {
	if folder := getenv("OIDC_SESSIONS"); folder != "" {
		if here, err := os.Getwd(); err == nil && !absolute(folder) {
			return here + slash + folder
		}
		return folder
	}
	if folder := getenv("XDG_STATE_HOME"); absolute(folder) {
		return folder + slash + "oidc-client" + slash + "sessions"
	}
	if home := getenv("HOME"); absolute(home) {
		return home + slash + ".local" + slash + "state" + slash + "oidc-client" + slash + "sessions"
	}
	if folder := getenv("LocalAppData"); absolute(folder) {
		return folder + slash + "oidc-client" + slash + "sessions"
	}
	return ""
}

// FolderHeader tells an agent the folder that is meant, by its [Mark]: an agent of another
// folder has other sessions, if of the same names.
const FolderHeader = "Sessions-Folder"

// UnverifiedHeader says why the ID Token in an answer of the agent is not verified. The rest of the
// program warns of that.
const UnverifiedHeader = "Token-Unverified"

// Mark tells folders apart (FNV-1a, 64 bits).
func Mark(folder string) string {
	sum := uint64(14695981039346656037)
	for _, part := range parts(folder) {
		for _, c := range append([]byte("/"), part...) {
			sum = (sum ^ uint64(c)) * 1099511628211
		}
	}
	text := make([]byte, 16)
	for i := range text {
		text[i] = "0123456789abcdef"[sum>>(60-4*i)&15]
	}
	return string(text)
}

// parts are those of a path, as path.Clean has them, without that package.
func parts(path string) [][]byte {
	var kept [][]byte
	for part := range bytes.SplitSeq([]byte(path), []byte(slash)) {
		switch text := string(part); {
		case text == "" || text == ".":
		case text == ".." && len(kept) > 0:
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, part)
		}
	}
	return kept
}

// Socket is where the agent listens: OIDC_AGENT_SOCK, or a folder of the user's; "" if
// neither is known.
func Socket(getenv func(string) string) string {
	if socket := getenv("OIDC_AGENT_SOCK"); socket != "" {
		return socket
	}
	if folder := getenv("XDG_RUNTIME_DIR"); absolute(folder) {
		return folder + slash + "oidc-client" + slash + "agent.sock"
	}
	if folder := Folder(getenv); folder != "" {
		return folder + slash + "agent" + slash + "agent.sock"
	}
	return ""
}

const slash = string(os.PathSeparator)

// absolute is filepath.IsAbs, without that package.
func absolute(path string) bool {
	return path != "" && path[0] == '/' || slash == `\` && len(path) > 2 && path[1] == ':' && path[2] == '\\'
}
