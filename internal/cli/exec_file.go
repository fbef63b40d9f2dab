// The file of a token that is kept fresh.

package cli

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A keptFile is a file that has a token of a session.
type keptFile struct {
	path    string
	run     *run.Run
	keeper  session.Keeper
	need    session.Need
	out     *session.Token // whose token it has
	written time.Time
}

func (k *keptFile) write(out *session.Token) error {
	if err := tokenFit(out.Value); err != nil {
		return err
	}
	k.out, k.written = out, k.run.Env.Now()
	return durable.WriteFile(k.path, []byte(out.Value))
}

// keep writes a new token before the old one ends, until ctx does. What fails is told, and
// tried again: the old token may still be good.
func (k *keptFile) keep(ctx context.Context) {
	pause := limit.AgentPauseLeast
	wait := k.left()
	for sleep(ctx, wait) {
		need := k.need
		if k.out.Expires.IsZero() {
			need.For = 0 // each token would be too old a moment later
		}
		out, err := renew(ctx, k.run, k.keeper, k.out.Session, need)
		if err == nil && out.Behind == nil {
			err = k.write(out)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			k.run.Warn("the token of the command could not be renewed: %s", k.run.Message(err))
			fallthrough
		case out.Behind != nil: // which was told
			wait, pause = pause, min(2*pause, limit.AgentPauseMost)
		default:
			wait, pause = k.left(), limit.AgentPauseLeast
		}
	}
}

// left is how long the token is to be used.
func (k *keptFile) left() time.Duration {
	const unknown = time.Minute
	if k.out.Expires.IsZero() {
		return unknown
	}
	received := k.out.Received
	if received.IsZero() { // the agent does not say
		received = k.written
	}
	margin := session.Margin(k.out.Expires.Sub(received))
	left := k.out.Expires.Sub(k.run.Env.Now()) - max(k.need.For, margin)
	return max(left, limit.AgentPauseLeast) + rand.N(margin/4+1) //nolint:gosec // no secret
}

// sleep waits, and reports whether ctx did not end meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
