// The JSON Schema of the file, from the table of parameters.

package config

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// SchemaID is where the schema will be found.
const SchemaID = "https://raw.githubusercontent.com/oidc-client/oidc-client/main/docs/config.schema.json"

// An object is a JSON object to be written: names and values, in order.
type object [][2]any

// MarshalJSON encodes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var ordered strictjson.Ordered
	for _, m := range o {
		ordered.Add(m[0].(string), m[1])
	}
	return ordered.MarshalJSON()
}

// Schema returns the JSON Schema (draft 2020-12) of the configuration file.
func Schema() ([]byte, error) {
	data, err := strictjson.Encode(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", SchemaID},
		{"title", "Configuration of oidc-client"},
		{
			"description",
			"One client at one OpenID Provider. Required are issuer and client_id, unless flags or the environment " +
				"give them.",
		},
		{"type", "object"},
		{"additionalProperties", false},
		{"properties", properties("")},
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// properties are the keys of a group, "" for the top.
func properties(group string) object {
	var all object
	done := map[string]bool{}
	for _, p := range parameters {
		name, inGroup := strings.CutPrefix(p.Key, group)
		if !inGroup {
			continue
		}
		if sub, _, nested := strings.Cut(name, "."); nested {
			if !done[sub] {
				done[sub] = true
				all = append(all, [2]any{sub, object{
					{"type", "object"}, {"additionalProperties", false}, {"properties", properties(sub + ".")},
				}})
			}
			continue
		}
		all = append(all, [2]any{name, p.schema("")})
		for _, alias := range p.Aliases {
			all = append(all, [2]any{alias, p.schema(p.Key)})
		}
	}
	return all
}

// schema is the schema of one value; insteadOf is the right spelling of a
// misspelt key.
func (p Parameter) schema(insteadOf string) object {
	text := strings.ToUpper(p.Help[:1]) + p.Help[1:] + "."
	if insteadOf != "" {
		text = "Use " + insteadOf + "."
	}
	s := object{{"description", text}}
	if insteadOf != "" {
		s = append(s, [2]any{"deprecated", true})
	}
	item := object{{"type", "string"}}
	if p.Values != nil {
		item = append(item, [2]any{"enum", p.Values})
	}
	switch p.field(prototype).(type) {
	case *bool, **bool:
		return append(s, [2]any{"type", "boolean"})
	case *int64, **int64:
		return append(s, [2]any{"type", "integer"}, [2]any{"minimum", 0})
	case **time.Duration:
		return append(s, [2]any{"type", "string"},
			[2]any{"pattern", `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^\$\{.*\}$|^0$`})
	case *[]string:
		return append(s, [2]any{"type", "array"}, [2]any{"items", item})
	case *map[string]string:
		return append(s, [2]any{"type", "object"},
			[2]any{"additionalProperties", object{{"type", []string{"string", "number", "boolean"}}}})
	case *map[string]any:
		return append(s, [2]any{"type", "object"})
	}
	return append(s, item...)
}
