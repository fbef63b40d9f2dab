// Exit codes and the classes of errors.

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// exitCodes is the table of exit codes, in the order of the reference.
var exitCodes = []struct {
	code  int
	kinds []transcript.Kind
	text  string
}{
	{0, nil, "done, and everything that was asked to be verified was"},
	{1, []transcript.Kind{transcript.Internal}, "internal error (a bug), or a result that could not be written"},
	{2, []transcript.Kind{transcript.Usage, transcript.Config}, "usage or configuration error; nothing was sent"},
	{3, []transcript.Kind{transcript.Provider}, "the provider answered with an OAuth error"},
	{4, []transcript.Kind{transcript.Network, transcript.Protocol}, "no usable answer: DNS, TCP, TLS, timeout, 5xx, a response that breaks the protocol"},
	{5, []transcript.Kind{transcript.Verification}, "verification failed: a MUST rule about a token or UserInfo was broken; for provider --once: the relying party did wrong"},
	{6, []transcript.Kind{transcript.Interaction}, "interaction needed, denied or timed out"},
	{interrupted, nil, "interrupted"},
}

const (
	interrupted     = 130
	interruptedCode = "interrupted"

	// relyingPartyCode is the code of provider --once's verdict on a relying
	// party that did wrong.
	relyingPartyCode = "relying_party"
)

func exitCode(f *transcript.Failure) int {
	if f.Code == interruptedCode && f.Kind == transcript.Interaction {
		return interrupted
	}
	for _, row := range exitCodes {
		for _, kind := range row.kinds {
			if kind == f.Kind {
				return row.code
			}
		}
	}
	return 1
}

func (p *program) exitCodesTopic() *cobra.Command {
	return p.topic("exit-codes", "Exit codes and what they mean", func() string {
		var b strings.Builder
		b.WriteString("Exit codes:\n\n")
		for _, row := range exitCodes {
			kinds := ""
			if len(row.kinds) > 0 {
				names := make([]string, len(row.kinds))
				for i, k := range row.kinds {
					names[i] = string(k)
				}
				kinds = fmt.Sprintf(" (kind %s)", strings.Join(names, ", "))
			}
			fmt.Fprintf(&b, "  %3d  %s%s\n", row.code, row.text, kinds)
		}
		b.WriteString("\nThe kind is error.kind in the document that --format json prints.\n")
		return b.String()
	})
}

// topic is a help topic: a command that only has help.
func (p *program) topic(name, short string, text func() string) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short}
	cmd.SetHelpFunc(func(*cobra.Command, []string) {
		if p.options.json() {
			p.run.Command = "help " + name
			p.run.Members.Add("help", text())
			return
		}
		_, p.stdoutErr = fmt.Fprint(p.env.Stdout, text())
	})
	return cmd
}

// A usageError is something wrong with the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return errors.Unwrap(e.err) }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// A waitError says that the wait for a person, who is to type or pipe something
// in, or for another run ended without it. Nothing was sent. It outweighs the
// complaint about a flag or a key that it is wrapped in: nothing is wrong with them.
type waitError struct {
	what  string // that was waited for
	cause error
}

func (e *waitError) Error() string { return "waiting for " + e.what + ": " + e.cause.Error() }

func (e *waitError) Unwrap() error { return e.cause }

// A configError is something wrong with the configuration that only shows when
// it is used, such as a file that is not there.
type configError struct {
	err  error
	hint string
}

func (e *configError) Error() string { return e.err.Error() }

func (e *configError) Unwrap() error { return errors.Unwrap(e.err) }

func misconfigured(format string, args ...any) *configError {
	return &configError{err: fmt.Errorf(format, args...)}
}

// try says what to do about it.
func (e *configError) try(hint string) error {
	e.hint = hint
	return e
}

// failure classifies an error. The types decide, never the texts.
func (p *program) failure(ctx context.Context, err error) *transcript.Failure {
	f := &transcript.Failure{Kind: transcript.Internal, Message: message(err)}
	var (
		wrongUsage  *usageError
		wrongConfig *configError
		waited      *waitError
		problems    config.Problems
		transport   *oidc.TransportError
		protocol    *oidc.ProtocolError
		refusal     *oidc.Error
		broken      *check.Error
		noPort      *loopback.ListenError
		wrongParty  *wrongPartyError
		unfinished  *unfinishedError
		agent       *agentError
	)
	switch {
	case errors.As(err, &wrongParty):
		f.Kind, f.Code = transcript.Verification, relyingPartyCode
	case errors.As(err, &unfinished):
		f.Kind = transcript.Interaction
		if errors.Is(err, context.Canceled) {
			f.Code = interruptedCode
		}
	case errors.As(err, &agent):
		*f = agent.failure // as it would be here
		return f
	case errors.As(err, &waited) && !errors.Is(err, context.Canceled):
		f.Kind = transcript.Interaction
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		f.Kind, f.Code, f.Message = transcript.Interaction, interruptedCode, "interrupted"
		if oidc.MayBeSpent(err) && p.run.TokenResponse == nil && p.run.Command == "refresh-token" {
			f.Message = "interrupted while the provider was being asked; " + spentWarning
		}
	case ofSession(err, f):
	case errors.As(err, new(*spentTokenError)):
		f.Kind, f.Code = transcript.Interaction, "refresh_token_may_be_spent"
	case errors.As(err, new(*noAgentError)):
		f.Kind = transcript.Config
	case errors.As(err, &wrongUsage):
		f.Kind = transcript.Usage
	case errors.As(err, &noPort):
		f.Kind, f.Message = transcript.Usage, "the browser cannot come back: "+err.Error()
	case errors.As(err, &problems), errors.As(err, &wrongConfig):
		f.Kind = transcript.Config
	case errors.As(err, &transport):
		f.Kind, f.Endpoint, f.HTTPStatus = transcript.Network, transport.Endpoint, transport.Status
		f.Code = oidc.Reason(err)
		if errors.As(err, &refusal) {
			f.Description = refusal.Description
		}
	case errors.As(err, &protocol):
		f.Kind, f.Endpoint, f.HTTPStatus = transcript.Protocol, protocol.Endpoint, protocol.Status
		f.Code = oidc.Reason(err)
	case errors.As(err, &refusal):
		f.Kind, f.Endpoint, f.HTTPStatus = transcript.Provider, refusal.Endpoint, refusal.Status
		f.Code, f.Description = oidc.Reason(refusal), refusal.Description
		f.Message = p.refusalMessage(refusal)
		if p.isThePersons(refusal) {
			f.Kind = transcript.Interaction
		}
	case errors.As(err, &broken):
		f.Kind, f.Code = transcript.Verification, broken.First.ID
	}
	if results := p.shown(err); len(results) > 0 {
		f.Headline = headline(err, results)
	}
	p.addLoss(f)
	f.Hint = p.hint(err, f)
	for _, text := range []*string{&f.Code, &f.Message, &f.Headline, &f.Description, &f.Hint} {
		*text = p.redactor.Text(*text)
	}
	return f
}

// ofSession classifies the errors of sessions, and reports whether err is one.
func ofSession(err error, f *transcript.Failure) bool {
	var login *renewal.LoginError
	switch {
	case errors.As(err, &login):
		f.Kind, f.Code = transcript.Interaction, "session_"+strings.ReplaceAll(string(login.State), " ", "_")
	case errors.As(err, new(*renewal.SubjectError)):
		f.Kind, f.Code = transcript.Verification, "refresh.sub"
	case errors.As(err, new(*anothersError)), errors.As(err, new(*strangerError)):
		f.Kind, f.Code = transcript.Interaction, "session_of_another"
	case errors.As(err, new(*renewal.ShortError)):
		f.Kind, f.Code = transcript.Usage, "session_lifetime"
	case errors.As(err, new(*noSessionError)):
		f.Kind, f.Code = transcript.Interaction, "no_session"
	case errors.As(err, new(*session.SealError)):
		f.Kind, f.Code = transcript.Interaction, "keyring"
	case errors.As(err, new(*session.WaitError)):
		f.Kind, f.Code = transcript.Interaction, "session_busy"
	case errors.As(err, new(*renewal.ElsewhereError)):
		f.Kind = transcript.Network
	default:
		return false
	}
	return true
}

// personsCodes are the errors that say that a person did not, or has to, do something:
// RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6, RFC 8628 section
// 3.5, and Unmet Authentication Requirements.
var personsCodes = []string{
	"access_denied", "expired_token", "login_required", "interaction_required", "consent_required", "account_selection_required",
	"unmet_authentication_requirements",
}

// isThePersons reports whether a refusal is a person's, or wants one.
func (p *program) isThePersons(e *oidc.Error) bool {
	return (e.Endpoint == "authorization" || p.withPerson()) && slices.Contains(personsCodes, e.Code)
}

// withPerson reports whether the command waits for a person elsewhere.
func (p *program) withPerson() bool {
	return p.run.Command == "device" || p.run.Command == "ciba"
}

// message is the text of an error, on one line but for [config.Problems].
func message(err error) string {
	var problems config.Problems
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // what errors.Join made, not what it holds
	if !ok || errors.As(err, &problems) {
		return err.Error()
	}
	var texts []string
	for _, e := range joined.Unwrap() {
		texts = append(texts, message(e))
	}
	return strings.Join(texts, "; ")
}

// addLoss adds that the new refresh token could not be kept, which must not
// go under whatever else went wrong.
func (p *program) addLoss(f *transcript.Failure) {
	lost := p.lost()
	if lost == nil {
		return
	}
	loss := message(lost)
	for _, text := range []*string{&f.Message, &f.Headline} {
		if *text != "" && !strings.Contains(*text, loss) {
			*text += "; " + loss
		}
	}
}

// redactChecks takes secrets out of the evidence of the rules, where a
// provider may have put them.
func (p *program) redactChecks() {
	for i := range p.run.Checks {
		p.redact(&p.run.Checks[i].Verdict)
	}
}

func (p *program) redact(v *check.Verdict) {
	for _, text := range []*string{&v.Want, &v.Got, &v.Note} {
		*text = p.redactor.Text(*text)
	}
}

// refusalMessage says who refused what, in the provider's words.
func (p *program) refusalMessage(e *oidc.Error) string {
	what := "the request"
	switch {
	case e.Endpoint == "token" && p.run.Command == "refresh-token":
		what = "the refresh token"
	case e.Endpoint == "token" && p.run.Command == "client":
		what = "the code"
	case e.Endpoint == "resource":
		what = "the access token"
	case e.Endpoint == "authorization":
		what = "the login"
	case e.Endpoint == "userinfo":
		what = "the access token"
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

// shown returns the rules that err is about, for the evidence under it.
func (p *program) shown(err error) check.Results {
	var broken *check.Error
	if !errors.As(err, &broken) {
		return nil
	}
	var results check.Results
	for _, r := range broken.Results {
		if r.Broken() {
			p.redact(&r.Verdict)
			results = append(results, r)
		}
	}
	return results
}

// headline is the first line of an error about rules, whose evidence follows
// below.
func headline(err error, results check.Results) string {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.ID
	}
	var protocol *oidc.ProtocolError
	if errors.As(err, &protocol) {
		return fmt.Sprintf("%s: the answer breaks the protocol: %s", protocol.Endpoint, strings.Join(ids, ", "))
	}
	return "verification failed: " + strings.Join(ids, ", ")
}
