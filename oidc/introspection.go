// Token introspection: RFC 7662, and signed responses, RFC 9701.

package oidc

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// An Introspection is the response to a token introspection (RFC 7662 section 2.2).
type Introspection struct {
	Active     bool          // the token is valid: not expired, revoked, unknown, or another client's
	JSON       []byte        // the members of RFC 7662 section 2.2, JSON as received
	Header     []byte        // the JOSE header if the response was signed, else nil
	Encryption []byte        // the JOSE header of the encryption, nil if there was none
	Checks     check.Results // of the response

	// Verified is true only if the response was signed, every rule that is a MUST
	// held, and none was waived. What it says of the token is the provider's word.
	Verified bool
}

// An IntrospectionRequest is a token introspection request (RFC 7662 section 2.1).
type IntrospectionRequest struct {
	Token string
	Hint  string // token_type_hint: "access_token", "refresh_token", or "" if it is not known

	// Signed requests a signed response (RFC 9701), and accepts no other.
	Signed bool
}

// Introspect asks the provider whether a token is active, and what it is for (RFC 7662
// section 2). A signed response is verified like an ID Token (RFC 9701 section 5).
//
// The error is an [*Error] if the provider refused, a [*TransportError] or
// [*ProtocolError] if there is no usable response, and a [*check.Error] if the
// response breaks a rule; the Introspection is then returned, too, to show it only. A
// token that is not active is no error: see Active.
func (c *Client) Introspect(ctx context.Context, r IntrospectionRequest) (*Introspection, error) {
	form := url.Values{"token": {r.Token}}
	if r.Hint != "" {
		form.Set("token_type_hint", r.Hint)
	}
	q := question{endpoint: introspectionEndpoint, metadata: "introspection_endpoint", form: form}
	if r.Signed {
		q.accept = introspectionMediaType
	}
	answer, err := c.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, answer.refusal()
	}
	if refusal := answer.oauthError(); refusal != nil {
		return nil, refusal
	}
	in := introspectionInput{jwtInput: c.newJWTInput(), Signed: r.Signed}
	in.signedBy(c.Policy.IntrospectionSignedResponseAlg)
	in.Encryption = c.Policy.IntrospectionEncryptedResponseAlg
	in.Encrypted = len(in.Encryption) > 0
	if err := c.readIntrospection(ctx, answer, &in); err != nil {
		return nil, err
	}
	i := &Introspection{
		Header: in.header(), Encryption: in.Envelope.header(), Checks: check.Run(introspectionRules, &in, c.Waive...),
	}
	if in.Response != nil {
		i.JSON = in.Response.Raw
		i.Active, _ = in.Response.Bool("active")
	}
	i.Verified = in.JWT && i.Checks.Verified() && c.Provider.trusted()
	return i, decide(i.Checks, unreachable(in.Signature))
}

const introspectionMediaType = "application/token-introspection+jwt"

// readIntrospection reads the response, JSON or a JWT, into the input of the
// rules.
func (c *Client) readIntrospection(ctx context.Context, answer *response, in *introspectionInput) (err error) {
	if answer.mediaType() != introspectionMediaType {
		in.Response, err = answer.object()
		return err
	}
	in.JWT = true
	c.read(ctx, &in.jwtInput, strings.TrimSpace(string(answer.body)), keyUse{})
	if in.jwt == nil {
		return nil
	}
	raw, _ := in.jwt.Claims.Get("token_introspection")
	if doc, err := strictjson.Parse(raw); err == nil { // its absence is judged
		in.Response = doc
	}
	return nil
}

// introspectionInput is what the rules of an introspection response look at.
type introspectionInput struct {
	jwtInput
	JWT      bool               // it came as a JWT
	Signed   bool               // it has to
	Response *strictjson.Object // the members of RFC 7662, nil if there are none
}

// token is the JWT of a signed response. One that is not signed has nothing to be
// judged as one.
func (in *introspectionInput) token() *jwtInput { return &in.jwtInput }

// signedAnswer makes rules of a JWT those of responses that are one.
func signedAnswer(rules []check.Rule[*jwtInput]) []check.Rule[*introspectionInput] {
	list := of((*introspectionInput).token, rules)
	for i := range list {
		judge := list[i].Eval
		list[i].Eval = func(in *introspectionInput) check.Verdict {
			if !in.JWT {
				return check.Inapplicable("the response is not signed")
			}
			return judge(in)
		}
	}
	return list
}

var introspectionRules = slices.Concat(introspectionOnlyRules, signedAnswer(slices.Concat(
	sealedRules("introspection"), jwtRules("introspection"), partyRules("introspection", rfc9701("5")),
	introspectionJWTRules,
)))

// introspectionOnlyRules look at any response.
var introspectionOnlyRules = []check.Rule[*introspectionInput]{
	{
		ID: "introspection.signed", Spec: rfc9701("4"), Level: check.Must,
		Text: "The response is signed, if that was asked for.",
		Eval: func(in *introspectionInput) check.Verdict {
			if !in.Signed {
				return check.Inapplicable("a signed response was not asked for")
			}
			return check.That(in.JWT, "a response that is not signed", "a signed JWT")
		},
	},
	{
		ID: "introspection.active", Spec: rfc7662("2.2"), Level: check.Must, Essential: true,
		Text: "active is there and a boolean.",
		Eval: func(in *introspectionInput) check.Verdict {
			switch {
			case in.JWT && in.jwt == nil:
				return check.Inapplicable("the response cannot be read")
			case in.Response == nil:
				return check.That(false, "no token_introspection", "an object with active")
			}
			if _, err := in.Response.Bool("active"); err != nil {
				return check.That(false, err.Error(), "a boolean")
			}
			return check.That(in.Response.Has("active"), check.List(nil), "a boolean")
		},
	},
}

// introspectionJWTRules look at a signed response.
var introspectionJWTRules = []check.Rule[*jwtInput]{
	{
		ID: "introspection.typ", Spec: rfc9701("5"), Level: check.Must,
		Text: "The header's typ of a signed response is token-introspection+jwt.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			return check.That(
				mediaType(in.jwt) == "token-introspection+jwt", check.List(oneOrNone(in.jwt.Type)),
				`"token-introspection+jwt"`,
			)
		}),
	},
	{
		ID: "introspection.iat", Spec: rfc9701("5"), Level: check.Must,
		Text: "A signed response's iat is there and not in the future.",
		Eval: readable(iatIs),
	},
}
