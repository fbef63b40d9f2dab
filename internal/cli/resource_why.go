// Why a resource refused an access token, as far as the token, the response and the
// resource's metadata tell (RFC 6750 section 3.1, RFC 9068 section 4, RFC 9728).

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/oidc"
)

// A tokenRefusal is a resource's refusal of an access token, and what is at hand to explain it.
// Nothing of the token is verified: what it says is compared.
type tokenRefusal struct {
	raw      string
	typ      string             // of the header, in lower case, without "application/"
	claims   *strictjson.Object // nil if the token is no JWT that can be read
	clientID string             // "" if it is not known

	resource  string                  // its URL, "" where the provider itself is the resource
	now       time.Time               // by the resource's clock
	challenge *oidc.Challenge         // nil if there was none
	metadata  *oidc.ProtectedResource // nil if there is none
	proved    bool                    // the request had a DPoP proof
	shown     bool                    // the client showed a certificate
	stepped   bool                    // the token is of a login that asked for what the resource wants
}

// newRefusal gathers what is known of a refusal.
func newRefusal(token string, client *oidc.Client, response *oidc.ResourceResponse, now time.Time) *tokenRefusal {
	r := &tokenRefusal{raw: token, now: now, proved: client.DPoP != nil, shown: client.Certificate != nil}
	if response != nil {
		r.challenge = response.Challenge
		if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			r.now = date
		}
	}
	jwt, err := oidc.DecodeIDToken(token)
	if err != nil {
		return r
	}
	r.claims, _ = strictjson.Parse(jwt.JSON) // nil for what cannot be read
	if header, err := strictjson.Parse(jwt.Header); err == nil {
		typ, _ := header.String("typ")
		r.typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	}
	return r
}

func (t *tokenRefusal) text(name string) string { s, _ := t.claims.String(name); return s }

func (t *tokenRefusal) has(names ...string) bool { return slices.ContainsFunc(names, t.claims.Has) }

// words is a claim that is a list of strings, or a string of words.
func (t *tokenRefusal) words(name string) []string {
	if list, err := t.claims.Strings(name); err == nil {
		return list
	}
	return strings.Fields(t.text(name))
}

// date is a claim that is a time, zero if it is none.
func (t *tokenRefusal) date(name string) time.Time {
	raw, _ := t.claims.Get(name)
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds > 1e12 || seconds < 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// otherKinds name the tokens that are no access tokens, by the typ of their header.
var otherKinds = map[string]string{
	"logout+jwt": "a Logout Token", "secevent+jwt": "a security event", "dpop+jwt": "a DPoP proof",
	"oauth-authz-req+jwt": "a request object", "client-authentication+jwt": "a client assertion",
	"token-introspection+jwt": "an introspection response", "rt+jwt": "a refresh token",
}

// kind says what the token is, if it is no access token: "" if nothing shows that.
func (t *tokenRefusal) kind() string {
	if t.typ == "at+jwt" {
		return ""
	}
	if name := otherKinds[t.typ]; name != "" {
		return name
	}
	use := cmp.Or(t.text("token_use"), t.text("typ")) // as Keycloak and Cognito mark their tokens
	switch {
	case slices.Contains([]string{"Refresh", "Offline"}, use):
		return "a refresh token"
	case t.has("events"):
		return "a Logout Token, or another security event"
	case t.text("sub") != "" && t.text("sub") == t.text("iss"):
		return "a client assertion"
	case slices.Contains([]string{"ID", "id"}, use), t.looksLikeIDToken():
		return "an ID Token"
	}
	return ""
}

// looksLikeIDToken reports whether the token has marks of an ID Token, and none of an access token.
func (t *tokenRefusal) looksLikeIDToken() bool {
	if t.has("scope", "scp", "client_id", "token_use") {
		return false
	}
	audience := t.words("aud")
	own := t.clientID != "" && slices.Contains(audience, t.clientID)
	authorized := t.text("azp") != "" && slices.Contains(audience, t.text("azp"))
	return own || authorized || t.has("nonce", "at_hash", "c_hash", "s_hash", "auth_time")
}

// explain returns each reason that is found, as a sentence. There is none in a token that cannot
// be read.
func (t *tokenRefusal) explain() []string {
	if t.claims == nil {
		return nil
	}
	var found []string
	add := func(text string) {
		if text != "" {
			found = append(found, text)
		}
	}
	if kind := t.kind(); kind != "" {
		add(t.wrongKind(kind))
		add(t.times())
		return found
	}
	add(t.times())
	add(t.issuer())
	add(t.audience())
	add(t.scope())
	add(t.binding())
	return found
}

// unexplained says how to go on where nothing that is at hand explains the refusal.
func (t *tokenRefusal) unexplained() string {
	switch {
	case t.claims != nil:
		return "what the token says of itself explains nothing: it may be revoked, or its signature may not verify; " +
			"`oidc-client introspect` asks the provider, `oidc-client jwt verify --as access_token` checks it"
	case strings.Count(t.raw, ".") == 4:
		return "the token is encrypted, so that only the resource can say what is wrong with it"
	}
	return "the token is no JWT that can be read here, so that only the provider can say what it is: `oidc-client " +
		"introspect` asks"
}

func (t *tokenRefusal) wrongKind(kind string) string {
	const way = "a resource takes access tokens only"
	if kind == "an ID Token" {
		return "the token is an ID Token, which tells a client who logged in: send the access token that came with " +
			"it; " + way
	}
	return "the token is " + kind + ": " + way
}

// times compares the token's times with the clock of the resource.
func (t *tokenRefusal) times() string {
	const layout = time.RFC3339
	exp, nbf := t.date("exp"), t.date("nbf")
	switch {
	case !exp.IsZero() && !t.now.Before(exp):
		return fmt.Sprintf("the token expired at %s, %s before the resource responded: refresh it, or log in again",
			exp.Format(layout), t.now.Sub(exp).Round(time.Second))
	case t.now.Before(nbf):
		return fmt.Sprintf("the token is valid from %s on, %s after the resource responded: compare the clocks",
			nbf.Format(layout), nbf.Sub(t.now).Round(time.Second))
	}
	return ""
}

// issuer compares the token's issuer with those that the resource accepts.
func (t *tokenRefusal) issuer() string {
	if t.metadata == nil || len(t.metadata.AuthorizationServers) == 0 {
		return ""
	}
	iss, servers := t.text("iss"), t.metadata.AuthorizationServers
	if iss == "" || slices.Contains(servers, iss) {
		return ""
	}
	return fmt.Sprintf("the token is of the issuer %.200q, and the resource takes tokens of %s", iss,
		check.List(servers))
}

// audience compares the token's audience with the resource.
func (t *tokenRefusal) audience() string {
	audience := t.words("aud")
	if t.resource == "" || len(audience) == 0 || slices.ContainsFunc(audience, t.meant) {
		return ""
	}
	said := strings.Join(audience, ", ")
	if t.metadata != nil {
		return fmt.Sprintf("the token is for %.200q, and the resource is %.200q: get a token for it with --resource",
			said, t.metadata.Resource)
	}
	return fmt.Sprintf("the token is for %.200q, which does not name this resource: if the resource expects another "+
		"audience, get a token for it with --resource or --audience", said)
}

// meant reports whether an audience is the resource: its identifier, its URL, or one above it.
func (t *tokenRefusal) meant(audience string) bool {
	if t.metadata != nil && audience == t.metadata.Resource {
		return true
	}
	above, err := url.Parse(audience)
	if err != nil {
		return false
	}
	at, err := url.Parse(t.resource)
	if err != nil || above.Scheme != at.Scheme || above.Host != at.Host {
		return false
	}
	path := strings.TrimSuffix(above.Path, "/")
	return at.Path == path || strings.HasPrefix(at.Path, path+"/")
}

// scopes are those of the token, nil if it does not say.
func (t *tokenRefusal) scopes() []string {
	if t.claims == nil || !t.claims.Has("scope") && !t.claims.Has("scp") {
		return nil
	}
	return append(t.words("scope"), t.words("scp")...)
}

// scope compares the token's scope with what the resource asks for.
func (t *tokenRefusal) scope() string {
	have := t.scopes()
	if have == nil && t.claims != nil {
		return "" // the provider keeps its scope elsewhere
	}
	said := strings.Join(have, " ")
	if t.challenge != nil && t.challenge.Scope != "" {
		missing := missingFrom(have, strings.Fields(t.challenge.Scope))
		if len(missing) == 0 {
			return ""
		}
		way := "log in with --scope, or use --step-up"
		if t.stepped {
			way = "the provider did not grant it to the login that asked for it"
		}
		return fmt.Sprintf("the token lacks the scope %.200q (it has %.200q): %s", strings.Join(missing, " "), said,
			way)
	}
	if t.metadata == nil || len(t.metadata.Scopes) == 0 ||
		len(missingFrom(have, t.metadata.Scopes)) < len(t.metadata.Scopes) {
		return ""
	}
	return fmt.Sprintf("the token has none of the scopes that the resource knows, %.200q (it has %.200q)",
		strings.Join(t.metadata.Scopes, " "), said)
}

// missingFrom are the words of want that have lacks.
func missingFrom(have, want []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(s string) bool { return slices.Contains(have, s) })
}

// binding compares the key that the token is bound to with how it was sent.
func (t *tokenRefusal) binding() string {
	var key, certificate bool
	if t.claims != nil {
		raw, _ := t.claims.Get("cnf")
		if cnf, err := strictjson.Parse(raw); err == nil {
			key, certificate = cnf.Has("jkt"), cnf.Has("x5t#S256")
		}
	}
	wanted := t.challenge != nil && strings.EqualFold(t.challenge.Scheme, "DPoP") ||
		t.metadata != nil && t.metadata.BoundTokensRequired
	switch {
	case key && !t.proved:
		return "the token is bound to a key (cnf.jkt), and was sent as Bearer: --dpop-key names the file of the key"
	case certificate && !t.shown:
		return "the token is bound to a client certificate (cnf.x5t#S256), and none was shown: --pem-cert and " +
			"--pem-key name it"
	case t.proved && t.claims != nil && !key:
		return "the token is not bound to a key, and was sent as DPoP: leave --dpop-key out"
	case wanted && !t.proved:
		return "the resource wants a token that is bound to a key, and this one was sent as Bearer: log in with --dpop"
	}
	return ""
}

// adviseUserInfo makes ready to say why the provider refuses UserInfo to a token.
func adviseUserInfo(r *run.Run, cfg *connect.Setup, client *oidc.Client, token string) {
	why := newRefusal(token, client, nil, r.Env.Now())
	why.clientID, why.shown = cfg.ClientID, cfg.TLSClientCertificate != ""
	why.challenge = &oidc.Challenge{Scope: "openid"}
	why.metadata = &oidc.ProtectedResource{AuthorizationServers: []string{client.Provider.Issuer}}
	r.Advise("refused token", why.advise)
}

// advise puts what explains a refusal in the place of the advice for its code, which
// fits all of them.
func (t *tokenRefusal) advise(err error, f *failure.Failure) {
	var refusal *oidc.Error
	if !errors.As(err, &refusal) || !slices.Contains([]string{"resource", "userinfo"}, refusal.Endpoint) ||
		refusal.Status != http.StatusUnauthorized && refusal.Status != http.StatusForbidden {
		return
	}
	if !slices.Contains([]string{"", "invalid_token", "insufficient_scope"}, refusal.Code) {
		return // the code says what is wrong
	}
	if found := t.explain(); len(found) > 0 {
		f.Hint = strings.Join(found, "\n")
		return
	}
	run.Advise(f, t.binding())
	run.Advise(f, t.unexplained())
}
