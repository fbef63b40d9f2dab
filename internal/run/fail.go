// How an error is reported. The types decide, never the texts, and never the
// name of the command that runs.

package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/oidc"
)

// Failure says how an error is reported: by itself if it knows that, else by
// the table of the library's errors. The run's advisors complete it, and
// secrets are taken out.
func (r *Run) Failure(ctx context.Context, err error) *failure.Failure {
	f := classify(ctx, err)
	if broken := r.Broken(err); len(broken) > 0 {
		f.Headline = headline(err, broken)
	}
	Advise(&f, situation{r.Env, r.Record, r.Recorder}.hint(err, &f))
	for _, a := range r.advisors {
		a.advise(err, &f)
	}
	Advise(&f, r.Input.advise())
	for _, text := range []*string{&f.Code, &f.Message, &f.Headline, &f.Description, &f.Hint} {
		*text = r.Redactor.Text(*text)
	}
	return &f
}

// Advise adds lines of advice to a failure, each once.
func Advise(f *failure.Failure, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if known := strings.Split(f.Hint, "\n"); line == "" || slices.Contains(known, line) {
			continue
		}
		if f.Hint != "" {
			f.Hint += "\n"
		}
		f.Hint += line
	}
}

// Mention adds to the message of a failure what must not go under whatever
// else went wrong.
func Mention(f *failure.Failure, err error) {
	if err == nil {
		return
	}
	text := ErrorText(err)
	for _, to := range []*string{&f.Message, &f.Headline} {
		if *to != "" && !strings.Contains(*to, text) {
			*to += "; " + text
		}
	}
}

// Mention is the function of that name for a failure that has lost its secrets
// already.
func (r *Run) Mention(f *failure.Failure, err error) {
	if err != nil {
		Mention(f, errors.New(r.Message(err)))
	}
}

// classify finds the kind of an error. That a signal ended the command
// outweighs what it was doing.
func classify(ctx context.Context, err error) failure.Failure {
	f, described := failure.Of(err)
	switch {
	case described && f.Code == failure.Interrupted:
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		f = failure.Failure{Kind: failure.KindInteraction, Code: failure.Interrupted, Message: interruptedMessage(err)}
	case described:
	default:
		f = ofLibrary(err)
	}
	if f.Message == "" {
		f.Message = ErrorText(err)
	}
	return f
}

// ofLibrary is the one table of the errors of package oidc.
func ofLibrary(err error) failure.Failure {
	var (
		transport *oidc.TransportError
		protocol  *oidc.ProtocolError
		refusal   *oidc.Error
		broken    *check.Error
	)
	switch {
	case errors.As(err, &transport):
		f := failure.Failure{
			Kind: failure.KindNetwork, Code: oidc.Reason(err),
			Endpoint: transport.Endpoint, HTTPStatus: transport.Status,
		}
		if errors.As(err, &refusal) {
			f.Description = refusal.Description
		}
		return f
	case errors.As(err, &protocol):
		return failure.Failure{
			Kind: failure.KindProtocol, Code: oidc.Reason(err),
			Endpoint: protocol.Endpoint, HTTPStatus: protocol.Status,
		}
	case errors.As(err, &refusal):
		f := failure.Failure{
			Kind: failure.KindProvider, Code: oidc.Reason(refusal), Message: refusalMessage(refusal),
			Description: refusal.Description, Endpoint: refusal.Endpoint, HTTPStatus: refusal.Status,
		}
		if ofPerson(refusal) {
			f.Kind = failure.KindInteraction
		}
		return f
	case errors.As(err, &broken):
		return failure.Failure{Kind: failure.KindVerification, Code: broken.First.ID}
	}
	return failure.Failure{Kind: failure.KindInternal}
}

// personsCodes are the errors that say that a person did not, or has to, do something:
// RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6, RFC 8628 section
// 3.5, and Unmet Authentication Requirements. Entra ID and AD FS call the codes of RFC 8628
// authorization_declined and code_expired.
var personsCodes = []string{
	"access_denied", "authorization_declined", "expired_token", "code_expired",
	"login_required", "interaction_required", "consent_required",
	"account_selection_required", "unmet_authentication_requirements",
}

// ofPerson reports whether a refusal is a person's, or wants one.
func ofPerson(e *oidc.Error) bool {
	polled := e.GrantType == grantDevice || e.GrantType == grantCIBA
	return (e.Endpoint == "authorization" || polled) && slices.Contains(personsCodes, e.Code)
}

// The grant types that advice depends on.
const (
	grantRefresh  = "refresh_token"
	grantCode     = "authorization_code"
	grantPassword = "password"
	grantJWT      = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantSAML     = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	grantCIBA     = "urn:openid:params:grant-type:ciba"
)

// refusalMessage says who refused what, in the provider's words.
func refusalMessage(e *oidc.Error) string {
	what := "the request"
	switch {
	case e.GrantType == grantRefresh:
		what = "the refresh token"
	case e.GrantType == grantCode:
		what = "the code"
	case e.Endpoint == "resource", e.Endpoint == "userinfo":
		what = "the access token"
	case e.Endpoint == "authorization":
		what = "the login"
	}
	text := fmt.Sprintf("%s endpoint refused %s: ", e.Endpoint, what)
	if e.Code == "" {
		text += fmt.Sprintf("HTTP status %d", e.Status)
	} else {
		text += e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// ErrorText is the text of an error, on one line but for [config.Problems].
func ErrorText(err error) string {
	var problems config.Problems
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // what errors.Join made, not what it holds
	if !ok || errors.As(err, &problems) {
		return err.Error()
	}
	var texts []string
	for _, e := range joined.Unwrap() {
		texts = append(texts, ErrorText(e))
	}
	return strings.Join(texts, "; ")
}

// Message is the text of an error as people read it.
func (r *Run) Message(err error) string { return r.Redactor.Text(ErrorText(err)) }

// headline is the first line of an error about rules, whose evidence follows
// below.
func headline(err error, results check.Results) string {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.ID
	}
	var protocol *oidc.ProtocolError
	if errors.As(err, &protocol) {
		return fmt.Sprintf("%s: the response breaks the protocol: %s", protocol.Endpoint, strings.Join(ids, ", "))
	}
	return "verification failed: " + strings.Join(ids, ", ")
}

// GrantType is the grant type of the token request that err is about, "" if it
// is about none.
func GrantType(err error) string {
	var (
		transport *oidc.TransportError
		protocol  *oidc.ProtocolError
		refusal   *oidc.Error
	)
	switch {
	case errors.As(err, &transport):
		return transport.GrantType
	case errors.As(err, &protocol):
		return protocol.GrantType
	case errors.As(err, &refusal):
		return refusal.GrantType
	}
	return ""
}
