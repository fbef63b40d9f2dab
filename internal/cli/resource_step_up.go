// Logging in again with what a resource asks for: RFC 6750 section 3.1, RFC 9470.

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/flow"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// mostStepUps is how often --step-up logs in again in one run.
const mostStepUps = 3

// asked is what was asked for so far, of the logins behind the tokens that a resource refused.
type asked struct {
	logins int
	scopes []string // nil if it is not known
	acr    []string
	maxAge *time.Duration
}

// more takes note of what a challenge asks for, and reports whether that is more than what was
// asked for so far: only then can another login help.
func (a *asked) more(c *oidc.Challenge) bool {
	if c == nil || a.logins >= mostStepUps {
		return false
	}
	scopes := missingFrom(a.scopes, strings.Fields(c.Scope))
	acr := missingFrom(a.acr, c.ACRValues)
	newer := c.MaxAge != nil && (a.maxAge == nil || *c.MaxAge < *a.maxAge)
	grows := len(scopes) > 0
	if c.Code == "insufficient_user_authentication" { // which may not say what it wants
		grows = grows || len(acr) > 0 || newer || a.logins == 0
	} else if c.Code != "insufficient_scope" {
		return false
	}
	if !grows {
		return false
	}
	a.logins++
	a.scopes, a.acr = append(a.scopes, scopes...), append(a.acr, acr...)
	if newer {
		a.maxAge = c.MaxAge
	}
	return true
}

// demand adds what a challenge asks for to what the configuration asks for and demands (scopes,
// acr_list, max_age). A resource does not weaken that; acr_values are wishes, and its own are
// what it goes by.
func demand(client *oidc.Client, cfg *connect.Setup, c *oidc.Challenge, scopes []string) error {
	if c.Scope != "" {
		if cfg.Scopes == nil && !client.Provider.OAuthOnly {
			cfg.Scopes = []string{"openid"}
		}
		cfg.Scopes = slices.Concat(cfg.Scopes, missingFrom(cfg.Scopes, scopes))
	}
	if len(c.ACRValues) > 0 {
		both := c.ACRValues
		if len(cfg.ACRList) > 0 {
			both = slices.DeleteFunc(slices.Clone(both),
				func(acr string) bool { return !slices.Contains(cfg.ACRList, acr) })
		}
		if len(both) == 0 {
			return failure.Config("the resource asks for acr %s, and acr_list allows none of them",
				strings.Join(c.ACRValues, " or ")).
				Try("acr_list has to name what the resource asks for, if it is to be used")
		}
		cfg.Login.ACRValues, client.Policy.ACRValues = strings.Join(both, " "), both
	}
	if c.MaxAge != nil && (client.Policy.MaxAge == nil || *c.MaxAge < *client.Policy.MaxAge) {
		client.Policy.MaxAge = c.MaxAge
	}
	return nil
}

// stepUp logs in again with what the challenge asks for, which the new ID Token has
// to show, and with scopes, which are all that were asked for so far.
func stepUp(ctx context.Context, r *run.Run, t *tokenRequest, o *resourceOptions,
	c *oidc.Challenge, scopes []string,
) (*oidc.Tokens, error) {
	if err := demand(t.client.Client, t.cfg, c, scopes); err != nil {
		return nil, err
	}
	journey, err := newLogin(ctx, r, t, &o.loginOptions)
	if err != nil {
		return nil, err
	}
	var tokens *oidc.Tokens
	var settled error
	err = runLogin(ctx, r, journey, func(outcome *flow.Outcome) bool {
		tokens, settled = outcome.Tokens, outcome.Err
		r.FoundBeside(outcome.Login.Checks)
		if tokens != nil {
			r.FoundBeside(tokens.Checks)
		}
		if settled == nil && t.cfg.User != "" && (tokens.IDToken == nil || tokens.IDToken.Subject != t.cfg.User) {
			settled = &strangerError{t.cfg.User}
		}
		outcome.Show(landingPage(ctx, t.Run, settled))
		return true
	})
	return tokens, errors.Join(err, settled)
}

// A strangerError says that somebody else logged in than whose session is used.
type strangerError struct{ user string }

func (e *strangerError) Error() string {
	return fmt.Sprintf("the session is of the user %s, who is not who logged in: the resource was not asked again",
		e.user)
}
