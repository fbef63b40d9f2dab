// What identifies a grant.

package session

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Grant is what tokens were asked for, and of whom. How the provider is reached
// (certificates, proxies, time-outs) is no part of it.
type Grant struct {
	Issuer    string   `json:"issuer"`
	ClientID  string   `json:"client_id"`
	Subject   string   `json:"subject,omitempty"` // sub of the ID Token, "" if there is none
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Audiences []string `json:"audiences,omitempty"`
	ACR       string   `json:"acr,omitempty"` // acr_values as asked for
	Key       string   `json:"key,omitempty"` // thumbprint of the key that the tokens are bound to: jkt or x5t#S256
	Own       bool     `json:"own,omitempty"` // the client's own grant (RFC 6749 section 4.4): no user's
}

// canonical is the grant as it is compared: sets are sorted and have nothing twice.
func (g Grant) canonical() Grant {
	for _, set := range []*[]string{&g.Scopes, &g.Resources, &g.Audiences} {
		*set = slices.Compact(slices.Sorted(slices.Values(*set)))
	}
	return g
}

// ID identifies the grant: the base64url encoded SHA-256 of its canonical form.
func (g Grant) ID() string {
	text, err := json.Marshal(g.canonical())
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A Difference is a part of a grant that two grants do not share.
type Difference struct{ Name, Mine, Other string }

// String says how the parts differ, in words for a person. Mine is of the session.
func (d Difference) String() string {
	value := func(text string) string {
		switch {
		case text == "" && d.Name == "scopes":
			return "the default"
		case text == "":
			return "none"
		}
		return fmt.Sprintf("%.200q", text)
	}
	return fmt.Sprintf("%s: the session has %s, this asks for %s", d.Name, value(d.Mine), value(d.Other))
}

// Differences returns why g does not cover other, by the names of the configuration's keys. There are none if
// it does.
func (g Grant) Differences(other Grant) []Difference {
	a, b := g.canonical(), other.canonical()
	parts := []Difference{
		{"issuer", a.Issuer, b.Issuer},
		{"client_id", a.ClientID, b.ClientID},
		{"scopes", strings.Join(a.Scopes, " "), strings.Join(b.Scopes, " ")},
		{"resource", strings.Join(a.Resources, " "), strings.Join(b.Resources, " ")},
		{"audience", strings.Join(a.Audiences, " "), strings.Join(b.Audiences, " ")},
		{"acr_values", a.ACR, b.ACR},
	}
	if b.Subject != "" {
		parts = append(parts, Difference{"user", a.Subject, b.Subject})
	}
	if b.Key != "" {
		parts = append(parts, Difference{"key", a.Key, b.Key})
	}
	return slices.DeleteFunc(parts, func(d Difference) bool { return d.Mine == d.Other })
}

// Covers reports whether other asks for what g is: the same, but for what a configuration
// does not tell, the subject, a key that was made for a login, and whose grant it is.
func (g Grant) Covers(other Grant) bool {
	other.Own = g.Own
	if other.Subject == "" {
		other.Subject = g.Subject
	}
	if other.Key == "" {
		other.Key = g.Key
	}
	return g.ID() == other.ID()
}
