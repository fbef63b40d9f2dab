package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
)

// A stage is a provider, a folder and a user who does what is asked of them, for one
// command line at a time. What happens on it can be compared: it is the same each time, but
// for what is random.
type stage struct {
	*fakeop.OP
	t      testing.TB
	folder string
	env    map[string]string
	now    atomic.Pointer[time.Time]
	asked  requests
	person bool        // standard error is a terminal
	typed  string      // what the user types when asked for a password, "" if nobody is there
	ran    chan string // commands that were started
}

// requests are what the provider was asked.
type requests struct {
	sync.Mutex
	list []string
}

// newStage starts a provider, over TLS if secure, and with files that flags can name.
func newStage(t testing.TB, secure bool, now time.Time) *stage {
	t.Helper()
	op := fakeop.Start
	if secure {
		op = func() *fakeop.OP { return fakeop.StartTLS(false) }
	}
	s := &stage{OP: op(), t: t, folder: t.TempDir(), ran: make(chan string, 10)}
	s.now.Store(&now)
	s.env = map[string]string{
		"OIDC_SESSIONS": filepath.Join(s.folder, "sessions"), "OIDC_KEYRING": "off",
		"BROWSER": "browser", "LANG": "C.UTF-8",
	}
	s.Claims["exp"], s.Claims["auth_time"], s.Claims["iat"], s.Claims["acr"] = now.Unix()+3600, now.Unix(), now.Unix(),
		"2"
	for name, path := range map[string]string{
		"introspection": "/introspect", "revocation": "/revoke", "end_session": "/logout", "registration": "/register",
		"device_authorization": "/device", "backchannel_authentication": "/ciba",
		"pushed_authorization_request": "/par",
	} {
		s.Metadata[name+"_endpoint"] = s.URL + path
	}
	s.Metadata["token_endpoint_auth_methods_supported"] = []string{
		"client_secret_basic", "client_secret_post",
		"private_key_jwt",
	}
	s.Metadata["backchannel_token_delivery_modes_supported"] = []string{"poll", "ping"}
	maps.Copy(s.Handlers, s.handlers())
	s.Config.Handler = s.recording(s.Config.Handler)
	s.env["ASSERTION"] = s.assertion(nil)
	s.writeFiles()
	return s
}

// age lets time pass.
func (s *stage) age(d time.Duration) {
	s.Lock()
	defer s.Unlock()
	now := s.clock().Add(d)
	s.now.Store(&now)
	s.Claims["exp"], s.Claims["iat"] = now.Unix()+3600, now.Unix()
}

// clock is the time of the stage. What the HTTP client does in the background asks for it, too.
func (s *stage) clock() time.Time { return *s.now.Load() }

// says has an endpoint say the same to whoever asks, until the function that is returned is
// called.
func (s *stage) says(path string, answer http.HandlerFunc) (end func()) {
	s.Lock()
	defer s.Unlock()
	before := s.Handlers[path]
	s.Handlers[path] = answer
	return func() {
		s.Lock()
		defer s.Unlock()
		s.Handlers[path] = before
	}
}

// handlers are the endpoints that a new OP does not have.
func (s *stage) handlers() map[string]http.HandlerFunc {
	says := func(status int, body map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body) // a client that hung up is no error here
		}
	}
	registration := map[string]any{
		"client_id": "new", "client_secret": "s", "registration_access_token": "r",
		"registration_client_uri": s.URL + "/register/new",
		"redirect_uris":           []string{"http://127.0.0.1/auth/callback"},
	}
	cached := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=36000")
		s.Answer(w, r)
	}
	waiting := map[string]any{"expires_in": 60, "interval": 1}
	device := map[string]any{"device_code": "d", "user_code": "WDJB", "verification_uri": "https://op.example/device"}
	ciba := map[string]any{"auth_req_id": "a"}
	maps.Copy(device, waiting)
	maps.Copy(ciba, waiting)
	return map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": cached,
		"/jwks":                             cached,
		"/auth":                             s.authorize,
		"/par":                              s.push,
		"/logout":                           s.back("post_logout_redirect_uri"),
		"/device":                           says(http.StatusOK, device),
		"/ciba":                             says(http.StatusOK, ciba),
		"/introspect":                       says(http.StatusOK, map[string]any{"active": true}),
		"/revoke":                           says(http.StatusOK, nil),
		"/register":                         says(http.StatusCreated, registration),
		"/register/new":                     says(http.StatusOK, registration),
		"/resource":                         s.resource,
		"/.well-known/oauth-protected-resource/resource": says(http.StatusOK,
			map[string]any{"resource": s.URL + "/resource", "authorization_servers": []string{"https://op.example"}}),
		"/sts": fakeop.Says(http.StatusOK, nil,
			"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>k</AccessKeyId>"+
				"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"),
	}
}

// authorize logs the user in, and sends the browser back.
func (s *stage) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if payload := payloadOf(q.Get("request")); payload != nil {
		for name, value := range payload {
			q.Set(name, fmt.Sprint(value))
		}
	}
	if form := r.URL.Query().Get("request_uri"); form != "" {
		pushed, _ := url.ParseQuery(form)
		for name := range pushed {
			q.Set(name, pushed.Get(name))
		}
	}
	s.Lock()
	s.Claims["nonce"] = q.Get("nonce")
	s.Unlock()
	r.URL.RawQuery = q.Encode()
	s.back("redirect_uri")(w, r)
}

// push takes an authorization request.
func (s *stage) push(w http.ResponseWriter, r *http.Request) {
	form := maps.Clone(r.PostForm)
	for name, value := range payloadOf(form.Get("request")) {
		form.Set(name, fmt.Sprint(value))
	}
	w.WriteHeader(http.StatusCreated)
	fakeop.JSON(w, map[string]any{"request_uri": form.Encode(), "expires_in": 60})
}

// back sends the browser back to where a parameter says.
func (s *stage) back(parameter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(w, r, q.Get(parameter)+"?"+url.Values{"code": {"c"}, "state": {q.Get("state")}}.Encode(),
			http.StatusFound)
	}
}

// resource wants a token of a login that was just now.
func (s *stage) resource(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.Header.Get("Authorization"), " the-access-token") {
		fakeop.JSON(w, map[string]any{"ok": true})
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="2"`)
	w.WriteHeader(http.StatusUnauthorized)
}

// payloadOf are the claims of a JWT, nil if it is none.
func payloadOf(jwt string) map[string]any {
	var claims map[string]any
	if parts := strings.Split(jwt, "."); len(parts) == 3 {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &claims) // what is none has no claims
	}
	return claims
}

// recording notes each request before it is answered.
func (s *stage) recording(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is cut off is noted as far as it came
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		line := r.Method + " " + r.URL.Path
		if json.Valid(body) {
			line += " " + string(body)
		}
		for _, values := range []map[string][]string{
			r.URL.Query(), form,
			{"authorization": r.Header["Authorization"], "dpop": r.Header["Dpop"], "mine": r.Header["X-Mine"]},
		} {
			for _, name := range slices.Sorted(maps.Keys(values)) {
				line += fmt.Sprintf(" %s=%q", name, values[name])
			}
		}
		if r.URL.Path != "/jwks" { // which is asked for ahead, and perhaps not needed
			s.asked.Lock()
			s.asked.list = append(s.asked.list, line)
			s.asked.Unlock()
		}
		h.ServeHTTP(w, r)
	})
}

// writeFiles writes the files that command lines name.
func (s *stage) writeFiles() {
	s.t.Helper()
	key := fakeop.NewKey()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	client := "issuer: " + s.URL + "\nclient_id: cli\nclient_secret: " + stageSecret + "\n"
	registration := fmt.Sprintf(`{"client_id":"new","client_secret":"s","registration_access_token":"r","registration_client_uri":"%s/register/new"}`, s.URL)
	for name, text := range map[string]string{
		"key.pem":     string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"client.pem":  certificate(s.t, key),
		"config.yaml": client + "http_client_config:\n  extra_headers:\n    X-Mine: mine\n",
		"mac.yaml":    client + "token_signing_alg: [HS256]\n",
		"hmac.yaml":   "token_signing_alg: [HS256]\nuserinfo_signed_response_alg: HS256\nrequest_object_signing_alg: HS256\n",
		"dpop.yaml":   "dpop: true\n", "other.yaml": "issuer: " + s.URL + "\nclient_id: other\n",
		"old": fakeop.RefreshToken, "other": "other", "registration.json": registration,
		"assertion.jwt": s.env["ASSERTION"] + "\n",
		"body.json":     `{"client_name":"mine"}`, "jwks.json": `{"keys":[]}`,
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.TLS != nil {
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		if err := os.WriteFile(filepath.Join(s.folder, "ca.pem"), ca, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// assertion is a client assertion that the client's platform issued. Some of its claims may be others.
func (s *stage) assertion(claims map[string]any) string {
	all := map[string]any{
		"iss": "https://platform.example", "sub": "workload", "aud": s.URL, "exp": s.clock().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	return fakeop.Sign(s.Key, "platform", all)
}

// mine is a value for what is random otherwise.
const mine = "mine-0123456789-0123456789-0123456789-0123456789"

// challengeOfMine is the code_challenge of mine.
var challengeOfMine = func() string {
	sum := sha256.Sum256([]byte(mine))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}()

const stageSecret = "a-secret-of-at-least-32-characters"

// certificate is a certificate of a key, which it signed itself.
func certificate(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// run runs a command line of words: $OP is the provider, $DIR the folder, $SECRET the
// client's, $ID an ID Token. It returns all that can be seen of the run.
func (s *stage) run(line, stdin string) string {
	s.t.Helper()
	s.asked.Lock()
	s.asked.list = nil
	s.asked.Unlock()
	code, stdout, stderr := s.main(line, stdin)
	s.asked.Lock()
	defer s.asked.Unlock()
	seen := []string{fmt.Sprint("exit code ", code), stdout, stderr}
	for len(s.ran) > 0 {
		seen = append(seen, <-s.ran)
	}
	slices.Sort(s.asked.list) // some are sent at the same time
	return s.same(strings.Join(slices.Concat(seen, s.asked.list, s.files()), "\n"))
}

// main runs a command line as run does. It returns the exit code and what was written.
func (s *stage) main(line, stdin string) (code int, out, errs string) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	env := quiet()
	env.Stdin, env.Stdout, env.Stderr = strings.NewReader(s.filled(stdin)), &stdout,
		&watcher{to: &stderr, said: s.heard}
	env.Now, env.Getenv = s.clock, func(name string) string { return s.env[name] }
	env.Terminal = func(w io.Writer) bool { return s.person && w == env.Stderr }
	env.Environ = func() []string { return nil }
	env.Password = func(_ context.Context, prompt string) (string, error) {
		if s.typed == "" {
			return "", run.ErrNoTerminal
		}
		fmt.Fprintln(&stderr, prompt)
		return s.typed, nil
	}
	env.Become = func(_ string, argv, environ []string) error {
		fmt.Fprintln(&stdout, "ran", argv, environ)
		return nil
	}
	env.Start = s.browse
	words := strings.Fields(line)
	for i, word := range words {
		words[i] = s.filled(word)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	code = Main(ctx, env, words)
	if ctx.Err() != nil {
		s.t.Errorf("%s does not end: %s", line, stderr.String())
	}
	return code, stdout.String(), stderr.String()
}

// filled replaces the names of what is on the stage.
func (s *stage) filled(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	text = strings.NewReplacer("$OP", s.URL, "$DIR", s.folder, "$SECRET", stageSecret).Replace(text)
	if strings.Contains(text, "$ID") {
		s.Lock()
		defer s.Unlock()
		text = strings.ReplaceAll(text, "$ID", fakeop.Sign(s.Key, s.KID, s.Claims))
	}
	return text
}

// openWith is the user's browser.
func (s *stage) browse(argv []string) (<-chan error, error) {
	s.ran <- fmt.Sprint("browser ", argv[:len(argv)-1])
	ended := make(chan error, 1)
	go func() {
		//nolint:gosec // the stage's own
		client := &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		}}
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, argv[len(argv)-1], nil)
		if err == nil {
			var res *http.Response
			if res, err = client.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				err = res.Body.Close()
			}
		}
		ended <- err
	}()
	return ended, nil
}

// heard does what the program waits for.
func (s *stage) heard(text string) {
	if _, address, ok := strings.Cut(text, "logout tokens are taken at "); ok {
		address, _, _ = strings.Cut(address, ",")
		s.Lock()
		claims := maps.Clone(s.Claims)
		s.Unlock()
		delete(claims, "nonce")
		claims["jti"], claims["events"] = "j",
			map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
		form := url.Values{"logout_token": {fakeop.Sign(s.Key, s.KID, claims)}}
		go func() {
			if res, err := http.PostForm(address, form); err == nil { //nolint:gosec,noctx // the program's own address
				_ = res.Body.Close()
			}
		}()
	}
}

// A watcher hands on what is written, and tells of it.
type watcher struct {
	mu   sync.Mutex
	to   io.Writer
	said func(string)
}

func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said(string(b))
	return w.to.Write(b)
}

// sessionFiles are the names of what is in the folder.
func (s *stage) files() []string {
	var names []string
	_ = filepath.WalkDir(s.folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(path, "/cache/") {
			text, _ := os.ReadFile(path) // what is gone has no contents
			names = append(names, fmt.Sprintf("file %s %.12q", path, text))
		}
		return nil
	})
	return names
}

var (
	jwtText   = regexp.MustCompile(`eyJ[\w-]+\.([\w-]+)\.[\w-]*`)
	portText  = regexp.MustCompile(`(127\.0\.0\.1|localhost)(:|%3A)\d+`)
	alertText = regexp.MustCompile(`\S+: remote error`) // it may meet a connection that is being written to
	anyText   = regexp.MustCompile(`[A-Za-z0-9_-]{22,}`)
	timeText  = regexp.MustCompile(`\d\d:\d\d:\d\d`)
	serialNo  = regexp.MustCompile(`"serial": \d+`) // of a session, which follows the clock
)

// same replaces what is random or depends on the clock. What begins with "mine" is a flag's.
func (s *stage) same(text string) string {
	text = strings.ReplaceAll(text, s.folder, "DIR")
	text = jwtText.ReplaceAllStringFunc(text, func(jwt string) string {
		parts := strings.Split(jwt, ".")
		header, _ := base64.RawURLEncoding.DecodeString(parts[0])
		claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
		return "JWT " + string(header) + string(claims)
	})
	text = alertText.ReplaceAllString(text, "remote error")
	text = strings.ReplaceAll(text, challengeOfMine, "mine-challenge")
	text = portText.ReplaceAllString(text, "$1:PORT")
	text = timeText.ReplaceAllString(text, "TIME")
	text = serialNo.ReplaceAllString(text, `"serial": NUMBER`)
	return anyText.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, "mine") {
			return s
		}
		return "RANDOM"
	})
}
