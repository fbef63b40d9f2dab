// Logging in, with pages and without them.

package provider

import (
	"net/http"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// A loginPage is where users log in.
type loginPage struct{ *Provider }

// Where a session keeps who has logged in, while the user is asked for consent.
const (
	userKey = "_user"
	sidKey  = "_sid"
)

// login logs the user of a session in: at once if the browser is logged in already or the
// provider is automatic, else by a form. Device logins use the same form, each time: the
// user has to compare the code.
func (l loginPage) login(w http.ResponseWriter, r *http.Request, session *goidc.AuthnSession,
	client *goidc.Client,
) (goidc.Status, error) {
	if session.Status != goidc.StatusPending {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeInvalidRequest, "this login has ended")
	}
	if has(string(session.Prompt), "none") && session.Prompt != goidc.PromptTypeNone {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeInvalidRequest, "prompt has none and something else")
	}
	device := session.DeviceCode != ""
	var v *ssoSession
	if !device {
		v = l.usableSSO(l.ssoSessionOf(r, session.IDTokenHintClaims), session, client)
	}
	switch {
	case session.Prompt == goidc.PromptTypeNone && v == nil && (!l.options.Auto || l.options.NoSilentLogin):
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeLoginRequired, "nobody is logged in")
	case l.options.Auto:
		return l.loginAutomatically(w, session, v)
	case r.Method == http.MethodPost && r.PathValue("callback") != "":
		// The authorization request itself may be a POST: only a path with the
		// session's id is the form.
		return l.submitted(w, r, session)
	case v != nil:
		return l.consent(w, session, l.users[v.user], v)
	}
	return l.form(w, session, session.LoginHint, "")
}

// form shows the form to log in.
func (l loginPage) form(w http.ResponseWriter, session *goidc.AuthnSession, hint, wrong string) (goidc.Status, error) {
	err := show(w, http.StatusOK, "login", struct{ Action, Client, Code, Hint, Error string }{
		action(session), session.ClientID, session.UserCode, hint, wrong,
	})
	if err != nil {
		return goidc.StatusFailure, err
	}
	return goidc.StatusPending, nil
}

// action is where the forms of a session go.
func action(session *goidc.AuthnSession) string {
	if session.DeviceCode != "" {
		return "/device/" + session.ID
	}
	return "/authorize/" + session.ID
}

// submitted takes the form of a login, or of a consent after it.
func (l loginPage) submitted(w http.ResponseWriter, r *http.Request, session *goidc.AuthnSession) (
	goidc.Status, error,
) {
	if r.PostFormValue("deny") != "" {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeAccessDenied, "the user said no")
	}
	if name := text(session.Store[userKey]); name != "" && r.PostFormValue("consent") == "yes" {
		return l.finish(session, l.users[name], l.ssoSessionOf(r, map[string]any{"sid": session.Store[sidKey]}))
	}
	if !l.users.rightPassword(r) {
		return l.form(w, session, r.PostFormValue("username"), "Wrong user name or password.")
	}
	u := l.users[r.PostFormValue("username")]
	if session.DeviceCode != "" {
		return l.consent(w, session, u, nil)
	}
	return l.consent(w, session, u, l.startSSO(w, u))
}

// consent ends a login, after the user's consent if the client asks for that.
func (l loginPage) consent(w http.ResponseWriter, session *goidc.AuthnSession, u User, v *ssoSession) (
	goidc.Status, error,
) {
	if !has(string(session.Prompt), "consent") {
		return l.finish(session, u, v)
	}
	session.Store[userKey] = u.Name
	if v != nil {
		session.Store[sidKey] = v.sid
	}
	err := show(w, http.StatusOK, "consent", struct {
		Action, Client, User string
		Wants                [][2]string
	}{action(session), session.ClientID, u.Name, wants(session)})
	if err != nil {
		return goidc.StatusFailure, err
	}
	return goidc.StatusPending, nil
}

// wants are what a client asks for, in words.
func wants(session *goidc.AuthnSession) [][2]string {
	meaning := map[string]string{
		"openid": "know who you are", "profile": "your name", "email": "your email address",
		"offline_access": "access while you are away",
	}
	var list [][2]string
	for scope := range strings.FieldsSeq(session.Scopes) {
		list = append(list, [2]string{scope, meaning[scope]})
	}
	for _, resource := range session.Resources {
		list = append(list, [2]string{"resource", resource})
	}
	for _, detail := range session.AuthDetails {
		list = append(list, [2]string{"authorization_details", string(EncodeJSON(detail))})
	}
	return list
}

// loginAutomatically logs in who is asked for, or else who is logged in, or the first user.
func (l loginPage) loginAutomatically(w http.ResponseWriter, session *goidc.AuthnSession, v *ssoSession) (
	goidc.Status, error,
) {
	if v != nil {
		return l.finish(session, l.users[v.user], v)
	}
	name := session.LoginHint
	if name == "" {
		name = l.users.of(text(session.IDTokenHintClaims["sub"])).Name
	}
	if name == "" && len(l.options.Users) > 0 {
		name = l.options.Users[0].Name
	}
	u, ok := l.users[name]
	if !ok {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeAccessDenied, "there is no such user")
	}
	if session.DeviceCode == "" {
		v = l.startSSO(w, u)
	}
	return l.finish(session, u, v)
}
