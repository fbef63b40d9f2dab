// What a configuration says, for people to read: without its secrets.

package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A Setting is a key of a configuration with its value as YAML, and where that comes from. The value
// of a secret is not in it.
type Setting struct {
	Key, Value string
	Secret     bool
	Origin     Origin
}

// String returns the setting as a line of the file.
func (s Setting) String() string {
	if s.Secret {
		return "# " + s.Key + " is set; it is a secret"
	}
	return s.Key + ": " + s.Value
}

// Settings returns what was set, in the order of the reference.
func (c *Config) Settings() []Setting {
	var list []Setting
	for _, p := range parameters {
		origin, ok := c.Origin[p.Key]
		if !ok {
			continue
		}
		s := Setting{Key: p.Key, Secret: p.Secret, Origin: origin}
		if !p.Secret {
			s.Value = valueText(p.field(c))
		}
		list = append(list, s)
	}
	return list
}

// valueText is the value of a field as YAML.
func valueText(field any) string {
	switch value := field.(type) {
	case *string:
		return Quote(*value)
	case *bool:
		return strconv.FormatBool(*value)
	case **bool:
		return pointed(*value)
	case *int64:
		return strconv.FormatInt(*value, 10)
	case **int64:
		return pointed(*value)
	case **time.Duration:
		return pointed(*value)
	case *[]string:
		quoted := make([]string, len(*value))
		for i, one := range *value {
			quoted[i] = Quote(one)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case *map[string]string:
		return "{" + strings.Join(pairs(*value), ", ") + "}" // names only: a header may hold a secret
	}
	data, err := strictjson.Encode(field)
	if err != nil {
		return "..."
	}
	return string(data)
}

// pointed is what a pointer points to, "null" if it points to nothing.
func pointed[T any](value *T) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprint(*value)
}

// pairs are the names of a mapping, sorted, without its values.
func pairs(values map[string]string) []string {
	var list []string
	for name := range values {
		list = append(list, Quote(name)+": ...")
	}
	slices.Sort(list)
	return list
}
