// Faults of tokens: of ID Tokens, wherever they come from, of UserInfo, authorization
// and introspection responses as JWTs, of logout tokens, and of access and refresh
// tokens that are JWTs. Here are those of their text, RFC 7519 and RFC 8259.

package fault

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A tokenFault is a fault that several kinds of tokens can have.
type tokenFault struct {
	name, text string
	kinds      kindSet  // that it is made for
	rules      []string // that it breaks, without the kind
	rows       []string
	accept     bool
	config     string // besides the kind's
	previous   bool
	spoil      func(*token)
	keys       func(*answer) // spoils the JWK Set too
}

// A kindSet is a set of kinds of tokens.
type kindSet uint16

// The kinds of tokens.
const (
	refreshedIDToken kindSet = 1 << iota // the ID Token of a refresh
	loginIDToken                         // the ID Token that a code is redeemed for
	frontIDToken                         // the ID Token that comes through the browser, beside a code
	userInfoJWT
	accessJWT
	refreshJWT
	jarmJWT // an authorization response
	introspectionJWT
	logoutJWT

	// everyJWT has each kind once: the other ID Tokens are judged as the refreshed one.
	everyJWT = refreshedIDToken | userInfoJWT | accessJWT | refreshJWT | jarmJWT | introspectionJWT | logoutJWT
)

// kinds are the kinds of tokens, and where each is.
var kinds = []struct {
	kind                 kindSet
	name, text           string
	rule, at, by, config string
	unseen               bool // what is made of it does not show in requests
	change               func(*answer, func(*token))
}{
	{refreshedIDToken, "id-token", "the ID Token", "id_token", "token", "", "", false, (*answer).idToken},
	{
		userInfoJWT, "userinfo-jwt", "the signed UserInfo response", "userinfo", "userinfo", "", "", true,
		(*answer).userInfoJWT,
	},
	{
		accessJWT, "access-token", "the access token, a JWT,", "access_token",
		"token", "", "access_token_jwt: true\n", true, (*answer).accessToken,
	},
	{
		refreshJWT, "refresh-token", "the refresh token, a JWT,", "refresh_token",
		"token", "", "refresh_token_jwt: true\n", true, (*answer).refreshToken,
	},
	{
		loginIDToken, "login-id-token", "the ID Token of a login", "id_token",
		"token", "client", "", false, (*answer).loginIDToken,
	},
	{
		frontIDToken, "front-id-token", "the ID Token that comes with the code, through the browser,", "id_token",
		"authorization", "client", hybrid, false, (*answer).frontIDToken,
	},
	{
		jarmJWT, "jarm", "the authorization response, a JWT,", "jarm",
		"authorization", "client", signedResponse, false, (*answer).jarm,
	},
	{
		introspectionJWT, "introspection-jwt", "the introspection response, a JWT,", "introspection",
		"introspection", "introspect", "use_signed_introspection: true\n", true, (*answer).introspectionJWT,
	},
	{
		logoutJWT, "logout-token", "the logout token", "logout_token",
		backchannelLogout, "logout-receiver", "", false, (*answer).logoutToken,
	},
}

// What a relying party has to ask for.
const (
	hybrid         = "response_type: code id_token\nresponse_mode: form_post\n"
	signedResponse = "response_mode: jwt\n"
)

func tokenFaults() []Fault {
	var list []Fault
	for _, kind := range kinds {
		for _, f := range slices.Concat(signatureFaults(), algorithmFaults(), keyHeaderFaults(), headerFaults(),
			keyFaults(), encodingFaults(), payloadFaults(), claimFaults(), policyFaults(),
			oddTokenFaults()) {
			if f.kinds&kind.kind == 0 {
				continue
			}
			fault := Fault{
				Name: kind.name + "-" + f.name, Text: sentence(strings.ReplaceAll(f.text, "TOKEN", kind.text)),
				At: kind.at,
				By: kind.by, Accept: f.accept, Unseen: kind.unseen && !f.accept, Config: kind.config + f.config,
				Previous: f.previous,
				spoil:    at(kind.at, func(a *answer) { kind.change(a, f.spoil) }),
			}
			fault.Rows = append(slices.Clone(f.rows), kindRows[fault.Name]...)
			for _, rule := range f.rules {
				if !strings.Contains(rule, ".") {
					rule = kind.rule + "." + rule
				}
				fault.Breaks = append(fault.Breaks, rule)
			}
			if f.keys != nil {
				fault.spoil["jwks"] = f.keys
			}
			list = append(list, fault)
		}
	}
	return list
}

// kindRows are the rows that are about one kind of token.
var kindRows = map[string][]string{
	"jarm-alg-none": {"F25", "V79"}, "jarm-signature-spoilt": {"F26", "V79"}, "jarm-exp-past": {"F27", "V79"},
	"jarm-exp-missing": {"F28"},
	"jarm-iss-wrong":   {"F29", "V59"}, "jarm-iss-missing": {"F30"}, "jarm-aud-wrong": {"F31"},
	"jarm-aud-missing":      {"F32"},
	"logout-token-alg-none": {"B2", "L05"}, "logout-token-signature-spoilt": {"B2"},
	"logout-token-alg-other": {"B2", "L09"},
	"logout-token-aud-wrong": {"B3", "L10"}, "logout-token-iss-wrong": {"B3", "B8", "L11"},
	"logout-token-exp-past": {"B3"}, "logout-token-iat-missing": {"B3"},
}

// sentence begins a text with a capital.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

const noneBut = "token_signing_alg: [RS256]\n" // with several, another alg may be right

// header sets a member of the header, or takes it out.
func header(name string, value any) func(*token) {
	return func(t *token) { set(name, value)(t.header) }
}

// claim sets a claim, or takes it out.
func claim(name string, value any) func(*token) {
	return func(t *token) { set(name, value)(t.claims) }
}

// when sets a claim to a time from now, in seconds.
func when(name string, after time.Duration) func(*token) {
	return func(t *token) { t.claims[name] = time.Now().Add(after).Unix() }
}

// forged signs with a key that is the stranger's.
func forged(t *token) { t.key = strangersKey() }

// encodingFaults are of the text of a token: what one reader takes for the
// same, another does not.
func encodingFaults() []tokenFault {
	whole := func(change func(string) string) func(*token) { return func(t *token) { t.compact = change } }
	return []tokenFault{
		unreadable("parts-two", "TOKEN has two parts", everyJWT|loginIDToken, []string{"J13"},
			whole(func(s string) string { return s[:strings.LastIndex(s, ".")] })),
		unreadable("parts-four", "TOKEN has four parts", refreshedIDToken|userInfoJWT, []string{"J13"},
			whole(func(s string) string { return s + ".AA" })),
		unreadable("dots", "TOKEN is 200,000 dots", refreshedIDToken|userInfoJWT, []string{"J13"},
			whole(func(string) string { return strings.Repeat(".", 200_000) })),
		unreadable("long", "TOKEN is longer than 256 KiB", refreshedIDToken|userInfoJWT, []string{"J13"},
			claim("padding", strings.Repeat("x", 256<<10))),
		unreadable("json", "TOKEN is a JWS in JSON serialization", refreshedIDToken, nil, whole(func(s string) string {
			p := strings.Split(s, ".")
			return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
		})),
		unreadable("base64-padding", "TOKEN has base64 with padding", refreshedIDToken|userInfoJWT, []string{"J20"},
			whole(func(s string) string { return s + "==" })),
		unreadable("base64-standard", "TOKEN has base64 of the other alphabet (+ and /)", refreshedIDToken,
			[]string{"J20"}, func(t *token) {
				t.claims["x"] = "\u00ff\u00fe\u00ff>>>???"
				t.compact = func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }
			}),
		unreadable("base64-bits", "TOKEN has stray bits at the end of its base64", refreshedIDToken|userInfoJWT,
			[]string{"J20"}, func(t *token) {
				t.compact = func(s string) string {
					data, err := base64.RawURLEncoding.DecodeString(s[strings.LastIndex(s, ".")+1:])
					if err != nil || len(data)%3 == 0 {
						return s + "A"
					}
					const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
					last := strings.IndexByte(alphabet, s[len(s)-1])
					return s[:len(s)-1] + string(alphabet[last^1])
				}
			}),
	}
}

func payloadFaults() []tokenFault {
	payload := func(change func([]byte) []byte) func(*token) {
		return func(t *token) { t.claimsJSON = change(encode(t.claims)) }
	}
	member := func(json string) func(*token) {
		return payload(func(data []byte) []byte { return append([]byte("{"+json+","), data[1:]...) })
	}
	return []tokenFault{
		unreadable("claim-duplicate", "TOKEN has sub twice: another, and the right one",
			refreshedIDToken|userInfoJWT|accessJWT|refreshJWT|logoutJWT, []string{"J14"}, member(`"sub":"mallory"`)),
		unreadable("claim-duplicate-iss", "TOKEN has iss twice: another, and the right one", jarmJWT, []string{"J14"},
			member(`"iss":"https://evil.example"`)),
		{
			name: "claim-repeated", text: "TOKEN has iss twice, with the same value, as Keycloak sends it",
			kinds: jarmJWT, rules: []string{"unique"}, accept: true,
			spoil: func(t *token) { member(`"iss":` + string(encode(t.claims["iss"])))(t) },
		},
		unreadable("claim-duplicate-deep", "TOKEN has a member twice deep in its claims",
			refreshedIDToken|jarmJWT|introspectionJWT, []string{"J14"}, member(`"x":{"y":[{"z":1,"z":2}]}`)),
		unreadable("payload-list", "TOKEN has a payload that is a list", refreshedIDToken, []string{"H11"},
			payload(func(d []byte) []byte { return []byte("[" + string(d) + "]") })),
		unreadable("payload-string", "TOKEN has a payload that is a string", refreshedIDToken, []string{"H11"},
			payload(func([]byte) []byte { return []byte(`"claims"`) })),
		unreadable("payload-null", "TOKEN has a payload of null", refreshedIDToken, []string{"H11"},
			payload(func([]byte) []byte { return []byte("null") })),
		unreadable("payload-empty", "TOKEN has an empty payload", refreshedIDToken, []string{"H11"},
			payload(func([]byte) []byte { return []byte{} })),
		unreadable("payload-trailing", "TOKEN has text after its claims", refreshedIDToken|userInfoJWT, []string{"H11"},
			payload(func(d []byte) []byte { return append(d, "{}"...) })),
		unreadable("payload-bom", "TOKEN has a byte order mark before its claims", refreshedIDToken, []string{"H11"},
			payload(func(d []byte) []byte { return append([]byte("\xEF\xBB\xBF"), d...) })),
		unreadable("payload-utf8", "TOKEN has claims that are not UTF-8", refreshedIDToken|userInfoJWT, []string{"H13"},
			member("\"x\":\"\xff\"")),
		unreadable("payload-surrogate", "TOKEN has half a surrogate pair in its claims", refreshedIDToken|userInfoJWT,
			[]string{"H13"}, member(`"x":"\ud800"`)),
		unreadable("payload-deep", "TOKEN has claims nested 1,000 deep", refreshedIDToken|userInfoJWT, []string{"H12"},
			member(`"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000))),
		unreadable("payload-many", "TOKEN has 60,000 claims", refreshedIDToken, []string{"H12"},
			member(`"x":[`+strings.Repeat("1,", 60_000)+"1]")),
		unreadable("payload-nan", "TOKEN has the number NaN in its claims", refreshedIDToken, []string{"H11"},
			member(`"x":NaN`)),
		{
			name: "numbers", text: "TOKEN has numbers that no float64 holds, and fractions of seconds",
			kinds: refreshedIDToken | userInfoJWT, accept: true, rows: []string{"H20", "J17"},
			spoil: func(t *token) {
				t.claims["big"], t.claims["fraction"] = json.Number("9007199254740993"),
					json.Number("0.10000000000000000001")
				t.claims["exp"] = json.Number(formatSeconds(5*time.Minute) + ".5")
			},
		},
		{
			name: "escapes", text: "TOKEN has claims with escape sequences, overrides and line separators",
			kinds: refreshedIDToken | userInfoJWT, accept: true, rows: []string{"H14"},
			spoil: claim("note",
				"\x1b]0;pwned\x07\x1b[2J\u009b31m\u202egnp.exe\u2028\x00\x7f\r\n[INFO]  oidc-client: all is well"),
		},
	}
}

// unreadable is a fault that makes a token no JWT that can be read.
func unreadable(name, text string, kinds kindSet, rows []string, spoil func(*token)) tokenFault {
	return tokenFault{name: name, text: text, kinds: kinds, rules: []string{"readable"}, rows: rows, spoil: spoil}
}

// formatSeconds is a time from now as a NumericDate.
func formatSeconds(after time.Duration) string {
	return string(encode(time.Now().Add(after).Unix()))
}
