// The differential run: what our provider does wrong on purpose is shown to
// another relying party, npm oauth4webapi, and what that makes of it compared
// with what ours has to do (TestFaultsRefreshToken proves that it does). Ours
// is never the laxer one, but for a few faults with a reason; where it is the
// stricter one, docs/differential.md says why the other is not.

package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

const differentialPage = "../docs/differential.md"

// unspoken are what a configuration can demand and oauth4webapi cannot be
// told: it takes access and refresh tokens for opaque, leaves decryption, and
// acr, amr and ages after a refresh, to its caller, and verifies no MACs.
var unspoken = []string{
	"access_token_jwt", "refresh_token_jwt", "token_encryption_alg", "decryption_key", "amr_list", "acr_list",
	"max_age", "max_id_token_age",
	"token_signing_alg: [HS256]",
}

// compared reports whether a fault can be shown to oauth4webapi. A login is
// another matter; previous ID Tokens are its caller's; and it has to be allowed
// http, for a provider on the loopback address.
func compared(f fault.Fault) bool {
	return f.By == "" && !f.Previous && f.Name != "metadata-endpoint-http" &&
		!slices.ContainsFunc(unspoken, func(key string) bool { return strings.Contains(f.Config, key) })
}

// A why is the reason for a difference, for all faults that a pattern fits.
type why struct{ faults, text string }

// laxer are the faults that oauth4webapi refuses and oidc-client accepts, with
// what lets it.
var laxer = []why{
	{
		`keys-rotated`,
		"it fetches keys again only if those it has are a minute old. OpenID Connect Core 1.0 section 10.1.1 sends a relying party back to jwks_uri when it sees a kid that it does not know; oidc-client goes once",
	},
	{
		`keys-unknown`,
		"it refuses a set in which anything is not an object, and passes over keys that it does not know. RFC 7517 section 5 wants unknown and broken keys ignored; oidc-client takes what is no key at all for a broken one",
	},
	{
		`token-lifetime-negative`,
		"expires_in may not be negative. RFC 6749 appendix A.14 has no sign there, and does not say what to make of one; oidc-client warns that the token is expired already",
	},
	{
		`token-refresh-token-empty`,
		"refresh_token may not be empty. RFC 6749 section 3.1 counts a parameter without a value as omitted; oidc-client takes it for none, and keeps the refresh token that it has",
	},
}

// stricter are the faults that oidc-client refuses, and oauth4webapi accepts or
// refuses later, with what its source does instead.
var stricter = []why{
	{
		`(discovery|jwks|token|userinfo)-duplicate(-escaped)?|.*-(claim-duplicate|claim-duplicate-deep|claim-duplicate-same|header-duplicate)`, "JSON.parse takes the last of several members of one name",
	},
	{`.*-surrogate`, "JSON.parse takes half a surrogate pair"},
	{
		`.*-(bom|utf8)`,
		"Response.json, and TextDecoder by default, drop a byte order mark and replace what is not UTF-8",
	},
	{`keys-many`, "the number of keys in a set is not bounded; oidc-client looks at the first hundred"},
	{`.*-(deep|many)`, "how deep JSON is nested and how many values it has is not bounded"},
	{
		`id-token-sub-long`,
		"the length of sub is not looked at; what is refused is UserInfo, whose sub is not that long here",
	},
	{`.*-(too-long|long)`, "the size of an answer or a token is not bounded; a caller can do it, with customFetch"},
	{`.*-media-type`, "the Content-Type is looked at only when the body is not JSON"},
	{
		`.*-base64-(padding|bits)`,
		"base64url is decoded by atob or Uint8Array.fromBase64, which take padding and stray bits",
	},
	{
		`.*-typ-.*|.*-events`,
		"the header's typ and the claim events are not looked at, in ID Tokens and UserInfo: OpenID Connect does not ask for it, RFC 8725 sections 3.11 and 3.12 do",
	},
	{
		`id-token-like-access-token|userinfo-jwt-nonce`,
		"the claims of other kinds of tokens are not looked at: OpenID Connect does not ask for it, RFC 8725 section 3.12 does",
	},
	{
		`metadata-issuer-(slash|upper-case)`,
		"issuers are compared as normalized URLs; what is refused is the ID Token, whose iss is not the metadata's",
	},
	{
		`metadata-(jwks-uri-missing|endpoint-file)`,
		"an endpoint is looked at when it is about to be used: the client's secret and the refresh token are sent by then",
	},
	{`metadata-endpoint-fragment`, "an endpoint may have a fragment, which fetch does not send"},
	{
		`metadata-list-read-string`,
		"id_token_signing_alg_values_supported is not looked at if it is no list",
	},
	{`token-error-beside-tokens`, "error is looked for in answers with a status of 400 to 499 only"},
	{
		`token-type-dpop`,
		"a token of the type DPoP is taken though none was asked for: token_type is the caller's to look at",
	},
	{`token-lifetime-list`, "an expires_in that is not a number goes through parseFloat, which reads [3600] as 3600"},
	{`token-refresh-token-escapes`, "a refresh_token is any string that is not empty"},
	{
		`token-id-token-missing`,
		"an ID Token can be required of a login and not of a refresh: left to the caller, who sees that none came",
	},
	{
		`id-token-sub-empty`,
		"sub need only be a string; an empty one is refused as what UserInfo is to be compared with",
	},
	{
		`id-token-exp-(huge|endless)`,
		"exp is a number that is not in the past, however large; JSON.parse makes 1e400 Infinity",
	},
	{`id-token-iat-future`, "iat has to be a number, and may be in the future"},
	{
		`id-token-azp-wrong`,
		"azp is compared only if there is not exactly one audience (OpenID Connect Core 1.0 section 3.1.3.7: SHOULD)",
	},
	{`id-token-at-hash-wrong`, "at_hash is not compared (OpenID Connect Core 1.0 section 3.1.3.8: optional)"},
	{`id-token-amr-string`, "amr is not looked at: left to the caller"},
	{
		`userinfo-jwt-(iss|aud)-missing`,
		"iss and aud of signed UserInfo are compared if they are there, and need not be",
	},
}

// A relyingParty is the running oauth4webapi, test/interop/differential.mjs.
type relyingParty struct {
	stdin io.WriteCloser
	turns chan struct{} // as many jobs at a time: it has one thread
	large sync.Mutex    // held for an answer of up to 256 MiB, all of which it reads

	mu      sync.Mutex
	waiting map[int]chan judgment
	jobs    int
	gone    bool
}

// A refreshJob is one refresh.
type refreshJob struct {
	ID           int    `json:"id"`
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
	UserInfoAlg  string `json:"userinfo_signed_response_alg,omitempty"`
	Patience     int    `json:"patience"` // ms
}

// A judgment is what became of it.
type judgment struct {
	ID                  int
	Accepted            bool
	Step, Code, Message string // where it was refused, and why
	Late                bool   // it waited in vain

	watched fault.Verdict // what the provider saw
}

// startOAuth4WebAPI starts the program. It ends when its standard input does.
func startOAuth4WebAPI(t *testing.T) *relyingParty {
	t.Helper()
	node := "node"
	if own := os.Getenv("NODE"); own != "" {
		node = own
	}
	_, err := exec.LookPath(node)
	needed(t, "Node.js", err)
	_, err = os.Stat("interop/node_modules/oauth4webapi")
	needed(t, "npm oauth4webapi", err)

	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	cmd := exec.CommandContext(ctx, node, "interop/differential.mjs")
	r := &relyingParty{turns: make(chan struct{}, 6), waiting: map[int]chan judgment{}}
	r.stdin, err = cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	check(t, cmd.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); r.listen(t, stdout) }()
	t.Cleanup(func() {
		_ = r.stdin.Close()
		<-ended
		_ = cmd.Wait()
		cancel()
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("oauth4webapi said:\n%s", stderr.String())
		}
	})
	return r
}

// listen gives every judgment to who waits for it, until there are no more.
func (r *relyingParty) listen(t *testing.T, stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var j judgment
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			t.Errorf("oauth4webapi: %v: %s", err, lines.Bytes())
			continue
		}
		r.mu.Lock()
		if c := r.waiting[j.ID]; c != nil {
			c <- j
		}
		delete(r.waiting, j.ID)
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	for _, c := range r.waiting {
		close(c)
	}
}

// begin gives it a job, and returns where the judgment will come.
func (r *relyingParty) begin(j refreshJob) (<-chan judgment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return nil, errors.New("oauth4webapi is gone")
	}
	r.jobs++
	j.ID = r.jobs
	line, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	c := make(chan judgment, 1)
	r.waiting[j.ID] = c
	_, err = r.stdin.Write(append(line, '\n'))
	return c, err
}

// judge has it do a job.
func (r *relyingParty) judge(t *testing.T, j refreshJob) judgment {
	t.Helper()
	r.turns <- struct{}{}
	defer func() { <-r.turns }()
	answer, err := r.begin(j)
	check(t, err)
	select {
	case v, ok := <-answer:
		if !ok {
			t.Fatal("oauth4webapi ended")
		}
		return v
	case <-time.After(time.Minute):
		t.Fatal("oauth4webapi does not answer")
	}
	return judgment{}
}

// jobFor asks for a refresh at a stage, with what the fault's configuration
// demands.
func jobFor(s *stage, f fault.Fault) refreshJob {
	j := refreshJob{
		Issuer: s.op.Issuer, ClientID: "app", ClientSecret: faultSecret, RefreshToken: s.first,
		Patience: 2000,
	}
	if f.At == "userinfo" && strings.Contains(f.Config, "RS256") { // token_signing_alg, userinfo_signed_response_alg
		j.UserInfoAlg = "RS256"
	}
	if slow(f) {
		j.Patience = 1000
	}
	return j
}

// slow reports whether an answer is not to come in time.
func slow(f fault.Fault) bool {
	return strings.Contains(f.Config, "timeout_duration") || strings.HasSuffix(f.Name, "-endless")
}

// try shows it a fault. That a busy machine is late says nothing: it is given
// two more chances, and more time.
func (r *relyingParty) try(t *testing.T, f fault.Fault) judgment {
	t.Helper()
	if strings.HasSuffix(f.Name, "-endless") {
		r.large.Lock()
		defer r.large.Unlock()
	}
	for patience := 1; patience <= 16; patience *= 4 {
		s := newStage(t, f)
		if f.Name != "" {
			check(t, s.op.Misbehave(f.Name))
		}
		j := jobFor(s, f)
		j.Patience *= patience
		v := r.judge(t, j)
		v.watched = s.op.Judge()
		came := f.Name == "" || v.watched.Findings[0].Did != "did_not_come"
		if v.Late && (!slow(f) || !came) {
			continue
		}
		if !came || v.Code == "ELSEWHERE" {
			t.Errorf("it did not come to the fault, or was on the way to another machine: %+v", v)
		}
		return v
	}
	t.Fatal("late, three times")
	return judgment{}
}

// The differences, by kind.
const (
	noDifference  = ""
	weAreStricter = "we are stricter"
	itIsLater     = "it refuses later"
	weAreLaxer    = "we are laxer"
)

func difference(f fault.Fault, v judgment) string {
	switch {
	case v.Accepted && !f.Accept:
		return weAreStricter
	case !v.Accepted && f.Accept:
		return weAreLaxer
	case !f.Accept && !f.Unseen && v.watched.Findings[0].Did == "went_on":
		return itIsLater
	}
	return noDifference
}

// It is not parallel to other tests: time limits are part of what is compared.
func TestDifferential(t *testing.T) {
	r := startOAuth4WebAPI(t)
	if v := r.try(t, fault.Fault{}); !v.Accepted {
		t.Fatalf("without a fault: %+v", v)
	}
	var mu sync.Mutex
	found, all := map[string]judgment{}, 0
	t.Run("faults", func(t *testing.T) {
		for _, f := range fault.Faults() {
			if !compared(f) {
				continue
			}
			all++
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				v := r.try(t, f)
				if difference(f, v) == weAreLaxer && reasonFor(laxer, f.Name) < 0 {
					t.Errorf("oidc-client accepts what oauth4webapi refuses: %+v", v)
				}
				mu.Lock()
				defer mu.Unlock()
				found[f.Name] = v
			})
		}
	})
	if t.Failed() || len(found) < all {
		t.Log("docs/differential.md was not compared: a fault failed, or was not tried")
		return
	}
	comparePage(t, found)
}

// reasonFor is the index of the reason for a difference, -1 if there is none.
func reasonFor(list []why, fault string) int {
	return slices.IndexFunc(list, func(w why) bool {
		return regexp.MustCompile("^(" + w.faults + ")$").MatchString(fault)
	})
}

// A contrast is a difference with its reason.
type contrast struct {
	fault  fault.Fault
	v      judgment
	reason int
	text   string
}

// differences are those of a kind, the ones with the same reason together. What
// has no reason is an error.
func differences(t *testing.T, found map[string]judgment, kind string, list []why) []contrast {
	t.Helper()
	var all []contrast
	for _, f := range fault.Faults() {
		v, ok := found[f.Name]
		if !ok || difference(f, v) != kind {
			continue
		}
		i := reasonFor(list, f.Name)
		if i < 0 {
			t.Errorf("%s: %s, and nothing here says why: %+v", f.Name, kind, v)
			continue
		}
		all = append(all, contrast{f, v, i, list[i].text})
	}
	slices.SortStableFunc(all, func(a, b contrast) int { return a.reason - b.reason })
	return all
}

// comparePage makes sure that docs/differential.md lists what was found, and no
// more. With UPDATE=1 it writes the tables.
func comparePage(t *testing.T, found map[string]judgment) {
	t.Helper()
	lists := map[string][]contrast{}
	for kind, reasons := range map[string][]why{weAreStricter: stricter, itIsLater: stricter, weAreLaxer: laxer} {
		lists[kind] = differences(t, found, kind, reasons)
	}
	t.Logf("%d faults: %d same, %d we are stricter, %d it refuses later, %d we are laxer", len(found),
		len(found)-len(lists[weAreStricter])-len(lists[itIsLater])-len(lists[weAreLaxer]),
		len(lists[weAreStricter]), len(lists[itIsLater]), len(lists[weAreLaxer]))
	needless(t, stricter, lists[weAreStricter], lists[itIsLater])
	needless(t, laxer, lists[weAreLaxer])
	page, err := os.ReadFile(differentialPage)
	check(t, err)
	text, old, _ := strings.Cut(string(page), "\n## ") // what is above the tables is written by hand
	old, fresh := "\n## "+old, pageTables(t, lists)
	if os.Getenv("UPDATE") != "" {
		check(t, os.WriteFile(differentialPage, []byte(text+fresh), 0o600))
		return
	}
	if old == fresh {
		return
	}
	t.Error("docs/differential.md is not up to date: UPDATE=1 go test -run Differential .")
	for _, line := range linesApart(fresh, old) {
		t.Errorf("is not there: %s", line)
	}
	for _, line := range linesApart(old, fresh) {
		t.Errorf("is no longer so: %s", line)
	}
}

// needless are reasons that no difference has any more: errors.
func needless(t *testing.T, list []why, lists ...[]contrast) {
	t.Helper()
	for i, w := range list {
		if !slices.ContainsFunc(slices.Concat(lists...), func(c contrast) bool { return c.reason == i }) {
			t.Errorf("no difference needs the reason for %s", w.faults)
		}
	}
}

// linesApart are the lines of one text that another has not.
func linesApart(text, other string) []string {
	theirs := strings.Split(other, "\n")
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return slices.Contains(theirs, line) })
}

// pageTables are the tables of docs/differential.md.
func pageTables(t *testing.T, lists map[string][]contrast) string {
	t.Helper()
	data, err := os.ReadFile("interop/node_modules/oauth4webapi/package.json")
	check(t, err)
	var library struct{ Name, Version string }
	check(t, json.Unmarshal(data, &library))
	head := fmt.Sprintf("| fault | the provider does | %s %s | oidc-client | why |\n|---|---|---|---|---|\n",
		library.Name, library.Version)
	var b strings.Builder
	section := func(title string, list []contrast, its, ours func(contrast) string) {
		b.WriteString("\n## " + title + "\n\n" + head)
		for _, c := range list {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", c.fault.Name, c.fault.Text, its(c), ours(c), c.text)
		}
	}
	accepts := func(contrast) string { return "accepts" }
	refuses := func(c contrast) string { return "refuses " + c.v.Step }
	section("oidc-client refuses, oauth4webapi accepts", lists[weAreStricter], accepts, refusedFor)
	section("Both refuse, oauth4webapi later", lists[itIsLater], refuses, refusedFor)
	section("oauth4webapi refuses, oidc-client accepts", lists[weAreLaxer], refuses, accepts)
	return b.String()
}

// refusedFor is what oidc-client refuses a fault for.
func refusedFor(c contrast) string {
	if len(c.fault.Breaks) == 0 {
		return "refuses"
	}
	return "refuses: `" + c.fault.Breaks[0] + "`"
}
