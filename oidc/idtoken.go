// ID Tokens: OpenID Connect Core 1.0 sections 2 and 3.1.3.7.

package oidc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// An IDToken is an ID Token and what came of verifying it.
type IDToken struct {
	StandardClaims

	Header     []byte        // the JOSE header, JSON as received
	Encryption []byte        // the JOSE header of the encryption, nil if it was not encrypted
	JSON       []byte        // the claims, JSON as received
	Raw        string        // the token as received
	Checks     check.Results // of every rule

	// Verified is true only if every rule that is a MUST was applied and held,
	// and none was waived or skipped.
	Verified bool
}

// StandardClaims are the claims of an ID Token that OpenID Connect Core 1.0 section 2
// defines. A claim that is not there is the zero value.
type StandardClaims struct {
	Issuer          string    // iss
	Subject         string    // sub
	Audience        []string  // aud
	AuthorizedParty string    // azp
	Expiry          time.Time // exp
	IssuedAt        time.Time // iat
	NotBefore       time.Time // nbf
	AuthTime        time.Time // auth_time
	Nonce           string    // nonce
	ACR             string    // acr
	AMR             []string  // amr; a list of one if it was one string
}

// DecodeIDToken reads an ID Token, or any JWT in JWS compact serialization (RFC
// 7515 section 7.1), without verifying anything. One that is encrypted is
// decrypted with one of keys. It is for showing; nothing in it is to be trusted.
// [ErrEncrypted] reports a JWE where there are no keys; any other error, that it
// is not well-formed or does not decrypt.
func DecodeIDToken(raw string, keys ...DecryptionKey) (*IDToken, error) {
	var algs []string
	if len(keys) > 0 {
		algs = jose.EncryptionAlgorithms()
	}
	e := open(raw, algs, keys).signedOnly()
	if e.err != nil {
		return nil, e.err
	}
	claims, _ := readClaims(e.jwt.Claims)
	return e.idToken(raw, claims.StandardClaims), nil
}

// idToken is the token in the envelope, for showing.
func (e envelope) idToken(raw string, claims StandardClaims) *IDToken {
	return &IDToken{
		StandardClaims: claims, Header: e.jwt.Header.Raw, Encryption: e.header(), JSON: e.jwt.Claims.Raw, Raw: raw,
	}
}

// claimSet is a token's claims as the rules need them: which are there, and
// what is wrong with the types of those that are.
type claimSet struct {
	StandardClaims
	there     func(name string) bool
	malformed map[string]string // claim -> what is wrong with it
	stringAMR bool
	atHash    string
	cHash     string // c_hash, of ID Tokens that come with a code
	sHash     string // s_hash, likewise
	clientID  string // client_id, of access tokens
	scope     string // of access tokens
	sessionID string // sid, of logout tokens
	tokenID   string // jti
}

// readClaims reads the claims that the rules look at. It never fails: a claim
// of the wrong type is recorded, for the rule about it to judge. The error
// names the first such claim.
func readClaims(doc *strictjson.Object) (claimSet, error) {
	c := claimSet{there: doc.Has}
	note := func(name string, err error) {
		if err == nil {
			return
		}
		if c.malformed == nil {
			c.malformed = map[string]string{}
		}
		c.malformed[name] = err.Error()
	}
	for _, m := range doc.Members {
		var err error
		if text := c.text(m.Name); text != nil {
			*text, err = doc.String(m.Name)
		} else if date := c.date(m.Name); date != nil {
			*date, err = numericDate(doc, m.Name)
		}
		note(m.Name, err)
	}
	var err error
	c.Audience, err = doc.StringOrStrings("aud")
	note("aud", err)
	if raw, ok := doc.Get("amr"); ok {
		_, c.stringAMR = strictjson.Text(raw)
	}
	c.AMR, err = doc.StringOrStrings("amr")
	note("amr", err)
	return c, firstOf(c.malformed)
}

// text is where a claim that is a string is kept, nil for any other.
func (c *claimSet) text(name string) *string {
	switch name {
	case "iss":
		return &c.Issuer
	case "sub":
		return &c.Subject
	case "azp":
		return &c.AuthorizedParty
	case "nonce":
		return &c.Nonce
	case "acr":
		return &c.ACR
	case "at_hash":
		return &c.atHash
	case "client_id":
		return &c.clientID
	case "scope":
		return &c.scope
	case "c_hash":
		return &c.cHash
	case "s_hash":
		return &c.sHash
	case "sid":
		return &c.sessionID
	case "jti":
		return &c.tokenID
	}
	return nil
}

// date is where a claim that is a time is kept, nil for any other.
func (c *claimSet) date(name string) *time.Time {
	switch name {
	case "exp":
		return &c.Expiry
	case "iat":
		return &c.IssuedAt
	case "nbf":
		return &c.NotBefore
	case "auth_time":
		return &c.AuthTime
	}
	return nil
}

func firstOf(malformed map[string]string) error {
	var all []string
	for _, what := range malformed {
		all = append(all, what)
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return errors.New(all[0])
}

// numericDate reads a NumericDate (RFC 7519 section 2), which may have a
// fraction. Beyond the year 9999 or before 1970 it is refused: such numbers
// overflow, and an overflown exp is in the future.
func numericDate(doc *strictjson.Object, name string) (time.Time, error) {
	const year9999 = 253402300799
	n, ok, err := doc.Number(name)
	if !ok || err != nil {
		return time.Time{}, err
	}
	if n < 0 || n > year9999 {
		return time.Time{}, fmt.Errorf("%s is not a time between 1970 and 9999", name)
	}
	whole, fraction := math.Modf(n)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), nil
}

// judged is what an ID Token is judged against beyond the client's policy.
type judged struct {
	Expectation
	previous    *claimSet // of Expectation.Previous, nil if it is not known
	front       frontChannel
	accessToken string // that came with it
	keys        keyUse // of a fetch that was begun for it
}

// verdict is a judged ID Token: nil if there was none to judge.
type verdict struct {
	token  *IDToken
	checks check.Results
}

// VerifyIDToken verifies an ID Token (OpenID Connect Core 1.0 section 3.1.3.7)
// that came some other way than from [Client.Token] or [Client.Exchange].
// accessToken is the access token that came with it, "" if there is none; its
// at_hash is then compared.
//
// The error is a [*check.Error] if a rule was broken, and a [*TransportError] or
// [*ProtocolError] if the provider's keys could not be had. The token is
// returned also if err is not nil, for showing; it is nil if it is no JWT.
func (c *Client) VerifyIDToken(ctx context.Context, raw, accessToken string, expect Expectation) (*IDToken, error) {
	if c.Provider == nil {
		return nil, errors.New("oidc: a Client needs a Provider")
	}
	previous, err := c.previous(expect)
	if err != nil {
		return nil, err
	}
	v, err := c.verifyIDToken(ctx, raw, judged{Expectation: expect, previous: previous, accessToken: accessToken})
	return v.token, err
}

func (c *Client) verifyIDToken(ctx context.Context, raw string, against judged) (verdict, error) {
	in := idTokenInput{
		jwtInput: c.newJWTInput(), Present: raw != "", Policy: &c.Policy,
		Expect: against.Expectation, AccessToken: against.accessToken, Front: against.front,
	}
	in.Encryption, in.Encrypted = c.Policy.IDTokenEncryptedResponseAlg, len(c.Policy.IDTokenEncryptedResponseAlg) > 0
	token := c.readIDToken(ctx, &in, raw, against.keys)
	if c.Policy.InsecureSkipVerification {
		return c.skipped(token, in), nil
	}
	results, verified := judge(c, &in.jwtInput, idTokenRules, &in)
	if in.Expect.Refreshed {
		more, continued := judge(c, &in.jwtInput, refreshRules, refreshInput{
			Refreshed: in.jwt != nil, Claims: in.Claims, Previous: against.previous, Tolerance: in.Tolerance,
		})
		results, verified = append(results, more...), verified && continued
	}
	if token != nil {
		token.Checks, token.Verified = results, verified
	}
	return verdict{token, results}, decide(results, unreachable(in.Signature))
}

// skipped records that nothing was judged.
func (c *Client) skipped(token *IDToken, in idTokenInput) verdict {
	results := check.Skip(idTokenRules, "verification was skipped")
	if in.Expect.Refreshed {
		results = append(results, check.Skip(refreshRules, "verification was skipped")...)
	}
	if token != nil {
		token.Checks = results
	}
	return verdict{token, results}
}

// decide returns what is wrong. Keys that could not be fetched are reported as
// such, unless the token broke a rule that needs no key.
func decide(results check.Results, unavailable error) error {
	err := results.Err()
	if err == nil || unavailable == nil {
		return err
	}
	for _, r := range results {
		if r.Broken() && r.Outcome == check.Fail {
			return err
		}
	}
	return unavailable
}

// unreachable returns err if it says that the keys could not be had.
func unreachable(err error) error {
	_, transport := errors.AsType[*TransportError](err)
	_, protocol := errors.AsType[*ProtocolError](err)
	if transport || protocol {
		return err
	}
	return nil
}

// trusted reports whether the metadata itself was verified. Metadata that the
// caller wrote down was not fetched and needs no check.
func (p *Provider) trusted() bool { return p.URL == "" || p.Checks.Verified() }

// algorithms are the signature algorithms that ID Tokens may use.
func (c *Client) algorithms() algorithms {
	c.once.Do(func() { c.expected = newAlgorithms(c.chooseAlgorithms()...) })
	return c.expected
}

func (c *Client) chooseAlgorithms() []string {
	if c.Policy.Algorithms != nil {
		return c.Policy.Algorithms
	}
	var algs []string
	for _, alg := range c.Provider.IDTokenSigningAlgorithms {
		if jose.Supported(alg) && !jose.IsMAC(alg) {
			algs = append(algs, alg)
		}
	}
	if algs == nil {
		return []string{"RS256"} // OpenID Connect Core 1.0 section 3.1.3.7 item 7
	}
	return algs
}

// readIDToken reads the token into the input and returns it for showing, nil if
// there is none or it cannot be read.
func (c *Client) readIDToken(ctx context.Context, in *idTokenInput, raw string, begun keyUse) *IDToken {
	if raw == "" {
		return nil
	}
	if c.Policy.InsecureSkipVerification { // no key is fetched for what nobody judges
		in.Envelope = open(raw, in.Encryption, c.Policy.DecryptionKeys)
		if in.jwt = in.Envelope.jwt; in.jwt != nil {
			in.Claims, _ = readClaims(in.jwt.Claims)
		}
	} else {
		c.read(ctx, &in.jwtInput, raw, begun)
	}
	in.Envelope = in.Envelope.signedOnly()
	if in.jwt == nil {
		return nil
	}
	return in.Envelope.idToken(raw, in.Claims.StandardClaims)
}

// previous reads the ID Token that a refreshed one continues, nil if it is not
// known.
func (c *Client) previous(e Expectation) (*claimSet, error) {
	if e.Previous == "" {
		return nil, nil
	}
	token := open(
		strings.TrimSpace(e.Previous), c.Policy.IDTokenEncryptedResponseAlg, c.Policy.DecryptionKeys,
	).signedOnly()
	if token.err != nil {
		return nil, fmt.Errorf("oidc: the previous ID Token: %w", token.err)
	}
	claims, _ := readClaims(token.jwt.Claims)
	return &claims, nil
}
