// --save: tokens of any flow are kept as a session.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// saveFlags are the flags of commands whose tokens can be kept.
type saveFlags struct {
	name    string
	replace bool
	memory  bool
	user    bool // with replace: whose user is the same
}

func (o *saveFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.name, "save", "", "keep the tokens as the session `NAME`, for token, exec and other tools")
	f.BoolVar(&o.memory, "in-memory", false, "with --save: in the memory of the agent, and nowhere else")
	f.BoolVar(&o.replace, "replace", false, "with --save: also if NAME is another grant's")
}

// beginSaving finds out, before anything is sent, whether --save can keep tokens: the store
// can be written, the keyring answers, and no other grant's session is in the way.
func beginSaving(ctx context.Context, r *run.Run, cfg *connect.Setup, o *tokenOptions) (*keep.Session, error) {
	if o.save.name == "" {
		if o.save.replace || o.save.memory {
			return nil, failure.Usage("--replace and --in-memory go with --save")
		}
		return nil, nil
	}
	if err := session.CheckName(o.save.name); err != nil {
		return nil, failure.Usage("--save: %v", err)
	}
	store, err := storeFor(ctx, r, o.save)
	if err != nil {
		return nil, err
	}
	room, err := store.Reserve(o.save.name)
	if err == nil {
		err = room.Discard()
	}
	if errors.Is(err, session.ErrUnreachable) {
		return nil, err
	}
	if err != nil {
		return nil,
			failure.Config("--save: the session could not be kept, so nothing was sent: %v",
				err).Try("OIDC_SESSIONS names another folder for sessions")
	}
	s := session.Session{Schema: session.Schema, Name: o.save.name, Grant: grantOf(cfg), Secret: &session.Secret{}}
	from := cfg.Sources.Portable()
	from.SkipIDToken = o.skipIDToken
	if s.Secret.Client, err = json.Marshal(from); err != nil {
		return nil, err
	}
	if len(cfg.Resource) > 0 {
		s.Secret.Params = map[string][]string{"resource": cfg.Resource}
	}
	s.Grant.Own = o.own
	k := &keep.Session{Store: store, Blank: s, Replace: o.save.replace && !o.save.user}
	if k.All, err = openStore(r); err != nil {
		return nil, err
	}
	if err := inTheWay(k, o.save); err != nil {
		return nil, err
	}
	if err := inOtherStore(k, o.save); err != nil {
		return nil, err
	}
	return k, nil
}

// grantOf is what a configuration asks for.
func grantOf(cfg *connect.Setup) session.Grant {
	return session.Grant{
		Issuer: cfg.Issuer, ClientID: cfg.ClientID, Scopes: cfg.Scopes, Resources: cfg.Resource,
		Audiences: cfg.Audiences, ACR: cfg.Login.ACRValues,
	}
}

// differences says how the grant of a session and another one differ.
func differences(there, other session.Grant) string {
	var parts []string
	for _, d := range there.Differences(other) {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, "; ")
}

// inTheWay refuses to put one grant's tokens where another's are, unless that is meant.
func inTheWay(k *keep.Session, o saveFlags) error {
	there, err := k.Store.Load(o.name)
	const advice = "--replace puts the new session in its place; another name keeps both"
	switch {
	case errors.Is(err, session.ErrNoSession) || o.replace:
		return nil
	case err != nil:
		return failure.Config("--save: %v", err).Try("--replace puts the new session in its place")
	case !there.Grant.Covers(k.Blank.Grant):
		return failure.Config("--save: session %s is of another grant: %s", o.name,
			differences(there.Grant, k.Blank.Grant)).Try(advice)
	case there.Grant.Own != k.Blank.Grant.Own:
		whose := map[bool]string{true: "the client's own", false: "a user's"}
		return failure.Config("--save: session %s is %s, and the new one would be %s", o.name, whose[there.Grant.Own],
			whose[!there.Grant.Own]).Try(advice)
	}
	return nil
}

// inOtherStore is inTheWay of the store that the session is not asked to be in: of two with one
// name only one would be seen.
func inOtherStore(k *keep.Session, o saveFlags) error {
	both, ok := k.All.(session.Both)
	if !ok {
		return nil
	}
	other, where := both.First, "in the memory of the agent"
	if o.memory {
		other, where = both.Second, "in a file"
	}
	_, err := other.Load(o.name)
	switch {
	case errors.Is(err, session.ErrNoSession):
		return nil
	case errors.Is(err, session.ErrUnreachable):
		both.Missing(err) // and a session in a file is better than none
		return nil
	case err != nil && !errors.As(err, new(*session.BrokenError)):
		return err // whether it has one is not known
	case !o.replace:
		return failure.Config("--save: there is a session %s already, %s", o.name,
			where).Try("--replace puts the new session in its place; another name keeps both")
	}
	k.Other = other
	return nil
}
