// Faults of logouts: OpenID Connect Back-Channel Logout 1.0, RP-Initiated Logout 1.0.

package fault

import "net/url"

// logoutEvent is the claim that makes a JWT a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func logoutFaults() []Fault {
	fault := func(name, text, rule string, rows []string, change func(*token)) Fault {
		return Fault{
			Name: "logout-token-" + name, Text: "The logout token " + text, At: backchannelLogout,
			By: "logout-receiver", Breaks: []string{"logout_token." + rule}, Rows: append(rows, "B11"),
			spoil: at(backchannelLogout, func(a *answer) { a.logoutToken(change) }),
		}
	}
	accepted := func(f Fault) Fault { f.Accept, f.Breaks = true, nil; return f }
	event := func(value any) func(*token) { return claim("events", map[string]any{logoutEvent: value}) }
	ended := func(name, text string, rows []string, change func(url.Values)) Fault {
		return Fault{
			Name: "end-session-" + name, Text: text, At: "end_session", By: "end-session",
			Breaks: []string{"end_session.state"}, Rows: rows, Unseen: true,
			spoil: at("end_session", func(a *answer) { a.comeBack(change) }),
		}
	}
	return []Fault{
		accepted(fault("typed-jwt", "has the typ JWT", "typ", []string{"L04"}, header("typ", "JWT"))),
		accepted(fault("untyped", "has no typ", "typ", []string{"L04"}, header("typ", nil))),
		fault("alg-of-another", "is signed by ES256, where the ID Token is signed by RS256", "alg",
			[]string{"B2", "L09"}, es256),
		fault("iat-old", "is a week old", "iat", []string{"B3"}, when("iat", -7*day)),
		fault("subject-missing", "has neither sub nor sid", "subject", []string{"B4"}, func(t *token) {
			delete(t.claims, "sub")
			delete(t.claims, "sid")
		}),
		fault("sid-number", "has a sid that is a number, and no sub", "subject", []string{"B4"}, func(t *token) {
			delete(t.claims, "sub")
			t.claims["sid"] = 1
		}),
		fault("events-missing", "has no events", "events", []string{"B5", "L06"}, claim("events", nil)),
		fault("events-wrong", "has another event", "events", []string{"B5", "L07"},
			claim("events", map[string]any{logoutEvent + "1": map[string]any{}})),
		fault("events-string", "has the event as a string", "events", []string{"B5"}, event("true")),
		fault("events-list", "has a list of events", "events", []string{"B5"}, claim("events", []any{logoutEvent})),
		fault("nonce", "has a nonce", "nonce", []string{"B6", "L08"}, claim("nonce", "n")),
		fault("jti-missing", "has no jti", "jti", []string{"B7"}, claim("jti", nil)),
		fault("jti-number", "has a jti that is a number", "jti", []string{"B7"}, claim("jti", 7)),
		{
			Name: "logout-token-replayed", Text: "A logout token is sent a second time", At: backchannelLogout,
			By: "logout-receiver", Breaks: []string{"logout_token.jti"}, Rows: []string{"B7", "B11"}, More: 1,
			spoil: at(backchannelLogout, func(a *answer) {
				a.edit(func(m map[string]any) {
					if before := a.op.watch.say(text(m["logout_token"])); before != "" {
						m["logout_token"] = before
					}
				})
			}),
		},
		fault("sub-wrong", "is of another user", "sub", []string{"B9"}, claim("sub", "mallory")),
		fault("sid-wrong", "is of another session (sid)", "sid", []string{"B10"}, claim("sid", "another")),

		ended("state-wrong", "The browser comes back from the logout with another state", []string{"L02"},
			func(v url.Values) { v.Set("state", v.Get("state")+"1") }),
		ended("state-missing", "The browser comes back from the logout without a state", []string{"L03"},
			func(v url.Values) { v.Del("state") }),
	}
}

// comeBack changes how the browser comes back from a logout.
func (a *answer) comeBack(change func(url.Values)) {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status/100 != 3 {
		return
	}
	query := u.Query()
	change(query)
	u.RawQuery = query.Encode()
	a.header.Set("Location", u.String())
}
