// How the errors of sessions are reported.

package session

import (
	"errors"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// Failure implements [failure.Described].
func (e *WaitError) Failure() failure.Failure {
	return failure.Failure{Kind: failure.KindInteraction, Code: "session_busy"}
}

// Failure implements [failure.Described].
func (e *SealError) Failure() failure.Failure {
	hint := "unlock the keyring and try again; nothing was sent. " +
		"OIDC_KEYRING=off keeps new sessions in files that only you can read, without a keyring"
	if errors.Is(e.Err, ErrNoKeyring) {
		hint = "nothing was sent. Where there is no keyring, OIDC_KEYRING=off keeps new sessions in files " +
			"that only you can read; what was encrypted elsewhere takes a new login"
	}
	return failure.Failure{Kind: failure.KindInteraction, Code: "keyring", Hint: hint}
}

// ErrNoKeyring says that there is no system keyring here, locked or not.
var ErrNoKeyring = errors.New("there is none here (no session bus; DBUS_SESSION_BUS_ADDRESS names one)")

// Advice says what to do about a session in a state, "" if nothing has to be
// done.
func (s *Session) Advice(state State) string {
	name := s.Name
	if state == Withheld && !s.Renewable {
		return "log in again; --explain shows every rule that the login breaks"
	}
	switch state {
	case Spent:
		return "log in again with --save " + name + "; or `oidc-client sessions refresh " + name + " --retry` " +
			"sends the refresh token once more, which ends the session if it was spent and the provider " +
			"rotates refresh tokens"
	case Refused, Ended:
		return "log in again: `oidc-client login --save " + name + "` with the same configuration, " +
			"or `oidc-client token " + name + " --login` on a terminal"
	case Withheld:
		return "`oidc-client sessions refresh " + name + " --explain` gets new tokens and shows every rule; " +
			"log in again if it was the login that did not verify"
	case Fresh, Expired, Renewing:
	}
	return ""
}
