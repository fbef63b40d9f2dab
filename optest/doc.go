// Package optest starts an OpenID Provider in a Go test, to test a relying party: a
// client, a web application, a resource server, or the library that one is built with.
//
//	func TestLogin(t *testing.T) {
//		op := optest.Start(t)
//		app := newApp(op.Issuer, op.Clients[0].ID, op.Clients[0].Secret)
//		...
//	}
//
// The provider is a real one. It listens on a free port of 127.0.0.1 and speaks HTTP (or
// HTTPS, see [Settings]). It has discovery, keys, the authorization code flow with PKCE
// and every other response type and mode, refresh tokens that rotate, the device flow,
// CIBA, client credentials, token exchange, DPoP, UserInfo, introspection, revocation,
// logout, and dynamic client registration. It needs no network and no container, keeps
// everything in memory, and stops when the test ends. Starting one takes a few
// milliseconds, so each test can have its own. It is for tests only: it logs everybody
// in, and protects nothing.
//
// # Users and clients
//
// Without options two users can log in, alice and bob, and one confidential client is
// registered. [User] and [Client] values given to [Start] replace them. Logins are
// automatic: the provider redirects the browser straight back, with the user that
// login_hint names, or else the first one. [Settings] can turn the login form on.
//
// # Faults
//
// A relying party is only safe if it rejects what it must reject. [Fault] makes the
// provider do one thing wrong, and leaves all else right:
//
//	op := optest.Start(t, optest.Fault("id-token-iss-wrong"))
//
// The ID Token then has another issuer, and a valid signature. A correct relying party
// refuses to log anybody in. There are more than 900 faults, of metadata, keys,
// authorization responses, tokens, UserInfo, logout tokens and connections; [Faults]
// lists them, and so does docs/faults.md of this module.
//
// # What the relying party did
//
// [Provider.Requests] returns every request as it came: the parameters, the headers and
// the order are the relying party's behavior at the provider. [Provider.Judge] compares
// that with what a correct relying party does about each fault. It finds, for instance,
// that a code was redeemed although the state was wrong, or that UserInfo was requested
// with the tokens of a response that should have been rejected.
package optest
