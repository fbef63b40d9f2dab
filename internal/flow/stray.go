// Responses that are not proven to belong to a login of this command.

package flow

import (
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/oidc-client/oidc-client/oidc"
)

// isResponse reports whether parameters look like those of an authorization response.
func isResponse(values url.Values) bool {
	return values.Has("response") || values.Has("state") || values.Has("code") || values.Has("error")
}

// unproven says what a response is that is not proven to belong to this login, with its error if it has
// one: a provider may leave the state out of it.
func (l *Login) unproven(values url.Values) string {
	why := ""
	if raw := values.Get("response"); raw != "" {
		token, err := oidc.DecodeIDToken(raw, l.Client.Policy.DecryptionKeys...)
		if err != nil {
			return fmt.Sprintf("a response that cannot be read, so that it is not proven to belong to this login "+
				"(%s); the wait goes on", cut(err.Error()))
		}
		values, why = claims(token), ", read from a JWT that was not verified"
	}
	state := "it has no state"
	if values.Has("state") {
		state = "it has another state"
	}
	text := "a response that is not proven to belong to this login (" + state + why + ")"
	if code := values.Get("error"); code != "" {
		text += "; it says: " + cut(code)
		if description := values.Get("error_description"); description != "" {
			text += ": " + cut(description)
		}
	}
	return text + "; the wait goes on"
}

// claims are those of a response in a JWT that people are told of.
func claims(token *oidc.IDToken) url.Values {
	values := url.Values{}
	var members map[string]any
	if json.Unmarshal(token.JSON, &members) != nil {
		return values
	}
	for _, name := range []string{"state", "error", "error_description"} {
		if text, ok := members[name].(string); ok {
			values.Set(name, text)
		}
	}
	return values
}

// Misdirected says that a listener refused a request because its Host is not the listener's own.
func Misdirected(host, own string) string {
	return fmt.Sprintf("a request for %q came to the listener and was refused (421): it serves %s only, so that no "+
		"page can reach it by another name; if a proxy or a forwarded port is in front, set override_redirect_uri to "+
		"the address that the browser uses; the wait goes on", cut(host), own)
}

// cut bounds what others say of themselves.
func cut(text string) string { return fmt.Sprintf("%.200s", text) }
