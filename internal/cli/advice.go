// What this run knows that helps with an error.

package cli

import (
	"context"
	"errors"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// Failure implements [failure.Described].
func (e *noSessionError) Failure() failure.Failure {
	hint := "`oidc-client sessions list` shows what there is"
	if len(e.there) == 0 { // the name is hardly a slip
		hint = "a login keeps its tokens as a session with --save NAME, such as " +
			"`oidc-client login -c config.yaml --save work`; " + hint
	}
	return failure.Failure{Kind: failure.KindInteraction, Code: "no_session", Hint: hint}
}

// Failure implements [failure.Described].
func (e *strangerError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindInteraction, Code: "session_of_another",
		Hint: "log in as " + e.user + ", or use the resource with the other user's own session",
	}
}

// Failure implements [failure.Described].
func (e *wrongPartyError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindVerification, Code: "relying_party",
		Hint: "`oidc-client provider faults NAME` tells what a correct relying party does, and what the fault needs " +
			"to matter",
	}
}

// Failure implements [failure.Described].
func (e *unfinishedError) Failure() failure.Failure {
	f := failure.Failure{
		Kind: failure.KindInteraction,
		Hint: "a relying party has to come while the provider runs; --timeout and --settle bound the wait",
	}
	if errors.Is(e.cause, context.Canceled) {
		f.Code = failure.Interrupted
	}
	return f
}
