// The note beside a refresh token's file: its token was sent, and no response was stored.

package keep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
)

// A spentNote is in the lock file from before a refresh token is sent until the response is
// stored. It identifies the token without holding it.
type spentNote struct {
	TokenHash string    `json:"refresh_token_sha256"`
	Sent      time.Time `json:"sent"` // or about to be
	Process   int       `json:"process"`
	Host      string    `json:"host"`
	Why       string    `json:"why,omitempty"` // what became of the request; "" if the process did not live to tell
}

func newSpentNote(token string, now time.Time) spentNote {
	hash := sha256.Sum256([]byte(token))
	host, _ := os.Hostname() // "" is no reason not to refresh
	return spentNote{
		TokenHash: hex.EncodeToString(hash[:]), Sent: now.UTC().Truncate(time.Second), Process: os.Getpid(), Host: host,
	}
}

// text is the note as the lock file holds it.
func (n spentNote) text() string {
	data, err := json.Marshal(n)
	if err != nil {
		return "?" // never; it would be read as a note that may be of any token
	}
	return string(data) + "\n"
}

// same returns why the token of n may be spent, by the text of a note that an earlier run left;
// "" if that note is of another token, or there is none. A note that cannot be read may be of any.
func (n spentNote) same(text string) string {
	var earlier spentNote
	switch {
	case text == "":
		return ""
	case json.Unmarshal([]byte(text), &earlier) != nil || earlier.TokenHash == "":
		return "the note that an earlier run left cannot be read"
	case earlier.TokenHash != n.TokenHash:
		return ""
	}
	at := earlier.Sent.Format(time.RFC3339)
	who := fmt.Sprintf("process %d on host %q sent it at %s", earlier.Process, earlier.Host, at)
	if earlier.Why == "" {
		return who + ", or was about to, and ended before it stored a response"
	}
	return who + ": " + earlier.Why
}

// A spentTokenError says that the refresh token in a file was not sent because an earlier run
// sent it and stored no response.
type spentTokenError struct{ file, why string }

func (e *spentTokenError) Error() string {
	return fmt.Sprintf("the refresh token in %s may be spent, so nothing was sent: %s", e.file, e.why)
}

// hint says what to do about it.
func (e *spentTokenError) hint() string {
	return "log in again and write the new refresh token to " + e.file + "\n" +
		"or add --retry to send this one again: " +
		"if it was spent and the provider rotates refresh tokens, the provider then ends the session"
}

// A noteKeeper keeps the note about the refresh token of a file while the token is in flight. It
// holds the lock of the file.
type noteKeeper struct {
	file  string
	lock  *durable.Held
	retry bool // send the token even if it may be spent, or no note can be kept

	mu      sync.Mutex // guards the rest: a response may arrive before the note is written
	note    spentNote
	before  string // the note that an earlier run left
	noted   bool   // the lock file has the note
	over    bool   // the request is over
	unnoted error  // why the token was sent without a note
}

// check returns an error if the token, which was read from the file, must not be sent. It runs
// before anything is sent.
func (k *noteKeeper) check(token string, now time.Time) error {
	k.note = newSpentNote(token, now)
	text, err := k.lock.Note()
	if k.before = text; k.retry {
		return nil
	}
	if err == nil {
		err = k.lock.Writable()
	}
	if err != nil {
		return k.unnotable(err)
	}
	if why := k.note.same(text); why != "" {
		return &spentTokenError{k.file, why}
	}
	return nil
}

// unnotable is the error of a token that is not sent because no note can be kept.
func (k *noteKeeper) unnotable(cause error) error {
	const what = "--refresh-token @%s: nothing was sent, because no note can be kept that the token may be spent: %v"
	return failure.Config(what, k.file, cause).
		Try("make " + k.lock.Name() + " a file that you can write to; --retry sends the token without the note")
}

// sending notes that the token may be spent, right before it leaves.
func (k *noteKeeper) sending() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.noted:
		return nil // the request is sent again, with a DPoP nonce
	case k.over:
		return errors.New("nobody waits for the response any more")
	}
	text, err := k.lock.Note()
	if why := k.note.same(text); text != k.before && why != "" { // where locks do nothing
		return &spentTokenError{k.file, why}
	}
	if err == nil {
		err = k.lock.SetNote(k.note.text())
	}
	if err != nil && !k.retry {
		return k.unnotable(err)
	}
	k.noted, k.unnoted = err == nil, err
	return nil
}

// settle brings the note up to date when the request is over: why is why the token may be spent, ""
// if it is not. noted reports whether the token was sent with a note; warning is what the user has
// to know, nil if there is nothing.
func (k *noteKeeper) settle(why string) (noted bool, warning error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	switch {
	case k.unnoted != nil:
		return false, fmt.Errorf("the refresh token was sent without a note that it may be spent: %w", k.unnoted)
	case !k.noted:
		return false, nil
	case why != "":
		k.note.Why = why
		_ = k.lock.SetNote(k.note.text()) // without the reason it says that the token may be spent, too
		return true, nil
	}
	if err := k.lock.SetNote(""); err != nil {
		const what = "the note in %s that the refresh token may be spent is outdated, but could not be cleared (%w): " +
			"if %s still has the same token, the next run needs --retry"
		warning = fmt.Errorf(what, k.lock.Name(), err, k.file)
	}
	return true, warning
}

// Failure implements [failure.Described].
func (e *spentTokenError) Failure() failure.Failure {
	return failure.Failure{Kind: failure.KindInteraction, Code: "refresh_token_may_be_spent", Hint: e.hint()}
}
