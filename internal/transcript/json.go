// The JSON document: --format json.

package transcript

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Version is the member schema of the document. A change that breaks readers
// is a new number.
const Version = 1

// WriteJSON writes the run as one JSON document. What is not there is absent.
func (r *Run) WriteJSON(w io.Writer) error {
	var d document
	d.add("schema", Version)
	d.add("command", r.Command)
	if r.Issuer != "" {
		d.add("issuer", r.Issuer)
	}
	if r.TokenResponse != nil {
		d.add("token_response", r.tokenResponse())
	}
	if t := r.IDToken; t != nil {
		d.add("id_token", t.document())
	}
	if t := r.AccessToken; t != nil {
		d.add("access_token", t.document())
	}
	if t := r.RefreshToken; t != nil {
		d.add("refresh_token", t.document())
	}
	if r.UserInfo != nil {
		d.add("userinfo", json.RawMessage(r.UserInfo))
	}
	for _, m := range r.Members {
		d.add(m.Name, m.Value)
	}
	if len(r.Checks) > 0 {
		d.add("checks", r.Checks)
	}
	if r.Failure != nil {
		d.add("error", r.Failure)
	}
	compact, err := d.MarshalJSON()
	if err != nil {
		return err
	}
	return writeIndented(w, compact, "  ")
}

func (t *Token) document() document {
	var d document
	d.add("header", json.RawMessage(t.Header))
	d.add("claims", json.RawMessage(t.Claims))
	d.add("verified", t.Verified)
	return d
}

// tokenResponse is the response as received, and when the token expires.
func (r *Run) tokenResponse() document {
	var d document
	response, err := strictjson.Parse(r.TokenResponse)
	if err != nil {
		return d
	}
	for _, m := range response.Members {
		d.add(m.Name, m.Value)
	}
	if !r.ExpiresAt.IsZero() && !response.Has("expires_at") {
		d.add("expires_at", r.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return d
}

// A document is a JSON object that keeps its members' order.
type document []Member

func (d *document) add(name string, value any) { *d = append(*d, Member{name, value}) }

// MarshalJSON encodes the members in order.
func (d document) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range d {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.Value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is json.Marshal without its escapes for HTML, which a URL suffers
// from.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func writeIndented(w io.Writer, compact []byte, indent string) error {
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", indent); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeJSON(b.String())+"\n")
	return err
}
