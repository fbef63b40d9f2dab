// The claim: the right to send a refresh token.

package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A Claim is the right of one process to send the refresh token of a session, and the note that it
// may have done so. Whoever stores one as a conditional write is the only one to send; nobody
// takes a claim over.
type Claim struct {
	Holder  string    `json:"holder,omitempty"`  // who has it: [Holder]
	Host    string    `json:"host,omitempty"`    // the holder's machine
	Process int       `json:"process,omitempty"` // the holder's process there
	Began   time.Time `json:"began"`
	SendBy  time.Time `json:"send_by,omitzero"`     // the token is not sent after this
	Token   string    `json:"token_hash,omitempty"` // SHA-256 of the refresh token, as base64url

	// Why is what came of it, "" if the holder has not stored that.
	Why string `json:"why,omitempty"`
}

// Holder identifies this process among all that share a store: process numbers are used again, and
// hosts have the same name in containers.
var Holder = sync.OnceValue(rand.Text)

// Begin puts a claim of this process into the session. It counts once the session is stored.
func (s *Session) Begin(now time.Time) {
	host, _ := os.Hostname() // it only tells people where to look
	s.Claim = &Claim{Holder: Holder(), Host: host, Process: os.Getpid(), Began: now, SendBy: now.Add(limit.SendBy)}
	if s.Secret != nil && s.Secret.RefreshToken != "" {
		hash := sha256.Sum256([]byte(s.Secret.RefreshToken))
		s.Claim.Token = base64.RawURLEncoding.EncodeToString(hash[:])
	}
}

// Mine reports whether this process has the claim. nil is nobody's.
func (c *Claim) Mine() bool { return c != nil && c.Holder == Holder() }

// Same reports whether two are the same claim, known to have come to the same. nil is none.
func (c *Claim) Same(d *Claim) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.Holder == d.Holder && c.Process == d.Process && c.Began.Equal(d.Began) && c.Why == d.Why
}

// String says what is known of the claim.
func (c *Claim) String() string {
	why := c.Why
	if why == "" {
		where := ""
		if host, err := os.Hostname(); err == nil && c.Host != "" && c.Host != host {
			where = " on " + c.Host
		}
		why = fmt.Sprintf("process %d%s sent it, or was about to, and has stored no response", c.Process, where)
	}
	return c.Began.UTC().Format(time.RFC3339) + ": " + why
}

// refreshBegan is the last known time of a refresh that may still be under way, zero if none is.
func (s *Session) refreshBegan() time.Time {
	switch {
	case s.Claim != nil && s.Claim.Why == "":
		return s.Claim.Began
	case s.Withheld == Unverified:
		return s.Received
	}
	for _, t := range s.Access {
		if t.Withheld == Unverified {
			return t.Received
		}
	}
	return time.Time{}
}
