// Writing: objects whose members keep their order.

package strictjson

import (
	"bytes"
	"encoding/json"
)

// An Ordered is a JSON object to be written, whose members keep their order.
type Ordered []Pair

// A Pair is one member of an [Ordered]: raw JSON, or any value that
// encoding/json encodes.
type Pair struct {
	Name  string
	Value any
}

// Add adds a member at the end.
func (o *Ordered) Add(name string, value any) { *o = append(*o, Pair{name, value}) }

// MarshalJSON encodes the members in order, without the escapes for HTML that a
// URL suffers from.
func (o Ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := Encode(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := Encode(m.Value)
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

// Encode is json.Marshal without escapes for HTML.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
