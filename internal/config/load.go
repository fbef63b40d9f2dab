// Reading: file, environment and flags, in rising order of weight.

package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// Sources are where a configuration comes from.
type Sources struct {
	Name    string              // of the file, for messages
	File    []byte              // nil if there is none
	Getenv  func(string) string // nil means no environment
	Flags   map[string][]string // values of the flags that were given, by flag name
	Require []string            // keys that must be set

	// Anonymous says that the client does not authenticate: its secret may be missing.
	Anonymous bool
}

// Load reads a configuration. The error is [Problems]: everything that is
// wrong, in the order of the file. What could be read is returned all the same, to look
// for more that is wrong.
func Load(s Sources) (*Config, error) {
	l := &loader{
		config: &Config{File: s.Name, Origin: map[string]Origin{}}, name: s.Name, getenv: s.Getenv,
		anonymous: s.Anonymous,
	}
	if l.getenv == nil {
		l.getenv = func(string) string { return "" }
	}
	l.file(s.File)
	for _, p := range parameters {
		if name := p.Env(); name != "" {
			if value := l.getenv(name); value != "" {
				l.set(p, Origin{Name: name}, []string{value})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Flags)) {
		if p, ok := Lookup(name); ok {
			l.set(p, Origin{Name: "--" + name}, s.Flags[name])
		}
	}
	for _, key := range s.Require {
		if l.unreadable {
			break // what is missing may be in what could not be read
		}
		if _, ok := l.config.Origin[key]; !ok && !l.complained(key) {
			l.complain(Origin{Name: l.name}, "", "%s is missing%s", key, l.howToSet(key))
		}
	}
	l.judge()
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.Origin.Column, b.Origin.Column))
		})
		return l.config, l.problems
	}
	return l.config, nil
}

// A loader collects values and problems.
type loader struct {
	config   *Config
	name     string
	getenv   func(string) string
	problems Problems

	unreadable bool // the file is not YAML
	anonymous  bool
}

func (l *loader) complain(o Origin, key, format string, args ...any) {
	l.problems = append(l.problems, Problem{Origin: o, Key: key, Message: fmt.Sprintf(format, args...)})
}

func (l *loader) complained(key string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Key == key })
}

func (l *loader) howToSet(key string) string {
	i := slices.IndexFunc(parameters, func(p Parameter) bool { return p.Key == key })
	if i < 0 {
		return ""
	}
	how := fmt.Sprintf("; set the key %s in a configuration file", key)
	if f := parameters[i].Flag; f != "" {
		how += ", --" + f
	}
	if e := parameters[i].Env(); e != "" {
		how += " or " + e
	}
	return how
}

// file reads the YAML document.
func (l *loader) file(data []byte) {
	if len(data) == 0 {
		return
	}
	if len(data) > limit.File {
		l.complain(Origin{Name: l.name}, "", "the file is larger than %d bytes", limit.File)
		return
	}
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) { // comments only
			return
		}
		line, message := yamlError(err)
		at, odd := misreading(data, line)
		if odd != "" {
			message = odd
		}
		l.unreadable = true
		l.complain(Origin{l.name, at.Line, at.Column}, "", "not YAML: %s", message)
		return
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		l.complain(Origin{l.name, max(second.Line, 1), 1}, "", "the file goes on after its one document")
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		l.complain(l.at(root), "", "keys and values belong here, not %s", kindOf(root))
		return
	}
	l.mapping(root, "")
}

// yamlError takes the line out of a message of the YAML library.
func yamlError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits
		line, message = max(line, 1), m[2]
	}
	// The library quotes what it does not understand, which may be a secret.
	return max(line, 1), regexp.MustCompile(`'[^']*'|"[^"]*"|`+"`[^`]*`").ReplaceAllString(message, "...")
}

func (l *loader) at(n *yaml.Node) Origin { return Origin{l.name, n.Line, n.Column} }

// mapping reads the keys of a mapping; group is "" or the key it belongs to,
// with a dot.
func (l *loader) mapping(n *yaml.Node, group string) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], resolve(n.Content[i+1])
		key := group + name.Value
		if group == "" && isGroup(key) {
			if first := seen[key]; first != nil {
				l.complain(l.at(name), key, "%s was set in line %d already", key, first.Line)
				continue
			}
			seen[key] = name
			if value.Kind != yaml.MappingNode {
				l.complain(l.at(value), key, "keys and values belong here, not %s", kindOf(value))
				continue
			}
			l.mapping(value, key+".")
			continue
		}
		if tagged(value) {
			l.complain(l.at(value), key, "a value that begins with ! or & needs quotes")
			continue
		}
		p, ok := find(key)
		if !ok {
			l.complain(l.at(name), name.Value, "unknown key%s%s", oddSpace(name.Value), suggestion(key))
			continue
		}
		if first := seen[p.Key]; first != nil {
			as := ""
			if first.Value != name.Value {
				as = ", as " + first.Value
			}
			l.complain(l.at(name), name.Value, "it was set in line %d already%s", first.Line, as)
			continue
		}
		seen[p.Key] = name
		l.value(p, value)
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isGroup(key string) bool {
	return slices.ContainsFunc(parameters, func(p Parameter) bool { return strings.HasPrefix(p.Key, key+".") })
}

// find returns the parameter of a key, spelt correctly or as the ancestor
// spelt it.
func find(key string) (Parameter, bool) {
	i := slices.IndexFunc(parameters, func(p Parameter) bool { return p.Key == key || slices.Contains(p.Aliases, key) })
	if i < 0 {
		return Parameter{}, false
	}
	return parameters[i], true
}

// value reads what a key was set to in the file.
func (l *loader) value(p Parameter, n *yaml.Node) {
	switch to := p.field(l.config).(type) {
	case *map[string]string:
		l.stringMap(p, n, to)
	case *map[string]any:
		if err := n.Decode(to); err != nil || n.Kind != yaml.MappingNode && n.Tag != "!!null" {
			l.complain(l.at(n), p.Key, "keys and values belong here, not %s", kindOf(n))
			return
		}
		l.config.Origin[p.Key] = l.at(n)
	case *[]string:
		l.list(p, n)
	default:
		if n.Kind != yaml.ScalarNode {
			l.complain(l.at(n), p.Key, "%s belongs here, not %s", p.Kind(), kindOf(n))
			return
		}
		if n.Tag == "!!null" || n.Value == "" {
			return
		}
		if p.Kind() == "true or false" && n.Tag != "!!bool" && !reference().MatchString(n.Value) {
			l.complain(l.at(n), p.Key, "true or false belongs here, not %s", kindOf(n))
			return
		}
		if _, isString := to.(*string); isString && n.Tag != "!!str" && n.Tag != "!!timestamp" {
			l.complain(l.at(n), p.Key, "a string belongs here, not %s; put it in quotes", kindOf(n))
			return
		}
		before := len(l.problems)
		if value := l.expand(n, p.Key); len(l.problems) == before {
			l.set(p, l.at(n), []string{value})
		}
	}
}

func (l *loader) list(p Parameter, n *yaml.Node) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		l.complain(l.at(n), p.Key, "a list belongs here, not %s", kindOf(n))
		return
	}
	values := []string{}
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			l.complain(l.at(item), p.Key, "a list of strings belongs here; this item is %s", kindOf(item))
			return
		}
		values = append(values, l.expand(item, p.Key))
	}
	if len(values) > 0 || p.Empty {
		l.set(p, l.at(n), values)
	}
}

func (l *loader) stringMap(p Parameter, n *yaml.Node, to *map[string]string) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.complain(l.at(n), p.Key, "keys and values belong here, not %s", kindOf(n))
		return
	}
	values := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], resolve(n.Content[i+1])
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			l.complain(l.at(value), p.Key+"."+name.Value, "a string belongs here, not %s", kindOf(value))
			continue
		}
		if _, twice := values[name.Value]; twice {
			l.complain(l.at(name), p.Key+"."+name.Value, "set twice")
		}
		values[name.Value] = l.expand(value, p.Key+"."+name.Value)
		l.text(l.at(value), p.Key+"."+name.Value, values[name.Value])
	}
	*to = values
	l.config.Origin[p.Key] = l.at(n)
}

// reference returns the pattern of ${NAME}, and of $${NAME}, which stays as it is. It is compiled when
// a file is read: not every run reads one.
var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$?\$\{([^}]*)\}`) })

// expand puts environment variables in the place of ${NAME}. A variable that
// is not set is an error: an empty secret is worse than none. $${NAME} stands
// for ${NAME} itself.
func (l *loader) expand(n *yaml.Node, key string) string {
	return reference().ReplaceAllStringFunc(n.Value, func(match string) string {
		if strings.HasPrefix(match, "$$") {
			return match[1:]
		}
		name := match[2 : len(match)-1]
		value := wire.Trim(l.getenv(name))
		if value == "" {
			l.complain(l.at(n), key, "the environment variable %s is not set", name)
		}
		return value
	})
}

// set stores a value that came as text, from wherever.
func (l *loader) set(p Parameter, o Origin, values []string) {
	if p.Secret && len(values) == 1 {
		secret, err := wire.Secret(values[0])
		if err != nil {
			l.complain(o, p.Key, "%v", err)
			return
		}
		values = []string{secret}
	}
	if err := store(p.field(l.config), values); err != nil {
		l.complain(o, p.Key, "%v", err)
		return
	}
	for _, v := range values {
		if !p.File { // whose name may be anything
			l.text(o, p.Key, v)
		}
		if len(p.Values) > 0 && !slices.Contains(p.Values, v) {
			l.complain(o, p.Key, "%q is not one of %s%s", v, strings.Join(p.Values, ", "), Nearest(v, p.Values))
		}
	}
	l.config.Origin[p.Key] = o
}

// text complains about what is not UTF-8, as the environment may have it: JSON cannot
// hold it, and would change it in silence.
func (l *loader) text(o Origin, key, value string) {
	if !utf8.ValidString(value) {
		l.complain(o, key, "it is not UTF-8")
	}
}

// store puts text into a field of whatever type.
func store(field any, values []string) error {
	if list, ok := field.(*[]string); ok {
		*list = values
		return nil
	}
	if len(values) != 1 {
		return errors.New("set more than once")
	}
	value := values[0]
	var err error
	switch to := field.(type) {
	case *string:
		*to = value
	case *bool:
		*to, err = boolean(value)
	case **bool:
		var b bool
		b, err = boolean(value)
		*to = &b
	case *int64:
		*to, err = whole(value)
	case **int64:
		var n int64
		n, err = whole(value)
		*to = &n
	case **time.Duration:
		var d time.Duration
		if d, err = time.ParseDuration(value); err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration such as 90s or 5m", value)
		}
		*to = &d
	default:
		return fmt.Errorf("cannot be set this way")
	}
	return err
}

func boolean(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

func whole(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a whole number of at least 0", s)
	}
	return n, nil
}

// Kind names what a key takes.
func (p Parameter) Kind() string {
	switch p.field(prototype).(type) {
	case *bool, **bool:
		return "true or false"
	case *int64, **int64:
		return "a whole number"
	case **time.Duration:
		return "a duration such as 90s"
	case *[]string:
		return "a list"
	case *map[string]string, *map[string]any:
		return "a mapping"
	}
	return "a string"
}

func (p Parameter) scalar() bool {
	switch p.field(prototype).(type) {
	case *[]string, *map[string]string, *map[string]any:
		return false
	}
	return true
}

// tagged reports whether YAML takes for a tag or an anchor what was meant as a
// value.
func tagged(n *yaml.Node) bool {
	own := strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")
	return n.Kind == yaml.ScalarNode && n.Value == "" && (own || n.Anchor != "")
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	case n.Tag != "" && n.Tag != "!!str":
		return "a tagged value" // the tag may be a secret that begins with !
	}
	return "a string"
}
