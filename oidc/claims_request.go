// The claims parameter: OpenID Connect Core 1.0 section 5.5.

package oidc

import (
	"slices"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// essentialClaims are the claims that a claims parameter asks for as essential, of
// its member "id_token" or "userinfo".
func essentialClaims(parameter, member string) []string {
	doc, err := strictjson.Parse([]byte(parameter))
	if err != nil {
		return nil
	}
	raw, _ := doc.Get(member)
	claims, err := strictjson.Parse(raw)
	if err != nil {
		return nil
	}
	var names []string
	for _, m := range claims.Members {
		request, err := strictjson.Parse(m.Value)
		if err != nil { // null: it is asked for, and not essential
			continue
		}
		if essential, _ := request.Bool("essential"); essential { // of another type it is not
			names = append(names, m.Name)
		}
	}
	return names
}

// essentialThere judges whether the claims that were asked for as essential came.
// That is a remark: the provider may not have them (section 5.5.1).
func essentialThere(claims *claimSet, names []string) check.Verdict {
	if len(names) == 0 {
		return check.Inapplicable("none were asked for")
	}
	missing := slices.DeleteFunc(slices.Clone(names), claims.there)
	return check.That(len(missing) == 0, "all but "+check.List(missing), check.List(names))
}
