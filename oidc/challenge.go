// Challenges in WWW-Authenticate: RFC 9110 section 11.6.1, RFC 6750 section 3.

package oidc

import "strings"

// A challenge is one scheme of a WWW-Authenticate header with its parameters,
// whose names are in lower case.
type challenge struct {
	scheme string
	params map[string]string
}

// findChallenge returns the first challenge of a scheme, in any case.
func findChallenge(headers []string, scheme string) (challenge, bool) {
	for _, h := range headers {
		for _, c := range parseChallenges(h) {
			if strings.EqualFold(c.scheme, scheme) {
				return c, true
			}
		}
	}
	return challenge{}, false
}

// parseChallenges reads a header that may hold several challenges. It takes
// what it can and stops at the first thing that makes no sense.
func parseChallenges(header string) []challenge {
	var list []challenge
	s := scanner{rest: header}
	for {
		s.skip(" \t,")
		word := s.token()
		if word == "" {
			return list
		}
		if s.peek() == '=' && len(list) > 0 {
			value, ok := s.value()
			if !ok {
				return list
			}
			list[len(list)-1].params[strings.ToLower(word)] = value
			continue
		}
		list = append(list, challenge{word, map[string]string{}})
		s.token68()
	}
}

// A scanner reads a header field from left to right.
type scanner struct{ rest string }

func (s *scanner) skip(chars string) { s.rest = strings.TrimLeft(s.rest, chars) }

func (s *scanner) peek() byte {
	s.skip(" \t")
	if s.rest == "" {
		return 0
	}
	return s.rest[0]
}

func (s *scanner) token() string {
	end := strings.IndexFunc(s.rest, func(r rune) bool {
		return !strings.ContainsRune("!#$%&'*+-.^_`|~", r) &&
			(r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		end = len(s.rest)
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return word
}

// token68 skips credentials that come straight after a scheme, such as those
// of Negotiate. They are no parameter: nothing but "=" follows theirs.
func (s *scanner) token68() {
	after := strings.TrimLeft(s.rest, " \t")
	end := strings.IndexAny(after, " \t,")
	if end < 0 {
		end = len(after)
	}
	word := after[:end]
	name := strings.TrimRight(word, "=")
	parameter := strings.ContainsAny(name, `="`) || strings.HasPrefix(strings.TrimLeft(after[len(name):], " \t"), "=")
	if !parameter || strings.HasSuffix(word, "==") {
		s.rest = after[end:]
	}
}

// value reads "=" and a token or a quoted string.
func (s *scanner) value() (string, bool) {
	s.rest = s.rest[1:]
	if s.peek() != '"' {
		v := s.token()
		return v, v != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; c {
		case '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case '\\':
			if i++; i < len(s.rest) {
				b.WriteByte(s.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
