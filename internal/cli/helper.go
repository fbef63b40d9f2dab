// helper: tokens in the protocols of other tools.

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

func helperCommand(p *program) *cobra.Command {
	helpers := []*cobra.Command{
		helperKubernetesCommand(p), helperGitCommand(p), helperDockerCommand(p),
		helperAWSCommand(p),
	}
	for _, cmd := range helpers {
		if cmd.Flags().Lookup(noCacheFlag) == nil { // one that can log in has it
			addNoCache(cmd)
		}
		does(cmd, showsRequests, showsRules)
		withoutDocument(printsAnswer, cmd)
	}
	return group("helper", "Give tokens of a session to kubectl, git, docker, aws", helpers...)
}

// tokenOf is a token of a session, for another tool. Nobody is asked to log in: the tool may
// run where nobody is.
func tokenOf(ctx context.Context, r *run.Run, name string, need session.Need) (*session.Token, error) {
	if err := speakPlainly(r); err != nil {
		return nil, err
	}
	keeper, err := keeper(r)
	if err != nil {
		return nil, err
	}
	if name, err = sessionName(r, keeper, []string{name}); err != nil {
		return nil, err
	}
	out, err := renew(ctx, r, keeper, name, need)
	r.Explain()
	if err != nil {
		return out, err
	}
	return out, handOut(r, out, need.IDToken)
}

// speakPlainly leaves standard output to what the other tool reads.
func speakPlainly(r *run.Run) error {
	if r.Options.JSON() {
		return failure.Usage("a helper prints what the other tool reads")
	}
	run.Plainly(r)
	return nil
}

// handOut refuses a token that the other tool cannot use.
func handOut(r *run.Run, out *session.Token, idToken bool) error {
	if !idToken {
		if err := bearer(out); err != nil {
			return err
		}
	}
	r.Learn(out.Value) // the other side may repeat it in what it says
	return tokenFit(out.Value)
}

// askAgain is when a tool that keeps a token should ask for another.
func askAgain(r *run.Run, out *session.Token) time.Time {
	return session.AskAgain(out.Expires, r.Env.Now())
}
