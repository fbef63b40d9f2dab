// How the errors of a renewal are reported.

package renewal

import (
	"cmp"
	"strings"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/session"
)

// Failure implements [failure.Described].
func (e *LoginError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindInteraction, Code: "session_" + strings.ReplaceAll(string(e.State), " ", "_"),
		Hint: cmp.Or(e.Hint, e.Session.Advice(e.State),
			"the provider gives tokens that have ended, or the clock of this machine is wrong"),
	}
}

// Failure implements [failure.Described]: the provider's error, and the way on with this session.
func (e *RefusedError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindProvider, Code: e.Err.Code, Description: e.Err.Description,
		HTTPStatus: e.Err.Status, Endpoint: e.Err.Endpoint, Hint: e.Session.Advice(session.Refused),
	}
}

// Failure implements [failure.Described].
func (e *ShortError) Failure() failure.Failure {
	hint := "the provider decides how long its tokens last: ask for less with --valid-for, or not at all"
	if e.Unknown {
		hint = "ask without --valid-for; a session with a refresh token gets a new token instead"
	}
	return failure.Failure{Kind: failure.KindUsage, Code: "session_lifetime", Hint: hint}
}

// Failure implements [failure.Described].
func (e *ElsewhereError) Failure() failure.Failure {
	return failure.Failure{Kind: failure.KindNetwork}
}

// Failure implements [failure.Described].
func (e *SubjectError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindVerification, Code: "refresh.sub",
		Hint: "the provider mixed up two users: do not use what came; log in again with --save NAME --replace",
	}
}
