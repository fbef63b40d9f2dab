// sessions: what is kept, renewed by hand, forgotten, and logged out.

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

func sessionsCommand(p *program) *cobra.Command {
	return group(
		"sessions", "List, show, renew, forget and log out sessions",
		sessionsListCommand(p), sessionsShowCommand(p), sessionsRefreshCommand(p),
		sessionsDeleteCommand(p), sessionsLogoutCommand(p),
	)
}

func sessionsListCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the sessions and how they are",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return listSessions(p.run) },
	}
}

func listSessions(r *run.Run) error {
	keeper, err := keeper(r)
	if err != nil {
		return err
	}
	names, err := keeper.Names()
	if err != nil {
		return unreadable(err)
	}
	list := []strictjson.Ordered{}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tEXPIRES\tSUBJECT\tCLIENT\tISSUER")
	for _, name := range names {
		s, err := keeper.View(name)
		if errors.Is(err, session.ErrNoSession) {
			continue // forgotten meanwhile
		}
		if err != nil {
			r.Warn("%s", sessionError(keeper, name, err))
			list = append(list,
				strictjson.Ordered{
					{Name: "name", Value: name},
					{Name: "state", Value: "broken"},
					{Name: "why", Value: err.Error()},
				})
			fmt.Fprintf(w, "%s\tbroken\n", transcript.Escape(name))
			continue
		}
		list = append(list, sessionDocument(s))
		state := string(s.State)
		if s.Unverified != "" {
			state += ", unverified"
		}
		expires := s.Tokens.Expires
		if s.OnlyIDToken() {
			expires = s.Tokens.IDTokenExpires
		}
		cells := []string{
			s.Name, state, untilText(r, expires), s.Grant.Subject, s.Grant.ClientID,
			s.Grant.Issuer,
		}
		for i, cell := range cells {
			cells[i] = transcript.Escape(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if len(list) == 0 {
		r.Note("sessions", list)
		r.Inform("there is no session; --save NAME of any login makes one")
		return nil
	}
	_ = w.Flush() // to a string
	r.Print("sessions", list, strings.TrimSuffix(table.String(), "\n"))
	return nil
}

// untilText is a time as people read it.
func untilText(r *run.Run, t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	left := t.Sub(r.Env.Now()).Round(time.Second)
	if left < 0 {
		return fmt.Sprintf("%s ago", -left)
	}
	return fmt.Sprintf("in %s", left)
}

// sessionDocument is a session without what is secret in it.
func sessionDocument(s *session.View) strictjson.Ordered {
	var d strictjson.Ordered
	add := func(name string, value any, there bool) {
		if there {
			d.Add(name, value)
		}
	}
	stamp := func(name string, t time.Time) { add(name, t.UTC().Format(time.RFC3339), !t.IsZero()) }
	d.Add("name", s.Name)
	d.Add("state", s.State)
	add("why", s.Why(), s.Why() != "")
	add("verified", false, s.Unverified != "")
	add("unverified", s.Unverified, s.Unverified != "")
	d.Add("issuer", s.Grant.Issuer)
	d.Add("client_id", s.Grant.ClientID)
	add("sub", s.Grant.Subject, s.Grant.Subject != "")
	add("scope", strings.Join(s.Grant.Scopes, " "), len(s.Grant.Scopes) > 0)
	held := s.Withheld == "" // what was not verified may be anything
	add("granted_scope", s.Tokens.Scope, held && s.Tokens.Scope != "")
	add("resource", s.Grant.Resources, len(s.Grant.Resources) > 0)
	add("audience", s.Grant.Audiences, len(s.Grant.Audiences) > 0)
	add("acr_values", s.Grant.ACR, s.Grant.ACR != "")
	add("bound_to", s.Grant.Key, s.Grant.Key != "")
	add("token_type", s.Tokens.TokenType, held && s.Tokens.TokenType != "")
	stamp("received_at", s.Received)
	stamp("expires_at", s.Tokens.Expires)
	stamp("id_token_expires_at", s.Tokens.IDTokenExpires)
	add("access_tokens", accessDocuments(s.Access), held && len(s.Access) > 0)
	add("narrowed", s.Narrowed, s.Narrowed != "")
	add("serial", s.Serial, s.Serial > 0)
	add("claim", claimDocument(s.Claim), s.Claim != nil)
	d.Add("refreshes", s.Generation-1)
	d.Add("renewable", s.Renewable)
	if s.InMemory {
		d.Add("in_memory", true)
		return d
	}
	d.Add("encrypted", s.Sealed)
	return d
}

// accessDocuments are the access tokens for a part of the grant, without the tokens.
func accessDocuments(tokens []session.AccessToken) []strictjson.Ordered {
	list := []strictjson.Ordered{}
	for _, t := range tokens {
		var d strictjson.Ordered
		for _, member := range []struct {
			name  string
			value any
			there bool
		}{
			{"scope", strings.Join(t.Target.Scopes, " "), len(t.Target.Scopes) > 0},
			{"resource", t.Target.Resources, len(t.Target.Resources) > 0},
			{"audience", t.Target.Audiences, len(t.Target.Audiences) > 0},
			{"granted_scope", t.Scope, t.Withheld == "" && t.Scope != ""},
			{"token_type", t.Type, t.Withheld == "" && t.Type != ""},
			{"received_at", t.Received.UTC().Format(time.RFC3339), true},
			{"expires_at", t.Expires.UTC().Format(time.RFC3339), !t.Expires.IsZero()},
			{"withheld", t.Withheld, t.Withheld != ""},
		} {
			if member.there {
				d.Add(member.name, member.value)
			}
		}
		list = append(list, d)
	}
	return list
}

// claimDocument says who has the right to send the refresh token.
func claimDocument(c *session.Claim) strictjson.Ordered {
	var d strictjson.Ordered
	if c == nil {
		return d
	}
	if c.Holder != "" { // an earlier version stored none
		d.Add("holder", c.Holder)
	}
	if c.Host != "" {
		d.Add("host", c.Host)
	}
	d.Add("process", c.Process)
	d.Add("began_at", c.Began.UTC().Format(time.RFC3339))
	if !c.SendBy.IsZero() {
		d.Add("send_by", c.SendBy.UTC().Format(time.RFC3339))
	}
	if c.Why != "" {
		d.Add("why", c.Why)
	}
	return d
}

func sessionsShowCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show what is known of a session, without its tokens",
		Args:  counted(cobra.MaximumNArgs(1)),
		RunE:  func(_ *cobra.Command, args []string) error { return showSession(p.run, args) },

		ValidArgsFunction: completeSessions(p),
	}
}

// existingSession is a session that has to be there, and who has it.
func existingSession(r *run.Run, args []string) (session.Keeper, *session.View, error) {
	keeper, err := keeper(r)
	if err != nil {
		return nil, nil, err
	}
	name, err := sessionName(r, keeper, args)
	if err != nil {
		return nil, nil, err
	}
	s, err := keeper.View(name)
	if err != nil {
		return keeper, nil, sessionError(keeper, name, err)
	}
	r.Issuer(s.Grant.Issuer)
	return keeper, s, nil
}

func showSession(r *run.Run, args []string) error {
	_, s, err := existingSession(r, args)
	if err != nil {
		return err
	}
	d := sessionDocument(s)
	if s.File != "" {
		d.Add("file", s.File)
	}
	r.Show(transcript.Result{Member: "session", Value: d, Title: "Session", Key: "Session"})
	if s.Narrowed != "" {
		r.Warn("%s; only a login gets it back", s.Narrowed)
	}
	if advice := s.Advice(s.State); advice != "" {
		r.Inform("%s", advice)
	}
	return nil
}

func sessionsRefreshCommand(p *program) *cobra.Command {
	var retry bool
	cmd := &cobra.Command{
		Use:   "refresh [NAME]",
		Short: "Renew a session now, whether its tokens are fresh or not",
		Long: `Renew a session now, whether its tokens are fresh or not

--retry sends the refresh token also if it may be spent, or was refused. If it was
spent, most providers end the whole session then.`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return refreshSession(p.run, cmd, args, retry) },

		ValidArgsFunction: completeSessions(p),
	}
	does(cmd, showsRequests, showsRules)
	cmd.Flags().BoolVar(&retry, "retry", false, "send the refresh token also if it may be spent, or was refused")
	addNoCache(cmd)
	return cmd
}

func refreshSession(r *run.Run, cmd *cobra.Command, args []string, retry bool) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	keeper, s, err := existingSession(r, args)
	if err != nil {
		return err
	}
	r.Shield()
	name := s.Name
	s, err = keeper.Refresh(ctx, name, session.Need{Retry: retry, NoCache: r.Options.NoCache()})
	r.Explain()
	if err != nil {
		return sessionError(keeper, name, err)
	}
	r.Note("session", sessionDocument(s))
	if s.Narrowed != "" {
		r.Warn("session %s: %s; only a login gets it back", name, s.Narrowed)
	}
	r.Inform("session %s is renewed; its access token expires %s", name, untilText(r, s.Tokens.Expires))
	return nil
}

func sessionsDeleteCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME...",
		Short: "Forget sessions, without a word to the provider",
		Args:  counted(cobra.MinimumNArgs(1)),
		RunE:  func(cmd *cobra.Command, args []string) error { return deleteSessions(p.run, cmd, args) },

		ValidArgsFunction: completeAll(func() []string { return sessionNames(p) }),
	}
}

func deleteSessions(r *run.Run, cmd *cobra.Command, args []string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	keeper, err := keeper(r)
	if err != nil {
		return err
	}
	var errs []error
	forgotten := []string{}
	for _, name := range args {
		if err := session.CheckName(name); err != nil {
			return failure.Usage("%v", err)
		}
		if err := keeper.Delete(ctx, name); err != nil {
			errs = append(errs, sessionError(keeper, name, err))
			continue
		}
		forgotten = append(forgotten, name)
		r.Inform("session %s is forgotten here; the provider still honours its tokens, which `oidc-client sessions "+
			"logout` would have ended", name)
	}
	r.Note("forgotten", forgotten)
	return errors.Join(errs...)
}

func sessionsLogoutCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logout [NAME]",
		Short: "Revoke the tokens of a session at the provider, then forget it",
		Long: `Revoke the tokens of a session at the provider, then forget it

The refresh token is revoked, or the access token where there is none (RFC 7009). If
the provider cannot be asked, or has no revocation endpoint, the session is kept.
The login in the browser goes on: end-session ends that.`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return logoutSession(p.run, cmd, args) },

		ValidArgsFunction: completeSessions(p),
	}
	does(cmd, showsRequests, showsRules)
	return cmd
}

func logoutSession(r *run.Run, cmd *cobra.Command, args []string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	keeper, s, err := existingSession(r, args)
	if err != nil {
		return err
	}
	name := s.Name
	r.Advise("logout", func(_ error, f *failure.Failure) {
		run.Advise(f, "the session is kept; `oidc-client sessions delete` forgets it here without asking the provider")
	})
	if err := keeper.Logout(ctx, name); err != nil {
		return sessionError(keeper, name, err)
	}
	r.Note("revoked", true)
	r.Explain()
	r.Inform("session %s: its tokens are revoked, and it is forgotten", name)
	return nil
}

// revokeSession revokes the refresh token, which takes the access tokens with it, and the
// access token, at providers where it does not.
func revokeSession(ctx context.Context, client *oidc.Client, s *session.Session) error {
	if token := s.Secret.RefreshToken; token != "" {
		if err := client.Revoke(ctx, token, "refresh_token"); err != nil {
			return err
		}
	}
	if s.Tokens.AccessToken == "" {
		return nil
	}
	err := client.Revoke(ctx, s.Tokens.AccessToken, "access_token")
	var refusal *oidc.Error
	if errors.As(err, &refusal) && s.Secret.RefreshToken != "" {
		return nil // some revoke refresh tokens only, and the one that matters is
	}
	return err
}
