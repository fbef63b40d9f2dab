// The JSON document: --format json.

package transcript

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Version is the member schema of the document. A change that breaks readers
// is a new number.
const Version = 1

// MarshalJSON implements [json.Marshaler].
func (t *Token) MarshalJSON() ([]byte, error) { return t.Document().MarshalJSON() }

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

func writeIndented(w io.Writer, compact []byte, indent string) error {
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", indent); err != nil {
		return err
	}
	_, err := io.WriteString(w, EscapeJSON(b.String())+"\n")
	return err
}
