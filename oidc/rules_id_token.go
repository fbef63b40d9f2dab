// The rules of ID Tokens: OpenID Connect Core 1.0 sections 2, 3.1.3.7 item by
// item, and 3.1.3.8.

package oidc

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// idTokenInput is everything the rules of ID Tokens look at. Gathering it may
// need the network; judging it never does.
type idTokenInput struct {
	jwtInput
	Present     bool
	Policy      *Policy
	Expect      Expectation
	AccessToken string       // that came with it, "" if none did
	Front       frontChannel // what it vouches for, if it came through the browser
}

// about makes a rule's judgement of a token's contents: it does not apply
// where there is no token to look into, which id_token.present and
// id_token.readable judge.
func about(eval func(*idTokenInput) check.Verdict) func(*idTokenInput) check.Verdict {
	return func(in *idTokenInput) check.Verdict {
		switch {
		case !in.Present:
			return check.Inapplicable("no ID Token came")
		case in.Envelope.err != nil:
			return check.Inapplicable("the ID Token cannot be read")
		}
		return eval(in)
	}
}

// maxIssueAge is how long ago iat may be before it is remarked upon.
const maxIssueAge = 24 * time.Hour

var idTokenRules = []check.Rule[*idTokenInput]{
	{
		ID: "id_token.present", Spec: core("3.1.3.3", 0), Level: check.Must,
		Text: "An ID Token came, if one is due or the client's policy needs one.",
		Eval: func(in *idTokenInput) check.Verdict {
			why := in.needed()
			switch {
			case in.Present:
				return check.Verdict{Outcome: check.Pass}
			case why == "":
				return check.Inapplicable("none is due: a refresh may leave it out (section 12.2)")
			}
			v := check.That(false, "none", "an ID Token")
			v.Note = why
			return v
		},
	},
	{
		ID: "id_token.encryption", Spec: core("3.1.3.7", 1), Level: check.Must,
		Text: "The token is encrypted by an algorithm that was agreed upon, and only if one was.",
		Eval: func(in *idTokenInput) check.Verdict {
			if !in.Present {
				return check.Inapplicable("no ID Token came")
			}
			return in.Envelope.agreed(in.Encryption, in.Encrypted)
		},
	},
	{
		ID: "id_token.decryption", Spec: check.Spec{Doc: "RFC 7516", Section: "5.2"}, Level: check.Must,
		Essential: true,
		Text:      "An encrypted token is well-formed, and decrypts with the client's key.",
		Eval: func(in *idTokenInput) check.Verdict {
			if !in.Present {
				return check.Inapplicable("no ID Token came")
			}
			return in.Envelope.decrypted(in.Encryption)
		},
	},
	{
		ID: "id_token.readable", Spec: rfc7519("7.2"), Level: check.Must, Essential: true,
		Text: "The token is a well-formed signed JWT, once it is decrypted.",
		Eval: func(in *idTokenInput) check.Verdict {
			switch {
			case !in.Present:
				return check.Inapplicable("no ID Token came")
			case in.Envelope.sealed:
				return check.Inapplicable("it is encrypted")
			case in.Envelope.err != nil:
				return refused(in.Envelope.err, "a signed JWT")
			}
			return check.Verdict{Outcome: check.Pass}
		},
	},
	{
		ID: "id_token.typ", Spec: rfc8725("3.11"), Level: check.Must,
		Text: "The header's typ, if there, is JWT: the token is not one of another kind.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return typIs(&in.jwtInput, "jwt")
		}),
	},
	{
		ID: "id_token.kind", Spec: rfc8725("3.12"), Level: check.Must,
		Text: "The claims are not those of a Logout Token or another security event (events).",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return notThere(&in.Claims, "events")
		}),
	},
	{
		ID: "id_token.not_access_token", Spec: rfc8725("3.12"), Level: check.Must,
		Text: "The token does not look like an access token, which has a scope or client_id, " +
			"and none of nonce, at_hash and c_hash.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.Claims.present("nonce", "at_hash", "c_hash") != nil {
				return check.Verdict{Outcome: check.Pass}
			}
			marks := in.Claims.accessTokenMarks()
			const want = "nonce, at_hash or c_hash, or neither scope nor client_id"
			return check.That(len(marks) == 0, check.List(marks), want)
		}),
	},
	{
		ID: "id_token.iss", Spec: core("3.1.3.7", 2), Level: check.Must,
		Text: "iss is exactly the provider's issuer identifier.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return issIs(&in.jwtInput)
		}),
	},
	{
		ID: "id_token.aud", Spec: core("3.1.3.7", 3), Level: check.Must,
		Text: "aud contains this client's client_id.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return audIs(&in.jwtInput)
		}),
	},
	{
		ID: "id_token.aud_trusted", Spec: core("3.1.3.7", 3), Level: check.Must,
		Text: "aud contains no audience that the client does not trust.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			var others []string
			for _, aud := range in.Claims.Audience {
				if aud != in.ClientID && !slices.Contains(in.Policy.TrustedAudiences, aud) {
					others = append(others, aud)
				}
			}
			if !slices.Contains(in.Claims.Audience, in.ClientID) {
				return check.Inapplicable("aud does not contain the client_id")
			}
			return check.That(
				len(others) == 0, check.List(others), "no audience beside the client_id and those that are trusted",
			)
		}),
	},
	{
		ID: "id_token.azp", Spec: core("3.1.3.7", 5), Level: check.Must,
		Text: "azp, if there, is this client's client_id.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if !in.Claims.there("azp") {
				return check.Inapplicable("no azp")
			}
			return in.Claims.typed(
				"azp", func() check.Verdict { return check.Equal(in.Claims.AuthorizedParty, in.ClientID) },
			)
		}),
	},
	{
		ID: "id_token.signature", Spec: core("3.1.3.7", 6), Level: check.Must,
		Text: "The signature is the provider's.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return signatureVerdict(&in.jwtInput)
		}),
	},
	{
		ID: "id_token.alg_none", Spec: rfc8725("3.2"), Level: check.Must, Essential: true,
		Text: "alg is not none: the token is signed at all.",
		Eval: about(func(in *idTokenInput) check.Verdict { return algNone(&in.jwtInput) }),
	},
	{
		ID: "id_token.alg", Spec: core("3.1.3.7", 7), Level: check.Must,
		Text: "alg is one that the client expects.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			v := algExpected(&in.jwtInput)
			if v.Outcome == check.Fail && jose.IsMAC(in.jwt.Algorithm) {
				v.Note = "HS256, HS384 and HS512 are accepted only if the client asks for them by name"
			}
			return v
		}),
	},
	{
		ID: "id_token.mac", Spec: core("3.1.3.7", 8), Level: check.Must,
		Text: "With a MAC algorithm the client is the only audience.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if !jose.IsMAC(in.jwt.Algorithm) {
				return check.Inapplicable("not a MAC algorithm")
			}
			return check.That(len(in.Claims.Audience) <= 1, check.List(in.Claims.Audience), "one audience")
		}),
	},
	{
		ID: "id_token.exp", Spec: core("3.1.3.7", 9), Level: check.Must,
		Text: "The current time is before exp.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return expIs(&in.jwtInput)
		}),
	},
	{
		ID: "id_token.iat", Spec: core("2", 0), Level: check.Must,
		Text: "iat is there and not in the future.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return iatIs(&in.jwtInput)
		}),
	},
	{
		ID: "id_token.iat_age", Spec: core("3.1.3.7", 10), Level: check.Should,
		Text: "iat is at most a day ago.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.Claims.IssuedAt.IsZero() {
				return check.Inapplicable("no iat")
			}
			return in.time(
				"iat", in.Claims.IssuedAt, in.Now.Sub(in.Claims.IssuedAt) <= maxIssueAge, "after ",
				in.Now.Add(-maxIssueAge),
			)
		}),
	},
	{
		ID: "id_token.max_iat_age", Spec: core("3.1.3.7", 10), Level: check.Must,
		Text: "iat is at most as long ago as the client accepts, if it sets a bound.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			switch {
			case in.Policy.MaxIDTokenAge == 0:
				return check.Inapplicable("the client sets no bound")
			case in.Claims.IssuedAt.IsZero():
				return check.Inapplicable("no iat")
			}
			since := in.Now.Add(-in.Policy.MaxIDTokenAge)
			recent := !in.Claims.IssuedAt.Before(since.Add(-in.Tolerance))
			return in.time("iat", in.Claims.IssuedAt, recent, "not before ", since)
		}),
	},
	{
		ID: "id_token.nbf", Spec: rfc7519("4.1.5"), Level: check.Must,
		Text: "nbf, if there, is not in the future.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return in.notAfter("nbf", in.Claims.NotBefore)
		}),
	},
	{
		ID: "id_token.sub", Spec: core("2", 0), Level: check.Must,
		Text: "sub is there and at most 255 ASCII characters long.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return in.Claims.typed("sub", func() check.Verdict {
				sub := in.Claims.Subject
				return in.that(sub != "" && len(sub) <= 255 && ascii(sub), func() (string, string) {
					return check.List(oneOrNone(sub)), "1 to 255 ASCII characters"
				})
			})
		}),
	},
	{
		ID: "id_token.nonce", Spec: core("3.1.3.7", 11), Level: check.Must,
		Text: "nonce is the value that was sent in the authentication request.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.Expect.Nonce == "" {
				return check.Inapplicable("no nonce was sent")
			}
			return in.Claims.typed(
				"nonce", func() check.Verdict { return check.Equal(in.Claims.Nonce, in.Expect.Nonce) },
			)
		}),
	},
	{
		ID: "id_token.acr", Spec: core("3.1.3.7", 12), Level: check.Must,
		Text: "acr is one of the values that the client demands.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if len(in.Policy.ACRValues) == 0 {
				return check.Inapplicable("no acr is demanded")
			}
			return in.Claims.typed("acr", func() check.Verdict {
				return check.AnyOf(oneOrNone(in.Claims.ACR), in.Policy.ACRValues)
			})
		}),
	},
	{
		ID: "id_token.auth_time", Spec: core("3.1.3.7", 13), Level: check.Must,
		Text: "auth_time is there and at most max_age ago.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.Policy.MaxAge == nil {
				return check.Inapplicable("no max_age")
			}
			since := in.Now.Add(-*in.Policy.MaxAge)
			recent := !in.Claims.AuthTime.Before(
				since.Add(-in.Tolerance),
			) && !in.Claims.AuthTime.After(in.Now.Add(in.Tolerance))
			return in.time("auth_time", in.Claims.AuthTime, recent, "not before ", since)
		}),
	},
	{
		ID: "id_token.at_hash", Spec: core("3.1.3.8", 0), Level: check.Must,
		Text: "at_hash is the hash of the access token that came with it; it may be absent only if they came from " +
			"the token endpoint.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.AccessToken == "" {
				return check.Inapplicable("no access token came with it")
			}
			return in.hashes("at_hash", in.Claims.atHash, in.AccessToken, in.Front.came)
		}),
	},
	{
		ID: "id_token.c_hash", Spec: core("3.3.2.10", 0), Level: check.Must,
		Text: "c_hash is the hash of the code that came with it through the browser.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.Front.code == "" {
				return check.Inapplicable("no code came with it")
			}
			return in.hashes("c_hash", in.Claims.cHash, in.Front.code, in.Front.came)
		}),
	},
	{
		ID: "id_token.s_hash", Spec: check.Spec{Doc: "FAPI 1.0 Part 2", Section: "5.1"}, Level: check.Must,
		Text: "s_hash, if there, is the hash of the state that came with it through the browser.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if in.Front.state == "" {
				return check.Inapplicable("no state came with it")
			}
			return in.hashes("s_hash", in.Claims.sHash, in.Front.state, false)
		}),
	},
	{
		ID: "id_token.acr_requested", Spec: core("5.5.1.1", 0), Level: check.Should,
		Text: "acr is one of the acr_values that were asked for.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			if len(in.Expect.ACRValues) == 0 {
				return check.Inapplicable("no acr_values were asked for")
			}
			return in.Claims.typed(
				"acr", func() check.Verdict { return check.AnyOf(oneOrNone(in.Claims.ACR), in.Expect.ACRValues) },
			)
		}),
	},
	{
		ID: "id_token.essential", Spec: core("5.5.1", 0), Level: check.Should,
		Text: "The claims that were asked for as essential are there.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			return essentialThere(&in.Claims, essentialClaims(in.Expect.Claims, "id_token"))
		}),
	},
	{
		ID: "id_token.amr_type", Spec: core("2", 0), Level: check.Must,
		Text: "amr, if there, is an array of strings.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			switch {
			case !in.Claims.there("amr"):
				return check.Inapplicable("no amr")
			case in.Claims.stringAMR && in.Policy.AllowStringAMR:
				return check.Inapplicable("the client reads one string as a list of one")
			case in.Claims.stringAMR:
				v := check.That(false, "a string", "an array of strings")
				v.Note = "a client can be told to accept it"
				return v
			}
			return in.Claims.typed("amr", func() check.Verdict { return check.Verdict{Outcome: check.Pass} })
		}),
	},
	{
		ID: "id_token.amr", Spec: core("2", 0), Level: check.Must,
		Text: "At least one value of amr is one that the client demands.",
		Eval: about(func(in *idTokenInput) check.Verdict {
			switch {
			case len(in.Policy.AMRValues) == 0:
				return check.Inapplicable("no amr is demanded")
			case in.Claims.malformed["amr"] != "":
				return check.That(false, in.Claims.malformed["amr"], "one of "+check.List(in.Policy.AMRValues))
			}
			return check.AnyOf(in.Claims.AMR, in.Policy.AMRValues)
		}),
	},
}

// needed says why an ID Token has to be there, "" if it need not.
func (in *idTokenInput) needed() string {
	switch {
	case in.Policy.RequireIDToken:
		return "the client demands an ID Token"
	case len(in.Policy.AMRValues) > 0:
		return "the client demands an amr, which only an ID Token has"
	case len(in.Policy.ACRValues) > 0:
		return "the client demands an acr, which only an ID Token has"
	case in.Policy.MaxAge != nil:
		return "the client demands a max_age, and only an ID Token has an auth_time"
	case !in.Expect.Refreshed && !in.Expect.Optional:
		return "the scope openid was asked for"
	}
	return ""
}

// hashes judges a claim that is the hash of what came with the token. required
// says that it has to be there.
func (in *idTokenInput) hashes(claim, got, of string, required bool) check.Verdict {
	if !in.Claims.there(claim) && !required {
		return check.Inapplicable("no " + claim)
	}
	want, ok := leftHalfHash(in.jwt.Algorithm, of)
	switch {
	case !ok:
		return check.Undecided("the hash of an unknown alg is not known")
	case !in.Claims.there(claim):
		return check.That(false, "none", fmt.Sprintf("%q", want))
	}
	return in.Claims.typed(claim, func() check.Verdict {
		same := subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
		return check.That(same, check.List(oneOrNone(got)), fmt.Sprintf("%q", want))
	})
}

// leftHalfHash is the left half of token's hash, base64url encoded: at_hash
// and c_hash (OpenID Connect Core 1.0 section 3.1.3.6).
func leftHalfHash(alg, token string) (string, bool) {
	hash, ok := jose.HashOf(alg)
	if !ok {
		return "", false
	}
	h := hash.New()
	h.Write([]byte(token))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]), true
}

// algNone judges whether a token is signed at all (RFC 8725 section 3.2).
func algNone(in *jwtInput) check.Verdict {
	return in.that(!strings.EqualFold(in.jwt.Algorithm, "none"), func() (string, string) {
		return check.List([]string{in.jwt.Algorithm}), "a signature algorithm"
	})
}

// algExpected judges whether a token's algorithm is one of those expected.
func algExpected(in *jwtInput) check.Verdict {
	if strings.EqualFold(in.jwt.Algorithm, "none") {
		return check.Inapplicable("none is no algorithm")
	}
	return in.that(slices.Contains(in.Algorithms.names, in.jwt.Algorithm), func() (string, string) {
		return check.List([]string{in.jwt.Algorithm}), in.Algorithms.text
	})
}

// signatureVerdict judges what came of checking a signature. Keys that could
// not be fetched decide nothing.
func signatureVerdict(in *jwtInput) check.Verdict {
	switch {
	case in.Signature == nil:
		return in.that(true, func() (string, string) { return describeHeader(in.jwt), "" })
	case unreachable(in.Signature) != nil:
		return check.Undecided(in.Signature.Error())
	}
	want := "a signature by a key of the provider"
	if jose.IsMAC(in.jwt.Algorithm) {
		want = in.jwt.Algorithm + " with client_secret" // OpenID Connect Core 1.0 section 10.1
	}
	v := refused(in.Signature, want)
	if keys, ok := errors.AsType[*keyOriginError](in.Signature); ok {
		v.Note = keys.origin
	}
	return v
}

func describeHeader(t *jose.JWT) string {
	return "alg " + quoted(t.Algorithm, 32) + ", kid " + quoted(t.KeyID, 64)
}

// quoted is text as fmt quotes it, at most so many characters of it. What is short is
// the rule, and goes without fmt.
func quoted(text string, most int) string {
	if len(text) <= most {
		return strconv.Quote(text)
	}
	return fmt.Sprintf("%.*q", most, text)
}

// notThere judges that a token lacks the claims of other kinds of tokens.
func notThere(claims *claimSet, names ...string) check.Verdict {
	found := claims.present(names...)
	return check.That(len(found) == 0, check.List(found), "no "+strings.Join(names, ", "))
}

// typIs judges a header's typ, if there, whose prefix application/ may be left
// out (RFC 7515 section 4.1.9).
func typIs(in *jwtInput, want ...string) check.Verdict {
	if in.jwt.Type == "" {
		return check.Inapplicable("no typ")
	}
	return in.that(slices.Contains(want, mediaType(in.jwt)), func() (string, string) {
		return check.List([]string{in.jwt.Type}), "one of " + check.List(want)
	})
}

// mediaType is a header's typ as it is compared.
func mediaType(t *jose.JWT) string {
	return strings.TrimPrefix(strings.ToLower(t.Type), "application/")
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
