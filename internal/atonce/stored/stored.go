// Package stored answers `token` from the store before the rest of the program is
// initialised, as package atonce tells.
package stored

import (
	"os"
	"time"

	"github.com/oidc-client/oidc-client/internal/atonce"
	"github.com/oidc-client/oidc-client/internal/session"
)

// Done is false: if a token was printed the program has ended.
var Done = answer(atonce.Read(os.Args, os.Getenv))

// answer prints the token if it is fresh. The rest of the program warns of an agent that does not
// respond.
func answer(q atonce.Question) bool {
	folder := atonce.Folder(os.Getenv)
	if q.Name == "" || folder == "" || atonce.Silent {
		return false
	}
	s, err := (&session.Files{Folder: folder}).Load(q.Name)
	if err != nil || q.IDToken && s.Unverified != "" { // the rest of the program warns of it
		return false
	}
	token, _, fresh := s.Take(session.Need{IDToken: q.IDToken}, time.Now())
	return fresh && q.Print(token, s.Tokens.TokenType)
}
