package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// each spells every character of a text by a format of its code.
func each(format string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
}

// eachRune is each for formats that have codes of Unicode.
func eachRune(format string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for _, r := range text {
			fmt.Fprintf(&b, format, r)
		}
		return b.String()
	}
}

// eachUnit is each for formats that have codes of UTF-16.
func eachUnit(format string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(text)) {
			fmt.Fprintf(&b, format, unit)
		}
		return b.String()
	}
}

// lower is url.QueryEscape with digits such as .NET writes them.
func lower(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if escaped := url.QueryEscape(string([]byte{c})); len(escaped) == 3 {
			b.WriteString(strings.ToLower(escaped))
		} else {
			b.WriteString(escaped)
		}
	}
	return b.String()
}

func asJSON(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return ""
	}
	return string(data[1 : len(data)-1])
}

// spellings are ways to write a secret. The text before and after it in base64 is of the
// lengths that move it within the groups.
func spellings() map[string]func(string) string {
	quote := func(text string) string { return strings.Trim(strconv.Quote(text), `"`) }
	component := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	all := map[string]func(string) string{
		"as it is":           func(text string) string { return text },
		"form":               url.QueryEscape,
		"form, lower case":   lower,
		"path":               url.PathEscape,
		"component":          component,
		"slash left":         func(text string) string { return strings.ReplaceAll(component(text), "%2F", "/") },
		"every character":    each("%%%02X"),
		"every one lower":    each("%%%02x"),
		"HTML":               html.EscapeString,
		"HTML decimal":       eachRune("&#%d;"),
		"HTML decimal, bare": eachRune("&#%d"),
		"HTML hexadecimal":   eachRune("&#x%x;"),
		"HTML upper case":    eachRune("&#X%X;"),
		"HTML zeros":         eachRune("&#x%06x;"),
		"HTML names": strings.NewReplacer("/", "&sol;", "+", "&plus;", "=", "&equals;", `"`, "&quot;", "&",
			"&amp;").Replace,
		"JSON":                 asJSON,
		"JSON slash":           func(text string) string { return strings.ReplaceAll(asJSON(text), "/", `\/`) },
		"JSON every character": eachUnit(`\u%04x`),
		"JSON upper case":      eachUnit(`\u%04X`),
		"Go":                   quote,
		"Go bytes":             each(`\x%02x`),
		"Go long":              eachRune(`\U%08x`),
		"Go twice":             func(text string) string { return quote(quote(text)) },
		"form twice":           func(text string) string { return url.QueryEscape(url.QueryEscape(text)) },
		"form in JSON":         func(text string) string { return asJSON(url.QueryEscape(text)) },
		"JSON in form":         func(text string) string { return url.QueryEscape(asJSON(text)) },
		"JSON in HTML":         func(text string) string { return html.EscapeString(asJSON(text)) },
		"HTML in JSON in form": func(text string) string { return url.QueryEscape(asJSON(html.EscapeString(text))) },
		"hexadecimal":          func(text string) string { return hex.EncodeToString([]byte(text)) },
		"hexadecimal upper":    each("%02X"),
	}
	for name, encoding := range map[string]*base64.Encoding{
		"base64": base64.StdEncoding, "base64 unpadded": base64.RawStdEncoding, "base64url": base64.URLEncoding,
		"base64url unpadded": base64.RawURLEncoding,
	} {
		for before := range 3 {
			for after := range 3 {
				all[fmt.Sprintf("%s %d %d", name, before, after)] = func(text string) string {
					return encoding.EncodeToString([]byte("cli"[:before] + text + "end"[:after]))
				}
			}
		}
		all[name+" in a form"] = func(text string) string { return lower(encoding.EncodeToString([]byte(text))) }
	}
	return all
}

func tag(*Secret) string { return "[secret]" }

// A secret is found in every spelling, at every place, and what stands around it stays.
func TestSpellings(t *testing.T) {
	t.Parallel()
	for _, plain := range []string{
		"kZ/9+Qw==abcDEF", `with "quotes" & <brackets> and 'more'`, `back\slash\n/and%2Fpercent&amp;more`,
		"pässwörd/😀+x", "a-b_c~d.e/f+g=h ij",
		"secret", strings.Repeat("0123456789abcdef", 300), "%%%%%%%%", `\\\\\\\\`, "&&&&&&&&",
	} {
		for name, spell := range spellings() {
			secrets := []*Secret{New("another-secret", true), New(plain, true)}
			for _, around := range [][2]string{
				{"", ""},
				{"it is <", "> and no other"},
				{`{"a":"`, `"}`},
				{"x=", "&y=z"},
			} {
				got := Replace(around[0]+spell(plain)+around[1], secrets, tag)
				got = strings.ReplaceAll(got, "[secret][secret]", "[secret]") // of escapes of nothing but escapes
				if got != around[0]+"[secret]"+around[1] {
					t.Errorf("%s of %.40q: %.200q", name, plain, got)
				}
			}
		}
	}
}

// What is left of a secret that was cut is found as well, if it is long enough.
func TestBeginnings(t *testing.T) {
	t.Parallel()
	const plain = "canary/secret+that=is&long"
	for name, spell := range spellings() {
		if strings.HasPrefix(name, "base64") && !strings.HasSuffix(name, "0 0") {
			continue
		}
		whole := spell(plain)
		cut := whole[:len(whole)*9/10]
		if got := Replace("it begins "+cut, []*Secret{New(plain, true)}, tag); !strings.HasPrefix(got,
			"it begins [secret]") || len(got) > len("it begins [secret]")+12 {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := Replace("canary/secret", []*Secret{New(plain, true)}, tag); got != "canary/secret" {
		t.Errorf("a word of 13 bytes is gone: %q", got)
	}
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.signature"
	if got := Replace(jwt[:30], []*Secret{New(jwt, false)}, tag); got != jwt[:30] {
		t.Errorf("the beginning of a JWT is gone: %q", got)
	}
}

// Other text stays, whatever it looks like.
func TestOtherTextStays(t *testing.T) {
	t.Parallel()
	secrets := []*Secret{New("canary-secret", true), New("kZ/9+Qw==abcDEF", true)}
	if got := Replace("the canary secret, canary_secret, Canary-Secret", secrets,
		tag); got != "the canary secret, canary_secret, Canary-Secret" {
		t.Errorf("other words are gone: %q", got)
	}
	for _, text := range []string{
		"", "plain ünïcode 漢字 😀", "100% of &amp; \\u0041 &#65 %41 %4", "&nosuch; &amp &#; &#x; %zz \\u12 \\q \\",
		"\xff\xfe", "Y2FuYXJ5", "canary", "\\ud83d\\ude00",
	} {
		if got := Replace(text, secrets, tag); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Of secrets that overlap nothing is left, and each has its own tag.
func TestOverlaps(t *testing.T) {
	t.Parallel()
	secrets := []*Secret{New("abcdef", true), New("defghi", true), New("abcdefgh", true)}
	show := func(s *Secret) string { return "<" + s.Plain + ">" }
	for text, want := range map[string]string{
		"abcdef":       "<abcdef>",
		"abcdefgh":     "<abcdefgh>",
		"abcdefghi":    "<abcdefgh>",
		"xdefghix":     "x<defghi>x",
		"abcdefabcdef": "<abcdef><abcdef>",
	} {
		if got := Replace(text, secrets, show); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// A text of the longest that is read, made to be slow, is not.
func TestReplaceIsFast(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	secrets := []*Secret{
		New(strings.Repeat("a", 1000), true), New("%25%25%25%25%25%25%25%25", true),
		New("canary-secret", true),
	}
	for _, unit := range []string{
		"a", "%25", "%2525", `\u005c`, `\\`, "&amp;", "&", "&#", "aaaaaaaaaaaaaaaaaaaab",
		"canary-secre",
	} {
		began := time.Now()
		Replace(strings.Repeat(unit, size/len(unit)), secrets, tag)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %s", unit, took)
		}
	}
}

// However the characters of a secret are spelled, it is found.
func FuzzReplace(f *testing.F) {
	f.Add("canary/secret+1", []byte{0, 1, 2, 3, 4, 5, 6, 7}, "before %4", "after")
	ways := []func(string) string{
		func(c string) string { return c }, each("%%%02x"), each("%%%02X"), eachRune("&#%d;"), eachRune("&#x%x;"),
		eachUnit(`\u%04x`), each(`\x%02x`),
		func(c string) string { return each("%%%02x")(each("%%%02x")(c)) },
	}
	f.Fuzz(func(t *testing.T, plain string, how []byte, before, after string) {
		if len(plain) < 6 || len(how) == 0 ||
			strings.ContainsFunc(plain+before+after, func(r rune) bool { return r < 0x20 || r > 0x7e }) ||
			strings.ContainsAny(plain+after, `%&\`) || strings.ContainsAny(before, `%&\`) {
			return
		}
		var b strings.Builder
		for i := range len(plain) {
			b.WriteString(ways[int(how[i%len(how)])%len(ways)](plain[i : i+1]))
		}
		got := Replace(before+" "+b.String()+" "+after, []*Secret{New(plain, true)}, tag)
		if !strings.Contains(got, "[secret]") {
			t.Fatalf("%q is left of %q", got, plain)
		}
	})
}
