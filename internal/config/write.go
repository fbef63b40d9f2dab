// Writing a configuration file of settings.

package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Given returns the value of every key that a source set, by key.
func (c *Config) Given() map[string]any {
	given := map[string]any{}
	for _, p := range parameters {
		if _, there := c.Origin[p.Key]; there {
			given[p.Key] = value(p.field(c))
		}
	}
	return given
}

// value returns what a field of a Config holds.
func value(field any) any {
	switch of := field.(type) {
	case *string:
		return *of
	case *bool:
		return *of
	case **bool:
		return **of
	case *int64:
		return *of
	case **int64:
		return **of
	case **time.Duration:
		return (*of).String()
	case *[]string:
		return *of
	case *map[string]string:
		return *of
	case *map[string]any:
		return *of
	}
	return nil
}

// Write returns a configuration file of settings, values by key, which [Load] reads as they are. It is
// in the order of the reference.
func Write(settings map[string]any) []byte {
	var b strings.Builder
	group := ""
	for _, p := range parameters {
		set, there := settings[p.Key]
		if !there {
			continue
		}
		of, key, grouped := strings.Cut(p.Key, ".")
		switch {
		case !grouped:
			key = p.Key
		case of != group:
			fmt.Fprintf(&b, "%s:\n", of)
			group = of
		}
		if grouped {
			key = "  " + key
		}
		fmt.Fprintf(&b, "%s: %s\n", key, written(set))
	}
	return []byte(b.String())
}

// written returns a value as YAML, on one line.
func written(v any) string {
	switch v := v.(type) {
	case string:
		return Quote(v)
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = Quote(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]string:
		var items []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			items = append(items, quotedName(name)+": "+Quote(v[name]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	text, err := json.Marshal(v) // which is YAML too
	if err != nil {
		return "null"
	}
	return string(text)
}

// quotedName returns the name of a member of a mapping as YAML. [Load] expands no variables in it.
func quotedName(name string) string {
	text, err := json.Marshal(name)
	if err != nil {
		return `""`
	}
	return string(text)
}

// Allows reports whether a value is one that a key can have.
func Allows(key, value string) bool {
	p, known := find(key)
	return known && (p.Values == nil || slices.Contains(p.Values, value))
}

// SecretSize is how long the secret must be, in bytes, that an algorithm signs with (RFC 7518 section
// 3.2). It is 0 for an algorithm that signs with a key pair.
func SecretSize(algorithm string) int {
	switch algorithm {
	case "HS256":
		return 32
	case "HS384":
		return 48
	case "HS512":
		return 64
	}
	return 0
}
