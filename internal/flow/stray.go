// Responses that are not proven to belong to a login of this command.

package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

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

// maybeProven reports whether a response is an error in a JWT without a state, from this provider if that
// is true: its signature can prove that it belongs to a login here. It is not verified.
func (l *Login) maybeProven(values url.Values) bool {
	if !strings.HasSuffix(l.Request.ResponseMode, "jwt") || len(values["response"]) != 1 {
		return false
	}
	token, err := oidc.DecodeIDToken(values.Get("response"), l.Client.Policy.DecryptionKeys...)
	if err != nil {
		return false
	}
	said := claims(token)
	return said.Get("error") != "" && !said.Has("state") && token.Issuer == l.Client.Provider.Issuer
}

// refusal returns the error in a response that maybeProven is true for, and what was checked, if the
// provider signed it for this client; nil if it did not.
func (l *Login) refusal(ctx context.Context, values url.Values) (*oidc.Error, *oidc.JWT) {
	token, err := l.Client.VerifyJARM(ctx, values.Get("response"))
	if err != nil {
		return nil, token //nolint:nilerr // it is not proven
	}
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		URI         string `json:"error_uri"`
	}
	if err := json.Unmarshal(token.JSON, &said); err != nil {
		return nil, token //nolint:nilerr // likewise
	}
	return &oidc.Error{
		Code: said.Error, Description: said.Description, URI: said.URI, Endpoint: "authorization",
	}, token
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
