// helper: tokens in the protocols of other tools.

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/session"
)

func (p *program) helperCommand() *cobra.Command {
	helpers := []*cobra.Command{p.helperKubernetesCommand(), p.helperGitCommand(), p.helperDockerCommand(), p.helperAWSCommand()}
	for _, cmd := range helpers {
		addNoCache(cmd)
		does(cmd, showsRequests, showsRules)
		withoutDocument(printsAnswer, cmd)
	}
	return group("helper", "Give tokens of a session to kubectl, git, docker, aws", helpers...)
}

// tokenOf is a token of a session, for another tool. Nobody is asked to log in: the tool may
// run where nobody is.
func (p *program) tokenOf(ctx context.Context, name string, need session.Need) (*session.Token, error) {
	if p.Options.JSON() {
		return nil, failure.Usage("a helper prints what the other tool reads")
	}
	p.Plainly() // standard output is the other tool's
	keeper, err := p.keeper()
	if err != nil {
		return nil, err
	}
	if name, err = p.sessionName(keeper, []string{name}); err != nil {
		return nil, err
	}
	out, err := p.renew(ctx, keeper, name, need)
	p.Explain()
	if err == nil && !need.IDToken {
		err = bearer(out)
	}
	if err == nil {
		p.Learn(out.Value) // the other side may repeat it in what it says
		err = tokenFit(out.Value)
	}
	return out, err
}

// askAgain is when a tool that keeps a token should ask for another.
func (p *program) askAgain(out *session.Token) time.Time {
	return session.AskAgain(out.Expires, p.Env.Now())
}
