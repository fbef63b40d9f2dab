// Registering clients: OAuth 2.0 Dynamic Client Registration (RFC 7591), its
// management (RFC 7592), and OpenID Connect Dynamic Client Registration 1.0.

package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A Registrar registers clients at a provider.
type Registrar struct {
	Provider *Provider
	HTTP     *http.Client // sends the requests; nil means http.DefaultClient
	MaxBody  int64        // limits the responses, in bytes; 0 means 1 MiB
	Waive    []string     // names rules whose failure is recorded but is not an error

	// Received is called as soon as the response was read, before it is checked. The
	// provider sends the credentials in it only once: this is the place to make them
	// durable. An error ends the call. nil does nothing.
	Received func(*Registration) error
}

// A Registration is a client as the provider knows it (RFC 7591 section 3.2.1).
type Registration struct {
	ClientID        string
	ClientSecret    string    // "" if it has none
	SecretExpiresAt time.Time // zero if it does not expire

	// AccessToken and URI are what the registration is read, changed and deleted
	// with (RFC 7592 section 3); both are "" if that is not possible.
	AccessToken, URI string

	JSON   []byte        // as received
	Checks check.Results // of judging it
}

// Create registers a client of the metadata, a JSON object (RFC 7591 section 2).
// initialToken is what the provider asks for, "" if nothing (section 3).
//
// The error is an [*Error] if the provider refused, and otherwise a
// [*TransportError] or a [*ProtocolError], whose cause is a [*check.Error] if the
// response breaks a rule. The Registration is returned also beside an error, if there
// is one: the client exists.
func (r Registrar) Create(ctx context.Context, metadata []byte, initialToken string) (*Registration, error) {
	if r.Provider == nil {
		return nil, errors.New("oidc: a Registrar needs a Provider")
	}
	if r.Provider.RegistrationEndpoint == "" {
		return nil, &ProtocolError{Endpoint: registrationEndpoint, Err: errNoEndpoint}
	}
	return r.ask(ctx, http.MethodPost, r.Provider.RegistrationEndpoint, initialToken, metadata, Registration{})
}

// Read fetches a registration (RFC 7592 section 2.1).
func (r Registrar) Read(ctx context.Context, known Registration) (*Registration, error) {
	return r.ask(ctx, http.MethodGet, known.URI, known.AccessToken, nil, known)
}

// Update replaces a registration by the metadata, which has to hold all of it,
// client_id included (RFC 7592 section 2.2).
func (r Registrar) Update(ctx context.Context, known Registration, metadata []byte) (*Registration, error) {
	return r.ask(ctx, http.MethodPut, known.URI, known.AccessToken, metadata, known)
}

// Delete makes the provider forget a client (RFC 7592 section 2.3).
func (r Registrar) Delete(ctx context.Context, known Registration) error {
	answer, err := r.send(ctx, http.MethodDelete, known.URI, known.AccessToken, nil)
	if err != nil {
		return err
	}
	if answer.status != http.StatusNoContent && answer.status != http.StatusOK {
		return answer.refusal()
	}
	return nil
}

func (r Registrar) send(ctx context.Context, method, url, token string, body []byte) (*response, error) {
	header := http.Header{}
	if token != "" {
		if !wire.InHeader(token) {
			return nil, errors.New("oidc: the token holds characters that do not belong in a header")
		}
		header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	return send(ctx, r.HTTP, request{
		endpoint: registrationEndpoint, url: url, method: method, body: body, header: header,
		limit: orElse(r.MaxBody, limit.Body), once: true, // also a look at it may bring a new token
	})
}

// ask sends a request whose response is a registration. known is what the client
// was before.
func (r Registrar) ask(
	ctx context.Context, method, url, token string, body []byte, known Registration,
) (*Registration, error) {
	answer, err := r.send(ctx, method, url, token, body)
	if answer == nil {
		return nil, err
	}
	doc, broken := answer.registration(method, err)
	if doc == nil {
		return nil, broken
	}
	registered := registrationOf(doc, known)
	if r.Received != nil && registered.ClientID+registered.ClientSecret+registered.AccessToken != "" {
		if err := r.Received(registered); err != nil {
			return registered, err
		}
	}
	if broken != nil {
		return registered, broken
	}
	registered.Checks = check.Run(registrationRules, registrationInput{doc, known, r.Provider}, r.Waive...)
	if err := registered.Checks.Err(); err != nil {
		return registered, answer.broken(err)
	}
	return registered, nil
}

var registrationSalvager = salvager{
	members: []string{
		"client_id", "client_secret", "client_secret_expires_at", "registration_access_token",
		"registration_client_uri",
	},
	enough: func(found map[string]string, first bool) bool {
		secret := found["client_secret"] != "" || found["registration_access_token"] != ""
		return secret && (first || found["client_id"] != "")
	},
}

// registration reads the registration in a response to a request of a method, which came with
// err. Where the response is refused it returns what can be read of it all the same, since its
// secrets come one time only; that is nil if there are none.
func (r *response) registration(method string, err error) (*strictjson.Object, error) {
	want := http.StatusOK
	if method == http.MethodPost {
		want = http.StatusCreated
	}
	refused := r.status/100 != 2 || r.oauthError() != nil
	doc, broken := r.object() // of another media type it is there all the same
	switch {
	case err != nil:
		broken = err
	case refused:
		broken = r.refusal()
	case broken == nil && r.status != want:
		broken = r.broken(reason.Errorf(reason.ResponseStatus, "HTTP status %d where %d belongs", r.status, want))
	}
	if doc == nil || refused || err != nil {
		doc = registrationSalvager.salvage(r.body)
	}
	if doc != nil && refused && !doc.Has("client_id") { // it may speak of what was sent
		return nil, broken
	}
	return doc, broken
}

// registrationOf reads a registration. What it leaves out, or has of a wrong type, is
// as before; and a response about another client than the one that is known, or about
// none, changes nothing but the token that it may have brought.
func registrationOf(doc *strictjson.Object, known Registration) *Registration {
	registered := known
	take := func(name string, to *string) {
		if value, err := doc.String(name); err == nil && value != "" { // judged
			*to = value
		}
	}
	id, err := doc.String("client_id")
	if known.ClientID != "" && (err != nil || id != known.ClientID) {
		if id == "" {
			take("registration_access_token", &registered.AccessToken)
		}
		return &registered
	}
	registered.JSON = doc.Raw
	take("client_id", &registered.ClientID)
	take("client_secret", &registered.ClientSecret)
	keepSecret(doc, &registered, known.ClientSecret)
	take("registration_access_token", &registered.AccessToken)
	take("registration_client_uri", &registered.URI)
	if at, err := numericDate(doc, "client_secret_expires_at"); err == nil && doc.Has("client_secret_expires_at") {
		registered.SecretExpiresAt = time.Time{}
		if at.Unix() > 0 {
			registered.SecretExpiresAt = at
		}
	}
	return &registered
}

type registrationInput struct {
	Response *strictjson.Object
	Known    Registration // what the client was before, zero if it is new
	Provider *Provider
}

var registrationRules = []check.Rule[registrationInput]{
	{
		ID: "registration.client_id", Spec: rfc7591("3.2.1"), Level: check.Must, Essential: true,
		Text: "client_id is a string of printable ASCII characters, and that of the client that was asked about.",
		Eval: func(in registrationInput) check.Verdict {
			got, err := in.Response.String("client_id")
			switch {
			case err != nil:
				return check.That(false, err.Error(), "a string")
			case in.Known.ClientID != "":
				return check.Equal(got, in.Known.ClientID)
			}
			return check.That(wire.Valid(got), check.List(oneOrNone(got)), "a string of printable ASCII characters")
		},
	},
	{
		ID: "registration.client_secret", Spec: rfc7591("3.2.1"), Level: check.Must,
		Text: "client_secret, if there, is a string of printable ASCII characters.",
		Eval: func(in registrationInput) check.Verdict {
			if !in.Response.Has("client_secret") {
				return check.Inapplicable("no client_secret")
			}
			got, err := in.Response.String("client_secret")
			const odd = "not a string, an empty one, or one with other characters"
			return check.That(err == nil && wire.Valid(got), odd, "a string of printable ASCII characters")
		},
	},
	{
		ID: "registration.client_secret_itself", Spec: check.Spec{Doc: "RFC 7592", Section: "3"}, Level: check.Should,
		Text: "client_secret of a client that is known, if there, is the secret itself: no hash of it, no asterisks.",
		Eval: func(in registrationInput) check.Verdict {
			shown, err := in.Response.String("client_secret")
			if err != nil || shown == "" || in.Known.ClientSecret == "" {
				return check.Inapplicable("no client_secret to compare")
			}
			const got = "what only stands for it; the secret that is known is kept"
			return check.That(!standsFor(shown, in.Known.ClientSecret), got, "the secret itself, or none")
		},
	},
	{
		ID: "registration.client_secret_expires_at", Spec: rfc7591("3.2.1"), Level: check.Must,
		Text: "With a client_secret comes the time when it expires, 0 if never (client_secret_expires_at).",
		Eval: func(in registrationInput) check.Verdict {
			if !in.Response.Has("client_secret") {
				return check.Inapplicable("no client_secret")
			}
			if !in.Response.Has("client_secret_expires_at") {
				return check.That(false, "none", "a time, or 0")
			}
			_, err := numericDate(in.Response, "client_secret_expires_at")
			if err != nil {
				return check.That(false, err.Error(), "a time, or 0")
			}
			return check.Verdict{Outcome: check.Pass}
		},
	},
	{
		ID: "registration.management", Spec: check.Spec{Doc: "RFC 7592", Section: "3"}, Level: check.Must,
		Text: "registration_access_token and registration_client_uri come together, for a new client, and the URI " +
			"is https, or http on the loopback address.",
		Eval: func(in registrationInput) check.Verdict {
			token, tokenErr := in.Response.String("registration_access_token")
			uri, uriErr := in.Response.String("registration_client_uri")
			switch {
			case tokenErr != nil || uriErr != nil:
				return check.That(false, "not strings", "two strings, or neither")
			case in.Known.ClientID == "" && (token == "") != (uri == ""):
				return check.That(false, "one of them", "both, or neither")
			case token != "" && !wire.InHeader(token):
				const want = "printable ASCII characters, without a space at an end"
				return check.That(false, "a token that does not belong in a header", want)
			case uri != "" && !wire.SecureURL(uri):
				return check.That(false, check.List([]string{uri}), "an https URL")
			}
			return check.Verdict{Outcome: check.Pass}
		},
	},
	{
		ID: "registration.auth_method", Spec: rfc7591("2"), Level: check.Should,
		Text: "token_endpoint_auth_method is one that the provider's metadata allows.",
		Eval: func(in registrationInput) check.Verdict {
			got, err := in.Response.String("token_endpoint_auth_method")
			var allowed []string
			if in.Provider != nil {
				allowed = in.Provider.TokenEndpointAuthMethods
			}
			switch {
			case err != nil:
				return check.That(false, err.Error(), "a string")
			case got == "" || len(allowed) == 0:
				return check.Inapplicable("nothing to compare")
			}
			return check.That(slices.Contains(allowed, got), check.List([]string{got}), "one of "+check.List(allowed))
		},
	},
}
