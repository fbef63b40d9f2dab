// Why a request was refused: for the client, in the description, and for the log.

package provider

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

type traceKey struct{}

// A trace has what became of a request.
type trace struct {
	mu     sync.Mutex
	reason error
}

// full is why a request was refused, in all words, "" if that is not known.
func (t *trace) full() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reason == nil {
		return ""
	}
	return t.reason.Error()
}

func (t *trace) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reason = err
}

// reason is why a request was refused, in the characters that an error_description may have
// (RFC 6749 section 4.1.2.1), "" if that is not known.
func reason(ctx context.Context) string {
	t, _ := ctx.Value(traceKey{}).(*trace)
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	inner := t.reason
	for inner != nil {
		next := errors.Unwrap(inner)
		if next == nil || errors.Is(next, goidc.ErrNotFound) && errors.Unwrap(next) == nil { // who says what was not
			break
		}
		inner = next
	}
	if inner == nil {
		return ""
	}
	if refusal := (goidc.Error{}); errors.As(inner, &refusal) {
		return plain(refusal.Description)
	}
	return plain(inRequest(inner.Error()))
}

// inRequest says what is wrong with a request, where the library says what it wants.
func inRequest(why string) string {
	switch why {
	case "code_challenge is required":
		return "PKCE is missing: there is no code_challenge (provider --pkce-optional does without)"
	case "pkce is required for public clients":
		return "PKCE is missing: a public client has to send a code_challenge"
	}
	return why
}

// plain replaces what an error_description must not have.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == '\\':
			return '/'
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, s)
}

// describe adds the reason to an error that has a code and no more: the library keeps it from
// clients, and those who develop one have to know.
func describe(ctx context.Context, m map[string]any) {
	said, why := text(m["error_description"]), reason(ctx)
	if text(m["error"]) == "" || why == "" || strings.Contains(said, why) {
		return
	}
	if said != "" {
		why = said + ": " + why
	}
	m["error_description"] = why
}

// explainErrors describes the errors that endpoints respond with.
func explainErrors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res := responseOf(next, r)
		if m, ok := DecodeObject(res.Body); ok && res.Status/100 == 4 && text(m["error"]) != "" {
			describe(r.Context(), m)
			res.Body = EncodeJSON(m)
		}
		res.Send(w)
	})
}
