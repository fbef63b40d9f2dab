package session

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func someGrant() Grant {
	return Grant{
		Issuer: "https://op.example", ClientID: "cli", Subject: "u",
		Scopes:    []string{"openid", "email", "offline_access"},
		Resources: []string{"https://a.example", "https://b.example"}, Audiences: []string{"x", "y", "z"}, ACR: "2",
		Key: "thumbprint",
	}
}

// Whatever order sets come in, and however often, the grant is the same.
func TestGrantsAreComparedAsSets(t *testing.T) {
	t.Parallel()
	want := someGrant().ID()
	for range 100 {
		g := someGrant()
		for _, set := range []*[]string{&g.Scopes, &g.Resources, &g.Audiences} {
			*set = append(*set, (*set)[rand.N(len(*set))])
			rand.Shuffle(len(*set), func(i, j int) { (*set)[i], (*set)[j] = (*set)[j], (*set)[i] })
		}
		before := slices.Clone(g.Scopes)
		if got := g.ID(); got != want {
			t.Fatalf("%v has another ID", g)
		}
		if !slices.Equal(g.Scopes, before) {
			t.Fatal("to be identified changes a grant")
		}
		if !g.Covers(someGrant()) || !someGrant().Covers(g) {
			t.Fatalf("%v does not cover itself", g)
		}
	}
	if empty, none := (Grant{Scopes: []string{}}), (Grant{}); empty.ID() != none.ID() {
		t.Error("no scopes is not no scopes")
	}
}

// Each field tells grants apart, and there is none that says how a provider is reached.
func TestGrantsDiffer(t *testing.T) {
	t.Parallel()
	fields := reflect.TypeFor[Grant]()
	known := []string{"Issuer", "ClientID", "Subject", "Scopes", "Resources", "Audiences", "ACR", "Key", "Own"}
	seen := map[string]string{someGrant().ID(): "the grant itself"}
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if !slices.Contains(known, name) {
			t.Errorf("%s identifies a grant: is it what was asked for, or only how?", name)
		}
		g := someGrant()
		switch field := reflect.ValueOf(&g).Elem().Field(i); field.Kind() {
		case reflect.String:
			field.SetString("other")
		case reflect.Bool:
			field.SetBool(!field.Bool())
		default:
			field.Set(reflect.ValueOf([]string{"other"}))
		}
		if twin := seen[g.ID()]; twin != "" {
			t.Errorf("%s and %s are the same grant", name, twin)
		}
		seen[g.ID()] = name
		if name != "Own" && someGrant().Covers(g) {
			t.Errorf("a grant covers another %s", name)
		}
		if d := someGrant().Differences(g); (len(d) == 1) != (name != "Own") || len(d) == 1 && d[0].Mine == d[0].Other {
			t.Errorf("another %s: the differences are %v", name, d)
		}
	}
	apart := []Grant{
		{Issuer: "ab", ClientID: "c"},
		{Issuer: "a", ClientID: "bc"},
		{Scopes: []string{"a b"}},
		{Scopes: []string{"a", "b"}},
		{Resources: []string{"a", "b"}},
	}
	for i, g := range apart {
		for _, other := range apart[:i] {
			if g.ID() == other.ID() {
				t.Errorf("%v and %v are the same grant", g, other)
			}
		}
	}
}

// What a configuration does not tell, the subject, a key made for a login, and whose grant it
// is, is not asked for.
func TestGrantCoversWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	asked := someGrant()
	asked.Subject, asked.Key, asked.Own = "", "", !asked.Own
	if !someGrant().Covers(asked) {
		t.Error("a grant does not cover what was asked for")
	}
	if asked.Covers(someGrant()) {
		t.Error("a grant of nobody covers one of a subject")
	}
	if d := someGrant().Differences(asked); len(d) > 0 {
		t.Errorf("a grant differs from what it covers: %v", d)
	}
}

// A grant comes out of a store as it went in.
func TestGrantSurvivesStorage(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(someGrant())
	if err != nil {
		t.Fatal(err)
	}
	var g Grant
	if err := json.Unmarshal(data, &g); err != nil || g.ID() != someGrant().ID() {
		t.Errorf("%v, %v", g, err)
	}
}
