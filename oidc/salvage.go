// What is saved of a response that cannot be used: a refresh token or a client secret in it may
// be the only one that works.

package oidc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A salvager says what to look for in a response that cannot be used.
type salvager struct {
	members []string

	// enough reports whether the members that were found are a response of the kind. first says
	// that they are from the beginning of the body: in the midst of something else more is
	// needed, or any page could put itself in the place of a good response.
	enough func(found map[string]string, first bool) bool
}

var tokenSalvager = salvager{
	members: []string{"access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope"},
	enough: func(found map[string]string, first bool) bool {
		return found["access_token"] != "" || found["refresh_token"] != "" && first
	},
}

// tokens returns the tokens in a response of the token endpoint, whatever else it is, and nil if
// it has none. A refusal has to hold an access token too, and one by its HTTP status both tokens,
// to be taken for anything else.
func (r *response) tokens() *strictjson.Object {
	doc, err := strictjson.Parse(r.body)
	if err != nil || !doc.Has("access_token") && scalar(doc, "refresh_token") == "" {
		doc = tokenSalvager.salvage(r.body)
	}
	if doc == nil {
		return nil
	}
	access, refresh := doc.Has("access_token"), scalar(doc, "refresh_token") != ""
	if r.status/100 != 2 && (!access || !refresh) || r.oauthError() != nil && !access {
		return nil
	}
	return doc
}

// scalar returns the string called name, or the text of a number, which some servers send
// instead; "" if there is neither.
func scalar(doc *strictjson.Object, name string) string {
	if text, err := doc.String(name); err == nil {
		return text
	}
	if _, there, err := doc.Number(name); there && err == nil {
		raw, _ := doc.Get(name)
		return string(raw)
	}
	return ""
}

// salvage reads what can be read of a body that is not well-formed, or has what is looked for
// further inside. It is never accepted as a response. nil means that there is not enough.
func (s salvager) salvage(body []byte) *strictjson.Object {
	const attempts = 64
	text := bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\uFEFF"))
	for n, at := 0, 0; n < attempts; n++ {
		next := bytes.IndexByte(text[at:], '{')
		if next < 0 {
			break
		}
		at += next
		if found := s.object(text[at:]); s.enough(found, at == 0) {
			return s.document(found)
		}
		at++
	}
	found := s.scan(text)
	if !s.enough(found, false) && !bytes.HasPrefix(text, []byte("<")) {
		found = s.form(text)
	}
	if !s.enough(found, false) {
		return nil
	}
	return s.document(found)
}

// object reads the members of an object as far as it goes, as strings.
func (s salvager) object(text []byte) map[string]string {
	found := map[string]string{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a number of any size is no reason to lose a token
	_, err := d.Token()
	for err == nil && d.More() {
		var name, value json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		if value, err = d.Token(); err != nil {
			break
		}
		if _, nested := value.(json.Delim); nested {
			err = skip(d)
			continue
		}
		key, _ := name.(string)
		if text := fmt.Sprint(value); value != nil && text != "" && slices.Contains(s.members, key) {
			if _, isString := value.(string); isString || found[key] == "" {
				found[key] = text
			}
		}
	}
	return found
}

// scan looks for members in text that is almost JSON.
func (s salvager) scan(text []byte) map[string]string {
	found := map[string]string{}
	for _, name := range s.members {
		member := regexp.MustCompile(`"` + name + `"\s*:\s*("(?:[^"\\]|\\.)*"|[0-9]+)`)
		for _, match := range member.FindAllSubmatch(text, -1) {
			var value any
			if json.Unmarshal(match[1], &value) != nil {
				continue
			}
			if token, isString := value.(string); isString {
				found[name] = token
			} else if found[name] == "" {
				found[name] = string(match[1])
			}
		}
	}
	return found
}

// form reads members of a body that is form-urlencoded.
func (s salvager) form(text []byte) map[string]string {
	found := map[string]string{}
	values, _ := url.ParseQuery(string(text)) // as far as it can be read
	for _, name := range s.members {
		found[name] = values.Get(name)
	}
	return found
}

func (s salvager) document(members map[string]string) *strictjson.Object {
	var o strictjson.Ordered
	for _, name := range s.members {
		if members[name] != "" {
			o.Add(name, members[name])
		}
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return nil
	}
	doc, err := strictjson.Parse(data)
	if err != nil {
		return nil
	}
	return doc
}

// skip reads to the end of the array or object that was just begun.
func skip(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}
