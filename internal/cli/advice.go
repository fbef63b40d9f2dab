// What this run knows that helps with an error.

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// advise completes how an error is reported: which credentials were used, which issuer came, and
// where tokens are.
func (p *program) advise(err error, f *failure.Failure) {
	run.Mention(f, p.lost())
	f.Hint = strings.Replace(f.Hint, run.WrongClientHint, run.WrongClientHint+p.credentialsHint(), 1)
	var broken *check.Error
	if errors.As(err, &broken) && slices.ContainsFunc(broken.Results, func(r check.Result) bool { return r.ID == "discovery.issuer" && r.Broken() }) {
		run.Advise(f, p.issuerHint())
	}
	if s := p.spent; s != nil {
		run.Advise(f, "the refresh token of session "+s.Name+" may be spent now: "+s.Advice(session.Spent))
	}
	run.Advise(f, p.keptHint())
	if p.keep != nil {
		run.Advise(f, p.keep.outcome)
	}
	var problems config.Problems
	if errors.As(err, &problems) && f.Kind == failure.KindConfig {
		run.Advise(f, p.configHint(problems))
	}
}

// credentialsHint says which credentials were used, and which the provider allows.
func (p *program) credentialsHint() string {
	if p.method == "" {
		return ""
	}
	text := fmt.Sprintf(" (the method %q was used", p.method)
	switch {
	case p.method == "none" && p.secretAt == "":
		text += ", since there is no client_secret"
	case p.secretAt != "":
		text += ", client_secret is from " + p.secretAt
		if p.keyAt != "" && strings.HasPrefix(p.method, "client_secret") {
			text += ", private_key from " + p.keyAt + " was not asked for: --auth-method private_key_jwt does"
		}
	}
	if p.metadata != nil && len(p.metadata.TokenEndpointAuthMethods) > 0 {
		text += "; the provider allows " + strings.Join(p.metadata.TokenEndpointAuthMethods, ", ")
	}
	return text + ")"
}

// issuerHint names the issuer to set, if the one that came is a near miss.
func (p *program) issuerHint() string {
	switch {
	case p.metadata == nil || p.metadata.Issuer == "":
		return "the provider's metadata must name its issuer"
	case strings.Contains(p.metadata.Issuer, "{"):
		return "the issuer of a multi-tenant provider is a template: set issuer to that of your tenant, " +
			"with its id in the place of " + templatePart(p.metadata.Issuer)
	}
	return fmt.Sprintf("if this is the provider you mean, set issuer: %q; "+
		"if it is known by another name from here, set expected_issuer", p.metadata.Issuer)
}

func templatePart(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "{")
	name, _, _ := strings.Cut(rest, "}")
	return "{" + name + "}"
}

// keptHint reminds that a rotated refresh token was received all the same.
func (p *program) keptHint() string {
	switch {
	case p.keep == nil || p.rotatedToken() == "":
		return ""
	case p.keep.written:
		return "the new refresh token, which replaces the one that was sent, is in " + p.keep.file
	case p.Unshown() != nil:
		return "--refresh-token @FILE keeps the new refresh token in FILE"
	}
	return "the new refresh token of the token response replaces the one that was sent: keep it"
}

// rotatedToken is the refresh token of the recorded response, "" if none came.
func (p *program) rotatedToken() string {
	result, _ := p.Record.Get("token_response")
	data, err := strictjson.Encode(result.Value)
	if err != nil {
		return ""
	}
	doc, err := strictjson.Parse(data)
	if err != nil {
		return ""
	}
	token, _ := doc.String("refresh_token") // of another type it is none
	return token
}

// configHint says where the keys are explained, and that a file nobody named was not read.
func (p *program) configHint(problems config.Problems) string {
	missing := func(p config.Problem) bool { return p.Key == "" }
	if p.noFile && slices.ContainsFunc(problems, missing) {
		if _, err := os.Stat("config.yaml"); err == nil {
			return "no configuration file was read; config.yaml is in this folder: -c config.yaml reads it"
		}
		return "no configuration file was read; -c FILE names one, and `oidc-client config init` writes one to start with"
	}
	return "`oidc-client config schema` tells all keys, `oidc-client config validate FILE` checks a file"
}

// Failure implements [failure.Described].
func (e *noSessionError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindInteraction, Code: "no_session",
		Hint: "a login keeps its tokens as a session with --save NAME, such as `oidc-client login -c config.yaml --save work`; " +
			"`oidc-client sessions list` shows what there is",
	}
}

// Failure implements [failure.Described].
func (e *noAgentError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindConfig,
		Hint: "one that was killed leaves its socket behind: `oidc-client agent` runs another; " +
			"one that was stopped (Ctrl-Z) goes on with fg",
	}
}

// Failure implements [failure.Described]: as it would be here.
func (e *agentError) Failure() failure.Failure { return e.failure }

// Failure implements [failure.Described].
func (e *anothersError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindInteraction, Code: "session_of_another",
		Hint: "log in as " + e.subject + ", or with --replace; `oidc-client sessions delete " + e.kept +
			"` forgets what came, `sessions logout` revokes it, too",
	}
}

// Failure implements [failure.Described].
func (e *strangerError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindInteraction, Code: "session_of_another",
		Hint: "log in as " + e.user + ", or use the resource with the other user's own session",
	}
}

// Failure implements [failure.Described].
func (e *spentTokenError) Failure() failure.Failure {
	return failure.Failure{Kind: failure.KindInteraction, Code: "refresh_token_may_be_spent", Hint: e.hint()}
}

// Failure implements [failure.Described].
func (e *wrongPartyError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindVerification, Code: "relying_party",
		Hint: "`oidc-client provider faults NAME` tells what a correct relying party does, and what the fault needs to matter",
	}
}

// Failure implements [failure.Described].
func (e *unfinishedError) Failure() failure.Failure {
	f := failure.Failure{
		Kind: failure.KindInteraction,
		Hint: "a relying party has to come while the provider runs; --timeout and --settle bound the wait",
	}
	if errors.Is(e.cause, context.Canceled) {
		f.Code = failure.Interrupted
	}
	return f
}
