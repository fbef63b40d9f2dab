package keep

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// That the new refresh token could not be written does not go under, whatever
// else went wrong.
func TestALostTokenIsAlwaysSaid(t *testing.T) {
	t.Parallel()
	broken := check.Run([]check.Rule[int]{{
		ID: "id_token.amr", Level: check.Must, Text: "amr is right.",
		Eval: func(int) check.Verdict { return check.That(false, "a", "b") },
	}}, 0).Err()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	lost := errors.New("the new refresh token could not be written to FILE")
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		kind failure.Kind
	}{
		"nothing else": {context.Background(), lost, failure.KindInternal},
		"verification": {context.Background(), errors.Join(broken, lost), failure.KindVerification},
		"UserInfo": {
			context.Background(), errors.Join(&oidc.Error{Code: "invalid_token", Endpoint: "userinfo"}, lost),
			failure.KindProvider,
		},
		"network": {
			context.Background(),
			errors.Join(&oidc.TransportError{Endpoint: "userinfo", Err: errors.New("reset")}, lost),
			failure.KindNetwork,
		},
		"interrupted": {cancelled, errors.Join(context.Canceled, lost), failure.KindInteraction},
	} {
		r := run.New(quiet(), run.Options{}, "refresh-token")
		r.Advise("tokens", Plan{File: &File{failed: lost}}.Begin(r).Advise)
		f := r.Failure(c.ctx, c.err)
		var shown bytes.Buffer
		(&transcript.Text{W: &shown}).Failure(f, r.Broken(c.err))
		if f.Kind != c.kind || strings.Count(f.Message, lost.Error()) != 1 ||
			strings.Count(shown.String(), lost.Error()) != 1 {
			t.Errorf("%s: %s: %q, shown as %q", name, f.Kind, f.Message, shown.String())
		}
	}
}
