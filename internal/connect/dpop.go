// The key that tokens are bound to: DPoP, RFC 9449.

package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/oidc"
)

// A KeyNeed says what a command needs the key of a DPoP proof for.
type KeyNeed struct {
	Create bool   // it asks for tokens anew, which a new key will do for
	Token  string // an access token that it sends, "" if it sends none
}

// A Binding is the key that the tokens of a session are bound to.
type Binding struct {
	session    string          // its name, "" if there is no session
	thumbprint string          // of the key, "" if the tokens are bound to none
	key        json.RawMessage // a JWK, nil if the key is in a file or there is none
}

// BindingOf returns the Binding of a session whose secret is open. The key in its Grant may be
// a certificate's instead, which a client that authenticates itself may replace.
func BindingOf(s *session.Session, cfg *config.Config) Binding {
	b := Binding{session: s.Name, key: s.Secret.DPoPKey}
	if b.key != nil || strings.EqualFold(s.Tokens.TokenType, "DPoP") || cfg.DPoP.Use && !cfg.ShowsCertificate() {
		b.thumbprint = s.Grant.Key
	}
	return b
}

// BoundKey reads the key that tokens are bound to, or are to be. It returns nil if there is none,
// which is an error if there are tokens already: nothing is sent with a missing or another key.
func (s *Setup) BoundKey(ctx context.Context, need *KeyNeed) (*oidc.SigningKey, error) {
	if need == nil {
		return nil, nil
	}
	cfg := s.Config
	key, err := s.readDPoPKey(ctx)
	if err != nil || need.Create {
		return key, err
	}
	if err := s.Bound.check(cfg, key); err != nil {
		return nil, err
	}
	thumbprint := confirmation(need.Token, "jkt")
	switch {
	case thumbprint == "":
	case key == nil:
		const what = "the access token is bound to a key (DPoP), and no key is configured; nothing was sent"
		return nil, failure.Config(what).
			Try("set --dpop-key FILE, or dpop_key in the configuration, to the key file that the token was issued for")
	case key.Thumbprint() != thumbprint:
		return nil, wrongKey(cfg, "the access token")
	}
	return key, nil
}

// readDPoPKey reads the key from its file or from the session. It returns nil if
// neither has one.
func (s *Setup) readDPoPKey(ctx context.Context) (*oidc.SigningKey, error) {
	switch {
	case !s.DPoP.Use:
		return nil, nil
	case s.DPoP.Key != "":
		return s.Credentials.dpopKey(ctx)
	case s.Bound.key == nil:
		return nil, nil
	}
	key, err := oidc.ReadSigningKey(s.Bound.key)
	return &key, err
}

// check refuses a key that is not the one that tokens which exist are bound to. key is nil if
// there is none.
func (b Binding) check(cfg *config.Config, key *oidc.SigningKey) error {
	const again = "restore the key, or log in again: tokens that are bound to a lost key cannot be used"
	what := "the token"
	if b.session != "" {
		what = "session " + b.session
	}
	switch {
	case !cfg.DPoP.Use && b.thumbprint != "":
		return failure.Config("%s is bound to a key (DPoP), which its configuration no longer uses; nothing was sent",
			what).
			Try("restore dpop or dpop_key in the configuration, or log in again")
	case !cfg.DPoP.Use:
		return nil
	case key == nil && cfg.DPoP.Key != "":
		const missing = "%s: %s does not exist, so the key that %s is bound to is missing; nothing was sent"
		return failure.Config(missing, Origin(cfg, "dpop_key"), cfg.DPoP.Key, what).Try(again)
	case key == nil && b.session != "" && b.thumbprint == "":
		const unbound = "%s is not bound to a key, which its configuration now asks for (dpop); nothing was sent"
		return failure.Config(unbound, what).
			Try("log in again with --save " + b.session + " --replace, or restore the configuration")
	case key == nil && b.session != "":
		return failure.Config("the key that %s is bound to is missing; nothing was sent", what).Try(again)
	case key == nil:
		return failure.Usage("--dpop needs the key that the token is bound to: --dpop-key FILE")
	case b.thumbprint != "" && key.Thumbprint() != b.thumbprint:
		return wrongKey(cfg, what)
	}
	return nil
}

// wrongKey says that something is bound to another key than the one that was read.
func wrongKey(cfg *config.Config, what string) error {
	at, file := "the session", "its key"
	if cfg.DPoP.Key != "" {
		at, file = Origin(cfg, "dpop_key"), cfg.DPoP.Key
	}
	return failure.Config("%s: %s is not the key that %s is bound to; nothing was sent", at, file, what).
		Try("set dpop_key (--dpop-key) to the key file that the tokens were issued for; if it is lost, log in again")
}

// confirmation returns the thumbprint of what an access token is bound to, "" if it does not say: the
// member jkt of cnf for a key (RFC 9449 section 6.1), x5t#S256 for a client certificate (RFC 8705
// section 3.1). Nothing is verified.
func confirmation(token, member string) string {
	jwt, err := oidc.DecodeIDToken(token)
	if err != nil {
		return ""
	}
	claims, err := strictjson.Parse(jwt.JSON)
	if err != nil {
		return ""
	}
	raw, _ := claims.Get("cnf")
	cnf, err := strictjson.Parse(raw)
	if err != nil {
		return ""
	}
	thumbprint, _ := cnf.String(member) // of another type it is none
	return thumbprint
}

// dpop makes what proves the possession of a key, nil if tokens are bound to none. If
// key is nil a new one is made; it is returned as a JWK if no file has it.
func (s *Setup) dpop(
	ctx context.Context, r *run.Run, provider *oidc.Provider, key *oidc.SigningKey,
) (*oidc.DPoP, json.RawMessage, error) {
	if !s.DPoP.Use {
		return nil, s.Bound.key, nil
	}
	jwk := s.Bound.key
	var err error
	if key == nil {
		if key, jwk, err = s.newDPoPKey(ctx, r, provider); err != nil {
			return nil, nil, err
		}
	}
	alg := s.DPoP.Algorithm
	if alg == "" {
		if alg, err = SigningAlgorithm(s.Config, *key); err != nil {
			return nil, nil, err
		}
	}
	if allowed := provider.DPoPSigningAlgorithms; len(allowed) > 0 && !slices.Contains(allowed, alg) {
		r.Warn("DPoP proofs are signed with %s, and the metadata allows %s", alg, strings.Join(allowed, ", "))
	}
	dpop, err := oidc.NewDPoP(*key, alg)
	if err != nil {
		return nil, nil, failure.Config("%s: %v", Origin(s.Config, "dpop_key"), err)
	}
	return dpop, jwk, nil
}

// newDPoPKey makes a key, and keeps it if there is a file for it; if not, it is
// returned as a JWK, too. If another process makes that file at the same time, its
// key is used.
func (s *Setup) newDPoPKey(
	ctx context.Context, r *run.Run, provider *oidc.Provider,
) (*oidc.SigningKey, json.RawMessage, error) {
	alg := s.DPoP.Algorithm
	if alg == "" {
		alg = provider.DPoPAlgorithm()
	}
	if alg == "" {
		return nil, nil, failure.Config("%s: the provider allows DPoP proofs by %s only, which no key can be made for",
			Origin(s.Config, "dpop"), strings.Join(provider.DPoPSigningAlgorithms, ", "))
	}
	key, err := oidc.GenerateKey(alg)
	if err != nil {
		return nil, nil, err
	}
	jwk, err := key.PrivateJWK("sig")
	if err != nil {
		return nil, nil, err
	}
	if s.DPoP.Key == "" {
		return &key, jwk, nil // for the session, if there is to be one
	}
	file := Path(s.Config, "dpop_key", s.DPoP.Key)
	err = durable.Create(file, append(jwk, '\n'))
	s.Credentials.forget(file)
	if errors.Is(err, fs.ErrExist) {
		first, err := s.readDPoPKey(ctx)
		if first == nil && err == nil {
			err = fmt.Errorf("%s: it was created and removed by another process; nothing was sent", file)
		}
		return first, nil, err
	}
	if err != nil {
		return nil, nil, failure.Config("%s: the new key cannot be kept, so nothing was asked for: %v",
			Origin(s.Config, "dpop_key"), err)
	}
	r.Inform("a new DPoP key was made and is kept in %s", file)
	return &key, nil, nil
}
