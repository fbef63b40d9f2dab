// Redaction: secrets are replaced where they are recorded, not where they are
// shown.

package transcript

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/redact"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// secretNames are the parameters, members and headers whose values are
// secrets, in forms, URLs, JSON and headers alike.
var secretNames = []string{
	"access_token", "refresh_token", "id_token", "id_token_hint", "client_secret", "client_assertion",
	"assertion", "subject_token", "actor_token", "token", "code", "code_verifier", "device_code", "password",
	"registration_access_token", "logout_token", "request", "response", "software_statement", "auth_req_id",
	"login_hint_token", "client_notification_token", "initial_access_token", "user_code",
	"k", "d", "p", "q", "dp", "dq", "qi",
}

func isSecret(name string) bool { return secretSet()[plainName(name)] }

// plainName is a name without what spellings of it differ in: access_token,
// accessToken and Access-Token are one.
func plainName(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "_", ""), "-", ""))
}

// secretSet are the secretNames, plain.
var secretSet = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, name := range secretNames {
		set[plainName(name)] = true
	}
	return set
})

// secretHeaders are the headers whose values are secrets.
var secretHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Dpop", "X-Api-Key",
}

// NamesSecret says whether a header that the user adds seems by its name to
// hold a secret.
func NamesSecret(header string) bool {
	for _, word := range []string{"key", "token", "secret", "auth", "cookie", "password", "session"} {
		if strings.Contains(strings.ToLower(header), word) {
			return true
		}
	}
	return false
}

// A Redactor replaces secrets by tags: an HMAC under a key of this run, so that
// equal secrets have equal tags and no tag tells anything of its secret. It is
// safe for concurrent use.
type Redactor struct {
	key    [32]byte
	reveal bool // replace nothing
	mu     sync.Mutex
	known  []*redact.Secret   // secrets to replace wherever they turn up
	named  []*redact.Secret   // what a provider called a secret: replaced in exchanges only
	seen   [2]map[string]bool // what is in known, and in named
}

// The bounds of what is learnt: a provider chooses how much it calls a secret.
const (
	mostNamed   = 1000
	leastLength = 6 // shorter ones are only replaced by name
	leastNamed  = 16
)

// NewRedactor makes a redactor with a key of its own.
func NewRedactor() *Redactor {
	r := &Redactor{}
	_, _ = rand.Read(r.key[:]) // never fails
	return r
}

// Learn makes the redactor replace a secret wherever it turns up, also in text
// that nobody expects it in, such as a provider's error message. Very short
// ones are only replaced by name.
func (r *Redactor) Learn(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		// The beginning of a JWT is no secret: it says what all its kind say.
		r.known = add(r.known, &r.seen[0], s, leastLength, !strings.HasPrefix(s, "eyJ"))
	}
}

// learnNamed learns what a provider calls a secret, as long as it does not do so
// without end. It may be any word, so it is replaced in exchanges only.
func (r *Redactor) learnNamed(name, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	token := slices.Contains([]string{"accesstoken", "refreshtoken", "idtoken"}, plainName(name))
	if token || len(r.named) < mostNamed {
		r.named = add(r.named, &r.seen[1], value, leastNamed, false)
	}
}

// add adds a secret to a list. cut is that of [redact.Secret].
func add(list []*redact.Secret, seen *map[string]bool, secret string, least int, cut bool) []*redact.Secret {
	if len(secret) < least || (*seen)[secret] {
		return list
	}
	if *seen == nil {
		*seen = map[string]bool{}
	}
	(*seen)[secret] = true
	return append(list, redact.New(secret, cut))
}

// LearnRequest learns the secrets of a request: the credential in its header,
// and those in its form. An answer may repeat any of them.
func (r *Redactor) LearnRequest(h http.Header, form []byte) {
	for _, name := range secretHeaders {
		for _, value := range h.Values(name) {
			scheme, credential, ok := strings.Cut(value, " ")
			if !ok {
				credential = scheme
			}
			r.Learn(credential)
			if pair, err := base64.StdEncoding.DecodeString(credential); err == nil {
				_, password, _ := strings.Cut(string(pair), ":")
				plain, _ := url.QueryUnescape(password) // as it was before RFC 6749 section 2.3.1
				r.Learn(string(pair), password, plain)
			}
		}
	}
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return
	}
	for name, list := range values {
		if isSecret(name) {
			r.Learn(list...)
		}
	}
}

// Tag is what stands in the place of a secret.
func (r *Redactor) Tag(secret string) string {
	if r.reveal {
		return secret
	}
	mac := hmac.New(sha256.New, r.key[:])
	mac.Write([]byte(secret))
	return fmt.Sprintf("[secret %x]", mac.Sum(nil)[:4])
}

// Text replaces the secrets that were learnt, in whatever spelling, and the beginnings of them
// that are left where evidence was cut short.
func (r *Redactor) Text(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.without(text, r.known)
}

// exchanged is Text for a part of an exchange, where what a provider called a
// secret is replaced too.
func (r *Redactor) exchanged(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.without(r.without(text, r.known), r.named)
}

// without replaces secrets by their tags.
func (r *Redactor) without(text string, secrets []*redact.Secret) string {
	if r.reveal {
		return text
	}
	return redact.Replace(text, secrets, func(s *redact.Secret) string { return r.Tag(s.Plain) })
}

// value replaces the value of a secret parameter. A JWT is a secret under any name. It keeps its
// header and payload and loses the signature, without which it is worth nothing.
func (r *Redactor) value(name, value string) string {
	parts := strings.Split(value, ".")
	jwt := len(parts) == 3 && strings.HasPrefix(value, "eyJ")
	if r.reveal || !jwt && !isSecret(name) {
		return r.exchanged(value)
	}
	r.learnNamed(name, value) // it may be repeated elsewhere
	if jwt {
		return parts[0] + "." + parts[1] + "." + r.Tag(value)
	}
	return r.Tag(value)
}

// Form returns the parameters of a form, one a line, sorted.
func (r *Redactor) Form(form url.Values) []string {
	return r.lines(sorted(form, "=", r.value))
}

// Parameters returns the parameters of a query or a form in their order, without secrets. It is nil
// if the text is neither.
func (r *Redactor) Parameters(encoded string) []Parameter {
	var list []Parameter
	for part := range strings.SplitSeq(encoded, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if nameErr != nil || valueErr != nil {
			return nil
		}
		if part != "" {
			list = append(list, Parameter{r.exchanged(name), r.exchanged(r.value(name, value))})
		}
	}
	return list
}

// Document returns a JSON document, indented, with the secrets in it replaced: those that were learnt
// and, by name, those that were not.
func (r *Redactor) Document(document []byte) string { return r.Body("application/json", document) }

// lines replaces what was learnt in lines whose values were looked at: a name
// can be a secret too.
func (r *Redactor) lines(list []string) []string {
	for i, line := range list {
		list[i] = r.exchanged(line)
	}
	return list
}

// sorted writes every value of every name as one line, sorted.
func sorted(values map[string][]string, separator string, show func(name, value string) string) []string {
	var lines []string
	for name, list := range values {
		for _, v := range list {
			lines = append(lines, name+separator+show(name, v))
		}
	}
	slices.Sort(lines)
	return lines
}

// URL returns a URL with the secrets in its query and fragment replaced.
func (r *Redactor) URL(u *url.URL) string {
	c := *u
	c.User, c.RawQuery, c.Fragment, c.RawFragment = nil, "", "", ""
	text := c.String()
	for _, part := range [][2]string{{"?", u.RawQuery}, {"#", u.EscapedFragment()}} {
		if values, err := url.ParseQuery(part[1]); err == nil && len(values) > 0 {
			text += part[0] + strings.Join(r.Form(values), "&")
		}
	}
	return r.exchanged(text)
}

// Header returns the headers, one a line, sorted.
func (r *Redactor) Header(h http.Header) []string {
	named := map[string][]string{}
	for name, values := range h {
		shown := r.headerName(name)
		named[shown] = append(named[shown], values...)
	}
	return r.lines(sorted(named, ": ", r.header))
}

// headerName replaces a secret in the place of a name, whose case net/http
// changes.
func (r *Redactor) headerName(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.known {
		if strings.Contains(strings.ToLower(name), strings.ToLower(s.Plain)) {
			return r.Tag(s.Plain)
		}
	}
	return name
}

func (r *Redactor) header(name, value string) string {
	if !slices.Contains(secretHeaders, http.CanonicalHeaderKey(name)) {
		if name == "Location" {
			if u, err := url.Parse(value); err == nil {
				return r.URL(u)
			}
		}
		return r.exchanged(value)
	}
	schemed := slices.Contains([]string{"Authorization", "Proxy-Authorization"}, http.CanonicalHeaderKey(name))
	if scheme, secret, ok := strings.Cut(value, " "); schemed && ok && !strings.Contains(scheme, "=") {
		return scheme + " " + r.Tag(secret)
	}
	return r.Tag(value)
}

// Body returns a body with the secrets in it replaced: JSON and forms by name,
// a JWT without its signature, a page of HTML as text. What else there is cannot
// be looked through, and is not shown.
func (r *Redactor) Body(mediaType string, body []byte) string {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	switch {
	case len(body) == 0:
		return ""
	case r.reveal:
		return Indent(body)
	case mediaType == formType:
		if form, err := url.ParseQuery(string(body)); err == nil {
			return strings.Join(r.Form(form), "\n")
		}
	case strings.HasSuffix(mediaType, "jwt"):
		return r.exchanged(r.value("token", strings.TrimSpace(string(body))))
	}
	if doc, err := strictjson.Parse(body); err == nil {
		return r.exchanged(Indent(r.object(doc))) // Text last: by then all its secrets are known
	}
	if (strings.HasPrefix(strings.TrimSpace(string(body)), "<") || onlyWords(body)) && !looksSecret(body) {
		return r.exchanged(string(body))
	}
	return fmt.Sprintf("[%d bytes that cannot be read, not shown because they may hold secrets]", len(body))
}

// onlyWords reports whether text has no word as long as a token.
func onlyWords(body []byte) bool {
	return !slices.ContainsFunc(strings.Fields(string(body)), func(word string) bool { return len(word) >= 16 })
}

// looksSecret reports whether text mentions the name of a secret.
func looksSecret(body []byte) bool {
	text := plainName(string(body))
	return strings.Contains(text, `name="code"`) || slices.ContainsFunc(secretNames, func(name string) bool {
		return len(name) > 4 && strings.Contains(text, plainName(name))
	})
}

func (r *Redactor) object(o *strictjson.Object) []byte {
	var d strictjson.Ordered
	for _, m := range o.Members {
		d.Add(m.Name, json.RawMessage(r.json(m.Name, m.Value)))
	}
	data, err := d.MarshalJSON()
	if err != nil {
		return []byte("{}")
	}
	return data
}

// json replaces the secrets in the value of a member.
func (r *Redactor) json(name string, raw json.RawMessage) []byte {
	if text, ok := strictjson.Text(raw); ok {
		data, err := strictjson.Encode(r.value(name, text))
		if err != nil {
			return []byte(`""`)
		}
		return data
	}
	if isSecret(name) && raw[0] != '[' && string(raw) != "null" { // a secret in another wrapping
		data, err := strictjson.Encode(r.Tag(string(raw)))
		if err != nil {
			return []byte(`""`)
		}
		return data
	}
	if o, err := strictjson.Parse(raw); err == nil {
		return r.object(o)
	}
	list, err := strictjson.Array(raw)
	if err != nil {
		return raw // a number or a literal
	}
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = string(r.json(name, item))
	}
	return []byte("[" + strings.Join(parts, ",") + "]")
}
