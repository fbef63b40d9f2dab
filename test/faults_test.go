package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	rules "github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/oidc"
)

const faultSecret = "canary-client-secret-of-at-least-32-bytes"

// providerKeys are the keys of all development providers of these tests.
var providerKeys = sync.OnceValue(func() *provider.Keys {
	keys, err := provider.NewKeys()
	must(err)
	return keys
})

// providerDefaults are the defaults of the development provider, with keys that
// exist already.
func providerDefaults() provider.Options {
	o := provider.Defaults()
	o.Keys = providerKeys()
	return o
}

// faultKeys are the client's keys that tokens are encrypted for. They are
// generated once.
var faultKeys = sync.OnceValue(func() (k struct{ private, public []byte }) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	private := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: rsaKey, KeyID: "enc-rsa", Use: "enc"},
		{Key: ecKey, KeyID: "enc-ec", Use: "enc"},
	}}
	public := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Keys[0].Public(), private.Keys[1].Public()}}
	k.private, err = json.Marshal(private)
	must(err)
	k.public, err = json.Marshal(public)
	must(err)
	return k
})

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A stage is the embedded provider and a client of it with a refresh token.
type stage struct {
	t      *testing.T
	op     *fault.Provider
	folder string
	config string
	token  string // the file of the refresh token
	first  string // the refresh token that was in it

	address  string                 // where a command may listen
	receiver atomic.Pointer[string] // where logout tokens go, once that is known
}

func newStage(t *testing.T, f fault.Fault) *stage {
	t.Helper()
	keys := faultKeys()
	o := fault.Options{Options: providerDefaults()}
	o.Auto = true
	s := &stage{t: t, folder: t.TempDir()}
	o.Clients = []provider.Client{{ID: "app", Secret: faultSecret}}
	fault.Demand(&o.Clients[0], f.Config, string(keys.public))
	s.register(f, &o)
	op, err := fault.Start(o)
	check(t, err)
	t.Cleanup(func() { _ = op.CloseNow() })
	s.op = op
	s.config, s.token = filepath.Join(s.folder, "config.yaml"), filepath.Join(s.folder, "refresh-token")
	s.first, err = op.IssueRefreshToken("app", "alice", "")
	check(t, err)
	s.write(s.config, op.ConfigFile(o.Clients[0], f.Config))
	s.write(s.token, []byte(s.first+"\n"))
	s.write(filepath.Join(s.folder, "decryption-key.json"), keys.private)
	return s
}

// register registers the client for what the command does.
func (s *stage) register(f fault.Fault, o *fault.Options) {
	o.Registration, o.PollInterval, o.ApproveAfter = true, time.Millisecond, time.Millisecond
	client := &o.Clients[0]
	switch {
	case f.By == "logout-receiver":
		client.BackchannelLogoutURI, o.HTTPClient = "http://receiver.invalid/backchannel_logout",
			&http.Client{Transport: redirected{s}}
	case f.By == "end-session":
		s.address = fixedAddress(s.t)
		client.PostLogoutURIs = []string{"http://" + s.address + "/logout/callback"}
	case f.At == "ciba_notification":
		s.address = fixedAddress(s.t)
		client.DeliveryMode, client.NotificationEndpoint = "ping", "http://"+s.address+"/"
	}
}

func (s *stage) write(file string, data []byte) {
	s.t.Helper()
	check(s.t, os.WriteFile(file, data, 0o600))
}

// refresh runs the real command.
func (s *stage) refresh(more ...string) (int, string, string) {
	return runProgram(append([]string{
		"refresh-token", "-c", s.config, "--refresh-token", "@" + s.token, "--timeout",
		"30s",
	}, more...), "")
}

// previous refreshes once, rightly, and keeps the ID Token.
func (s *stage) previous() string {
	s.t.Helper()
	code, stdout, stderr := s.refresh("--format", "json")
	if code != 0 {
		s.t.Fatalf("without a fault: exit %d\n%s", code, stderr)
	}
	var doc document
	check(s.t, json.Unmarshal([]byte(stdout), &doc))
	file := filepath.Join(s.folder, "previous")
	s.write(file, []byte(doc.TokenResponse["id_token"].(string)))
	return "@" + file
}

// isRule reports whether an id is that of a rule, and its level.
func isRule(id string) (rules.Level, bool) {
	all := oidc.Rules()
	i := slices.IndexFunc(all, func(r rules.Result) bool { return r.ID == id })
	if i < 0 {
		return "", false
	}
	return all[i].Level, true
}

// expected is the exit code and the kind of the error that a fault has to
// lead to.
func expected(f fault.Fault) (int, string) {
	if f.Accept {
		return 0, ""
	}
	if len(f.Breaks) == 0 {
		return 3, "provider"
	}
	id := f.Breaks[0]
	table, _, _ := strings.Cut(id, ".")
	_, rule := isRule(id)
	switch {
	case rule && (table == "discovery" || table == "token_response"):
		return 4, "protocol"
	case rule:
		return 5, "verification"
	case table == "network":
		return 4, "network"
	case strings.Contains(id, "."):
		return 4, "protocol"
	}
	return 3, "provider"
}

// lost are the faults after which nobody has a refresh token that works: what
// the provider sent in its place did not arrive, or is none.
var lost = []string{
	"token-refresh-token-missing", "token-refresh-token-empty",
	"token-refused-unauthorized", "token-refused-proof", "token-refused-sentence", "token-refused-undescribed",
	"token-refused", "token-refused-200", "token-refused-escapes", "token-refused-and-echoed",
	"token-too-long", "token-endless", "token-bomb", "token-not-json", "token-empty", "token-null",
	"token-captive-portal",
	"token-redirect-301", "token-redirect-302", "token-redirect-303", "token-redirect-307", "token-redirect-308",
	"token-redirect-file",
	"token-status-204", "token-status-418", "token-status-500", "token-status-503", "token-status-429",
	"token-header-huge", "token-cookies", "token-informational",
	"token-hang", "token-drip", "token-closed", "token-cut",
}

// written are the faults that put something into the place of the new refresh token, which is
// then what is kept: the one that was sent is spent.
var written = map[string]string{
	"token-refresh-token-number":  "7351028946\n",
	"token-refresh-token-escapes": "\x1b]0;pwned\x07\n",
}

// Every fault of the catalogue, through the real main: the exit code, the kind,
// the id, the rules that were broken and no others; nothing asked for that may
// not be; the new refresh token kept; no secret and no control character shown.
func TestFaultsRefreshToken(t *testing.T) {
	t.Parallel()
	for _, f := range fault.Faults() {
		if f.By != "" {
			continue // TestFaultsCommands
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			forms := [][]string{{"--format", "json"}, {"-dd", "--explain=all"}}
			if strings.Contains(f.Config, "timeout_duration") { // it waits for that each time
				forms = [][]string{{"--format", "json", "-dd", "--explain=all"}}
			}
			for _, form := range forms {
				s := newStage(t, f)
				args := form
				if f.Previous {
					args = append(slices.Clone(form), "--previous-id-token", s.previous())
				}
				before, err := os.ReadFile(s.token)
				check(t, err)
				check(t, s.op.Misbehave(f.Name))
				code, stdout, stderr := s.refresh(args...)
				want, kind := expected(f)
				if code != want {
					t.Errorf("exit %d, want %d\n%s%s", code, want, stdout, stderr)
				}
				if form[0] == "--format" {
					judgeDocument(t, f, kind, stdout)
				}
				s.judgeRequests(f)
				s.harmless(stdout, stderr, strings.TrimSpace(string(before)))
				s.kept(f, string(before))
			}
		})
	}
}

// judgeDocument compares the document with what the fault breaks.
func judgeDocument(t *testing.T, f fault.Fault, kind, stdout string) {
	t.Helper()
	var doc document
	d := json.NewDecoder(strings.NewReader(stdout))
	d.UseNumber() // some faults are numbers that are too large for anything else
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("standard output is no JSON: %v\n%.2000s", err, stdout)
	}
	if (doc.Error == nil) != (kind == "") {
		t.Fatalf("error %+v, want %s", doc.Error, kind)
	}
	if doc.Error != nil {
		if doc.Error.Kind != kind || len(f.Breaks) > 0 && !slices.Contains(f.Breaks, doc.Error.Code) {
			t.Errorf("kind %s, code %s; want %s, one of %v", doc.Error.Kind, doc.Error.Code, kind, f.Breaks)
		}
		if doc.IDToken != nil && doc.IDToken.Verified && kind == "verification" && f.At == "token" &&
			strings.HasPrefix(f.Name, "id-token-") {
			t.Error("verified: true")
		}
	}
	var failed, broken []string
	for _, c := range doc.Checks {
		if c.Outcome != "fail" {
			continue
		}
		failed = append(failed, c.ID)
		if cause := causeOf(f.Name); cause != "" && c.Reason != cause && !strings.HasSuffix(c.ID, ".alg_none") &&
			!strings.HasSuffix(c.ID, ".alg") {
			t.Errorf("%s: the reason is %q, want %q", c.ID, c.Reason, cause)
		}
	}
	for _, id := range f.Breaks {
		if _, rule := isRule(id); rule {
			broken = append(broken, id)
		}
	}
	if !sameNames(failed, broken) {
		t.Errorf("rules that failed: %v, want %v", failed, broken)
	}
}

// causes are the reasons that a rule about a token is broken for, by a part of
// the fault's name.
var causes = []struct{ part, reason string }{
	{"-jwe-zip", "jwe.zip"},
	{"-jwe-crit", "jwt.crit"},
	{"-jwe-duplicate", "json.duplicate_member"},
	{"-jwe-enc-unknown", "jwe.enc"},
	{"-jwe-tag", "jwe.decrypt"},
	{"-jwe-iv", "jwe.decrypt"},
	{"-jwe-key", "jwe.decrypt"},
	{"-jwe-other-key", "jwe.decrypt"},
	{"-jwe-nested", "jwe.nested"},
	{"-jwe-unsigned", "jwe.nested"},
	{"-base64-", "jwt.base64url"},
	{"-crit", "jwt.crit"},
	{"-b64", "jwt.crit"},
	{"-parts-", "jwt.parts"},
	{"-dots", "jwt.parts"},
	{"token-long", "jwt.size"},
	{"-alg-missing", "jwt.header"},
	{"-kid-number", "jwt.header"},
	{"-duplicate", "json.duplicate_member"},
	{"-payload-deep", "json.depth"},
	{"-payload-many", "json.values"},
	{"-payload-utf8", "json.unicode"},
	{"-payload-surrogate", "json.unicode"},
	{"-payload-trailing", "json.syntax"},
	{"-signature-", "signature.mismatch"},
	{"-kid-unknown", "signature.no_key"},
	{"-several-keys", "signature.several_keys"},
	{"-alg-none", "signature.alg"},
	{"-alg-lower-case", "signature.alg"},
	{"-hmac-public", "signature.mismatch"},
	{"-weak-key", "signature.no_key"},
}

func causeOf(fault string) string {
	for _, c := range causes {
		if strings.Contains(fault, c.part) &&
			(strings.HasPrefix(fault, "id-token-") || strings.HasPrefix(fault, "userinfo-jw") ||
				strings.HasPrefix(fault, "access-token-")) {
			return c.reason
		}
	}
	return ""
}

// judgeRequests looks at what was asked for.
func (s *stage) judgeRequests(f fault.Fault) {
	s.t.Helper()
	v := s.op.Judge()
	if right := v.Findings[0].Right; (right == nil) != (f.Unseen && !f.Accept) || right != nil && !*right {
		s.t.Errorf("did wrong: %+v", v)
	}
	asked := map[string]int{}
	for _, r := range v.Requests {
		asked[r.Endpoint]++
	}
	// A GET on a connection that was closed is repeated by net/http.
	closed := strings.HasSuffix(f.Name, "-closed")
	if asked["token"] > 1 || asked["bait"] > 0 || (asked["jwks"] > 2 || asked["userinfo"] > 1) && !closed {
		s.t.Errorf("asked: %v", asked)
	}
	if !f.Accept && (f.At == "token" || f.At == "jwks") && asked["userinfo"] > 0 {
		s.t.Errorf("UserInfo was asked for: %v", asked)
	}
	if !f.Accept && f.At == "discovery" && len(asked) > 1 { // the metadata twice, perhaps
		s.t.Errorf("asked for more than the metadata: %v", asked)
	}
}

// harmless looks for secrets and control characters in what was shown.
func (s *stage) harmless(stdout, stderr string, sent string) {
	s.t.Helper()
	for _, secret := range []string{faultSecret, sent} {
		if strings.Contains(stderr, secret) || strings.Contains(stdout, secret) {
			s.t.Errorf("a secret is shown: %s", secret)
		}
	}
	now, err := os.ReadFile(s.token)
	check(s.t, err)
	if strings.Contains(stderr, strings.TrimSpace(string(now))) {
		s.t.Error("the new refresh token is on standard error")
	}
	for name, text := range map[string]string{"output": stdout, "error": stderr} {
		if i := strings.IndexFunc(text, steers); i >= 0 {
			s.t.Errorf("a control character on standard %s: %q", name, text[max(0, i-40):min(len(text), i+20)])
		}
	}
}

// steers reports whether a character can steer a terminal or turn text around.
func steers(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7F && r < 0xA0 || r >= 0x2028 && r <= 0x202E ||
		r >= 0x2066 && r <= 0x2069
}

// kept makes sure that the refresh token in the file works, once the provider
// behaves again.
func (s *stage) kept(f fault.Fault, before string) {
	s.t.Helper()
	check(s.t, s.op.Misbehave())
	now, err := os.ReadFile(s.token)
	check(s.t, err)
	if f.At == "discovery" && !f.Accept {
		if string(now) != before {
			s.t.Error("the file was changed, though no token was asked for")
		}
	}
	if want, odd := written[f.Name]; odd {
		if string(now) != want {
			s.t.Errorf("the file has %q, not %q", now, want)
		}
		return
	}
	if slices.Contains(lost, f.Name) {
		if string(now) != before {
			s.t.Errorf("the file was changed to %q", now)
		}
		return
	}
	plain := s.config + ".plain"
	text, err := os.ReadFile(s.config)
	check(s.t, err)
	config := strings.TrimSuffix(string(text), f.Config)
	if strings.Contains(f.Config, "token_encryption_alg") {
		config += "token_encryption_alg: [RSA-OAEP-256]\ndecryption_key: decryption-key.json\n"
	}
	s.write(plain, []byte(config))
	if code, _, stderr := runProgram([]string{"refresh-token", "-c", plain, "--refresh-token", "@" + s.token},
		""); code != 0 {
		s.t.Errorf("the refresh token was lost: exit %d\n%s", code, stderr)
	}
}

// otherUses are the faults of members of the metadata that a command uses and a refresh does not,
// with the id that it refuses them for, or the other way round, with "".
var otherUses = map[string]map[string]string{
	"discover": { // which judges all of them
		"metadata-list-string": "json.type", "metadata-endpoint-alias-http": "discovery.endpoint_urls",
		"metadata-unused-endpoint-http": "discovery.endpoint_urls",
	},
	"userinfo": {
		"metadata-list-read-string": "", "metadata-endpoint-number": "", "metadata-endpoint-relative": "",
		"metadata-endpoint-user": "", "metadata-endpoint-file": "", "metadata-endpoint-http": "",
		"metadata-jwks-uri-missing": "", "metadata-token-endpoint-missing": "",
	},
}

// What applies to the commands userinfo and discover, through them.
func TestFaultsUserInfoAndDiscover(t *testing.T) {
	t.Parallel()
	for _, f := range fault.Faults() {
		if f.By != "" {
			continue
		}
		applies := map[string][]string{
			"discovery": {"userinfo", "discover"}, "userinfo": {"userinfo"}, "jwks": {"discover"},
		}[f.At]
		for _, command := range applies {
			t.Run(command+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, f)
				code, stdout, stderr := s.refresh("--format", "json", "--skip-userinfo", "--skip-id-token-verification")
				if code != 0 {
					t.Fatalf("exit %d\n%s", code, stderr)
				}
				var doc document
				check(t, json.Unmarshal([]byte(stdout), &doc))
				check(t, s.op.Misbehave(f.Name))
				args := []string{command, "-c", s.config, "--format", "json", "--timeout", "30s"}
				access := doc.TokenResponse["access_token"].(string)
				stdin := ""
				if command == "userinfo" {
					args, stdin = append(args, "--token", "-"), access
				}
				code, stdout, stderr = runProgram(args, stdin)
				want, kind := expected(f)
				if id, odd := otherUses[command][f.Name]; odd && id == "" {
					want, kind = 0, ""
				} else if odd {
					want, kind, f.Breaks = 4, "protocol", []string{id}
				}
				if command == "userinfo" && f.Name == "userinfo-sub-wrong" ||
					command == "discover" && len(f.Breaks) == 1 && f.Breaks[0] == "id_token.signature" {
					want, kind = 0, "" // nothing to compare with; the keys are shown with what is wrong with them
				}
				if code != want {
					t.Errorf("exit %d, want %d\n%s%s", code, want, stdout, stderr)
				}
				var result document
				check(t, json.Unmarshal([]byte(stdout), &result))
				if kind != "" &&
					(result.Error == nil || result.Error.Kind != kind ||
						len(f.Breaks) > 0 && !slices.Contains(f.Breaks, result.Error.Code)) {
					t.Errorf("%+v, want %s, one of %v", result.Error, kind, f.Breaks)
				}
				s.harmless(stdout, stderr, access)
				for _, r := range s.op.Judge().Requests {
					if r.Endpoint == "bait" || r.Endpoint == "token" {
						t.Errorf("asked for %s", r.Endpoint)
					}
				}
			})
		}
	}
}

// The catalogue is complete and true: each rule has a fault, or a reason why
// none can be; each id is of a rule, a reason or an OAuth error; names are
// unique.
func TestFaultCatalogue(t *testing.T) {
	t.Parallel()
	without := map[string]string{
		"id_token.essential":      "a claim that a provider does not have is no fault of its own (TestEssentialClaims)",
		"userinfo.essential":      "likewise",
		"frontchannel_logout.iss": "a browser brings it, who may be anyone's (TestFrontchannelLogoutRules)",
		"frontchannel_logout.sid": "likewise",
		"access_token.aud":        "a resource server says what it expects (TestJWTVerifyAccessToken)",
		"access_token.scope":      "likewise",
		"access_token.required":   "likewise",
		"access_token.possession": "a resource server knows how a token was presented (TestAccessTokenPossession)",
		"discovery.tls":           "it is about the client's own skip_tls_verification (test/script/tls.txtar)",
	}
	for _, r := range oidc.Rules() {
		if strings.HasPrefix(r.ID, "jwt.") {
			without[r.ID] = "it is about a token that no provider answered with: TestFaultsJWT"
		}
	}
	reasons := map[string]bool{}
	for _, r := range oidc.Reasons() {
		reasons[r.ID] = true
	}
	covered, names := map[string]bool{}, map[string]bool{}
	for _, f := range fault.Faults() {
		if names[f.Name] || f.Text == "" || f.At == "" {
			t.Errorf("fault %q is there twice, or incomplete", f.Name)
		}
		names[f.Name] = true
		for _, id := range f.Breaks {
			covered[id] = true
			if _, rule := isRule(id); !rule && !reasons[id] && strings.Contains(id, ".") {
				t.Errorf("%s breaks %s, which is neither a rule nor a reason", f.Name, id)
			}
		}
		for _, id := range f.Breaks {
			if level, rule := isRule(id); rule && f.Accept && level == rules.Must {
				t.Errorf("%s is to be accepted, and breaks the MUST %s", f.Name, id)
			}
		}
	}
	for _, r := range oidc.Rules() {
		if !covered[r.ID] && without[r.ID] == "" {
			t.Errorf("no fault breaks the rule %s", r.ID)
		}
	}
}
