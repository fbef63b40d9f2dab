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
	var d strictjson.Ordered
	d.Add("schema", Version)
	d.Add("command", r.Command)
	if r.Issuer != "" {
		d.Add("issuer", r.Issuer)
	}
	if r.TokenResponse != nil {
		d.Add("token_response", r.tokenResponse())
	}
	if t := r.IDToken; t != nil {
		d.Add("id_token", t.Document())
	}
	if t := r.AccessToken; t != nil {
		d.Add("access_token", t.Document())
	}
	if t := r.RefreshToken; t != nil {
		d.Add("refresh_token", t.Document())
	}
	if r.UserInfo != nil {
		d.Add("userinfo", json.RawMessage(r.UserInfo))
	}
	for _, m := range r.Members {
		d.Add(m.Name, m.Value)
	}
	if len(r.Checks) > 0 {
		d.Add("checks", r.Checks)
	}
	if r.Failure != nil {
		d.Add("error", r.Failure)
	}
	compact, err := d.MarshalJSON()
	if err != nil {
		return err
	}
	return writeIndented(w, compact, "  ")
}

// Document is the token as a JSON object.
func (t *Token) Document() strictjson.Ordered {
	var d strictjson.Ordered
	if t.Encryption != nil {
		d.Add("encryption_header", json.RawMessage(t.Encryption))
	}
	d.Add("header", json.RawMessage(t.Header))
	d.Add("claims", json.RawMessage(t.Claims))
	d.Add("verified", t.Verified)
	return d
}

// tokenResponse is the response as received, and when the token expires.
func (r *Run) tokenResponse() strictjson.Ordered {
	var d strictjson.Ordered
	response, err := strictjson.Parse(r.TokenResponse)
	if err != nil {
		return d
	}
	for _, m := range response.Members {
		d.Add(m.Name, m.Value)
	}
	if !r.ExpiresAt.IsZero() && !response.Has("expires_at") {
		d.Add("expires_at", r.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return d
}

func writeIndented(w io.Writer, compact []byte, indent string) error {
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", indent); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeJSON(b.String())+"\n")
	return err
}
