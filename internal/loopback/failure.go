package loopback

import "github.com/oidc-client/oidc-client/internal/failure"

// Failure implements [failure.Described].
func (e *ListenError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindUsage, Message: "the browser cannot come back: " + e.Error(),
		Hint: "--port names another port, and 0 takes a free one; the redirect URI has to be registered with it, " +
			"unless the provider allows any port of the loopback address",
	}
}
