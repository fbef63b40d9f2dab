package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/run"
)

// needed is told whether there is something that a test cannot do without. In CI its
// absence is a failure; on another machine the test is skipped and says why.
func needed(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v (make test installs it)", what, err)
	}
	t.Skipf("%s: %v (make test installs it)", what, err)
}

// A npmProvider is a running oidc-provider.
type npmProvider struct {
	t      *testing.T
	http   *http.Client
	folder string // of keys and certificates
	config string // the part of the configuration that all clients share

	Issuer, MTLS, Secret string
	Clients              []string
}

// startNPM starts the provider, over TLS with a private CA or over HTTP. It
// ends when its standard input does.
func startNPM(t *testing.T, overTLS bool) *npmProvider {
	t.Helper()
	node := "node"
	if own := os.Getenv("NODE"); own != "" {
		node = own
	}
	_, err := exec.LookPath(node)
	needed(t, "Node.js", err)
	_, err = os.Stat("interop/node_modules/oidc-provider")
	needed(t, "npm oidc-provider", err)

	p := &npmProvider{t: t, folder: t.TempDir(), http: &http.Client{Timeout: 10 * time.Second}}
	settings := []string{"CLIENT_JWKS=" + p.keys()}
	if overTLS {
		settings = append(settings, p.certificates()...)
		p.config = "ca_cert: ca.pem\n"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	cmd := exec.CommandContext(ctx, node, append([]string{"interop/provider.mjs"}, settings...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
		cancel()
		if t.Failed() {
			t.Logf("the provider said:\n%s", stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the provider did not start: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(line, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *npmProvider) write(name string, data []byte) string {
	p.t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *npmProvider) writeKey(name string, key any) {
	p.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// keys makes the clients' private keys, in every form that is read, and
// returns the file of the public ones.
func (p *npmProvider) keys() string {
	p.t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(p.t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(p.t, err)
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	check(p.t, err)
	p.write("RS256.pem",
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))
	p.writeKey("PS256.pem", rsaKey)
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	check(p.t, err)
	p.write("ES256.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))
	p.writeKey("EdDSA.pem", edKey)

	public, err := json.Marshal(map[string]any{"keys": []any{
		map[string]string{"kty": "RSA", "n": b64(rsaKey.N.Bytes()), "e": b64(big.NewInt(int64(rsaKey.E)).Bytes())},
		map[string]string{
			"kty": "EC", "crv": "P-256", "x": b64(ecKey.X.FillBytes(make([]byte, 32))),
			"y": b64(ecKey.Y.FillBytes(make([]byte, 32))),
		},
		map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(edPublic)},
	}})
	check(p.t, err)
	return p.write("clients.jwks", public)
}

// certificates makes a private CA, the server's certificate, and those of the
// clients of mutual TLS. It returns the provider's settings.
func (p *npmProvider) certificates() []string {
	p.t.Helper()
	ca, caKey := p.certificate("ca",
		&x509.Certificate{
			IsCA: true, BasicConstraintsValid: true, Subject: pkix.Name{CommonName: "Private CA"},
			KeyUsage: x509.KeyUsageCertSign,
		}, nil, nil)
	p.certificate("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, ca, caKey)
	p.certificate("tls",
		&x509.Certificate{
			Subject:     pkix.Name{CommonName: "tls-client", Organization: []string{"Test"}},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, ca, caKey)
	p.certificate("other",
		&x509.Certificate{
			Subject:     pkix.Name{CommonName: "other"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, ca, caKey)
	p.certificate("self-signed", &x509.Certificate{Subject: pkix.Name{CommonName: "self"}}, nil, nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	p.http.Transport = &http.Transport{TLSClientConfig: tlsRoots(roots)}
	in := func(name string) string { return filepath.Join(p.folder, name) }
	return []string{
		"TLS_CERT=" + in("server.pem"), "TLS_KEY=" + in("server-key.pem"), "TLS_CA=" + in("ca.pem"),
		"SUBJECT_DN=CN=tls-client,O=Test", "SELF_SIGNED_CERT=" + in("self-signed.pem"),
	}
}

func (p *npmProvider) certificate(name string, template, parent *x509.Certificate,
	parentKey crypto.Signer,
) (*x509.Certificate, crypto.Signer) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(p.t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	check(p.t, err)
	c, err := x509.ParseCertificate(der)
	check(p.t, err)
	p.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.writeKey(name+"-key.pem", key)
	return c, key
}

// ask calls one of the provider's test routes.
func (p *npmProvider) ask(method, path string, body, answer any) {
	p.t.Helper()
	data, err := json.Marshal(body)
	check(p.t, err)
	req, err := http.NewRequestWithContext(context.Background(), method, p.Issuer+path, bytes.NewReader(data))
	check(p.t, err)
	res, err := p.http.Do(req)
	check(p.t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		p.t.Fatalf("%s: %s %s", path, res.Status, text)
	}
	check(p.t, json.NewDecoder(res.Body).Decode(answer))
}

type minted struct {
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
}

func (p *npmProvider) mint(client string, more map[string]any) minted {
	p.t.Helper()
	body := map[string]any{"client_id": client}
	for k, v := range more {
		body[k] = v
	}
	var m minted
	p.ask(http.MethodPost, "/_test/refresh-token", body, &m)
	return m
}

type tokenRequest struct {
	Listener, Path, Authorization string
	Params                        []string
	Status                        int
}

// tokenRequests are those that the provider has seen since it was last asked.
func (p *npmProvider) tokenRequests() []tokenRequest {
	p.t.Helper()
	var stats struct{ Requests []tokenRequest }
	p.ask(http.MethodGet, "/_test/stats", nil, &stats)
	p.ask(http.MethodDelete, "/_test/stats", nil, &struct{}{})
	var list []tokenRequest
	for _, r := range stats.Requests {
		if r.Path == "/token" {
			list = append(list, r)
		}
	}
	return list
}

// A document is what --format json prints.
type document struct {
	TokenResponse map[string]any `json:"token_response"`
	IDToken       *struct {
		Claims   map[string]any
		Verified bool
	} `json:"id_token"`
	UserInfo map[string]any
	Checks   []struct{ ID, Outcome, Reason string }
	Error    *struct {
		Kind, Code, Hint string
		HTTPStatus       int `json:"http_status"`
	}
}

// refresh runs the real program in this process.
func (p *npmProvider) refresh(config, token string, more ...string) (int, document, string) {
	p.t.Helper()
	file := p.write(fmt.Sprintf("config-%d.yaml", time.Now().UnixNano()),
		[]byte("issuer: "+p.Issuer+"\n"+p.config+config))
	args := append([]string{"refresh-token", "--format", "json", "-c", file, "--refresh-token", "-"}, more...)
	code, stdout, stderr := runProgram(args, token)
	var d document
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		p.t.Fatalf("not JSON: %v\n%s\n%s", err, stdout, stderr)
	}
	return code, d, stderr
}

// runProgram runs a command line in this process, with an environment of its
// own.
func runProgram(args []string, stdin string) (code int, stdout, stderr string) {
	return runProgramIn(nil, args, stdin)
}

// runProgramIn does it in an environment.
func runProgramIn(environment map[string]string, args []string, stdin string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := &run.Env{
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Now: time.Now,
		Getenv: func(name string) string { return environment[name] }, Terminal: func(io.Writer) bool { return false },
	}
	code = cli.Main(context.Background(), env, args)
	return code, out.String(), errs.String()
}

// A method is a client authentication method with the client that uses it, and
// what its token request must look like.
type method struct {
	name, client, config string
	authorization        string   // the scheme
	params               []string // besides grant_type and refresh_token
	listener             string
}

func (p *npmProvider) methods() []method {
	assertion := []string{"client_id", "client_assertion", "client_assertion_type"}
	list := []method{
		{"none", "public", "auth_method: none\n", "", []string{"client_id"}, "main"},
		{"client_secret_basic", "basic", "client_secret: " + p.Secret + "\n", "Basic", nil, "main"},
		{"client_secret_basic, odd", "odd:id", "client_secret: 'p@ss: word+%/=&?'\n", "Basic", nil, "main"},
		{
			"client_secret_post", "post", "auth_method: client_secret_post\nclient_secret: " + p.Secret + "\n", "",
			[]string{"client_id", "client_secret"},
			"main",
		},
		{
			"client_secret_jwt", "secret-jwt", "auth_method: client_secret_jwt\nclient_secret: " + p.Secret + "\n", "",
			assertion, "main",
		},
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		config := fmt.Sprintf("auth_method: private_key_jwt\nprivate_key: %s.pem\njwt_signing_alg: %s\ntoken_signing_alg: [%s]\n", alg, alg, alg)
		list = append(list, method{"private_key_jwt " + alg, "pkjwt-" + alg, config, "", assertion, "main"})
	}
	if p.MTLS != "" {
		mtls := func(name, file string) string {
			return fmt.Sprintf("auth_method: %s\ntls_client_certificate: %s.pem\ntls_client_key: %s-key.pem\n", name,
				file, file)
		}
		list = append(list,
			method{"tls_client_auth", "tls", mtls("tls_client_auth", "tls"), "", []string{"client_id"}, "mtls"},
			method{
				"tls_client_auth, bound tokens", "tls-bound", mtls("tls_client_auth", "tls"), "",
				[]string{"client_id"},
				"mtls",
			},
			method{
				"self_signed_tls_client_auth", "self-signed", mtls("self_signed_tls_client_auth", "self-signed"), "",
				[]string{"client_id"},
				"mtls",
			},
		)
	}
	return list
}

// Refresh with every client authentication method at a provider that we did
// not write, over HTTP and over TLS with a private CA: rotation, continuity
// with the first ID Token, UserInfo, and reuse after rotation.
func TestInteropRefresh(t *testing.T) {
	t.Parallel()
	for name, overTLS := range map[string]bool{"HTTP": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startNPM(t, overTLS)
			for _, m := range p.methods() { // one after the other: the provider counts
				t.Run(m.name, func(t *testing.T) { p.tryMethod(t, m) })
			}
		})
	}
}

func (p *npmProvider) tryMethod(t *testing.T, m method) {
	first := p.mint(m.client, nil)
	previous := p.write("id-token", []byte(first.IDToken))
	config := "client_id: " + m.client + "\namr_list: [otp]\nacr_list: ['urn:example:loa:2']\n" + m.config
	p.tokenRequests()
	code, d, stderr := p.refresh(config, first.RefreshToken, "--previous-id-token", "@"+previous)
	if code != 0 || d.IDToken == nil || !d.IDToken.Verified || d.UserInfo["name"] != "Alice Example" {
		t.Fatalf("exit %d: %+v\n%s", code, d, stderr)
	}
	requests := p.tokenRequests()
	if len(requests) != 1 {
		t.Fatalf("%d token requests", len(requests))
	}
	r := requests[0]
	want := append([]string{"grant_type", "refresh_token"}, m.params...)
	if r.Authorization != m.authorization || r.Listener != m.listener || !sameNames(r.Params, want) {
		t.Errorf("the token request: %+v, want %v", r, want)
	}
	for _, c := range d.Checks {
		if strings.HasPrefix(c.ID, "refresh.") && c.Outcome != "pass" && c.Outcome != "not_applicable" {
			t.Errorf("%s: %s", c.ID, c.Outcome)
		}
	}
	second, _ := d.TokenResponse["refresh_token"].(string)
	if second == "" || second == first.RefreshToken {
		t.Fatal("the token was not rotated")
	}
	if code, _, stderr := p.refresh(config, second); code != 0 {
		t.Fatalf("the rotated token: exit %d\n%s", code, stderr)
	}
	for name, token := range map[string]string{"the first": first.RefreshToken, "the second": second} {
		if code, d, _ := p.refresh(config, token); code != 3 || d.Error.Code != "invalid_grant" ||
			d.Error.HTTPStatus != 400 {
			t.Errorf("%s token again: exit %d, %+v", name, code, d.Error)
		}
	}
}

func TestInteropRefusals(t *testing.T) {
	t.Parallel()
	p := startNPM(t, true)
	token := func(client string) string { return p.mint(client, nil).RefreshToken }
	for name, c := range map[string]struct {
		config, token string
		code          int
		error         string
	}{
		"wrong secret":    {"client_id: basic\nclient_secret: wrong\n", token("basic"), 3, "invalid_client"},
		"unknown client":  {"client_id: nobody\n", token("public"), 3, "invalid_client"},
		"another's token": {"client_id: public-2\n", token("public"), 3, "invalid_grant"},
		"expired token": {
			"client_id: public\n", p.mint("public", map[string]any{"expires_in": -5}).RefreshToken, 3, "invalid_grant",
		},
		"wrong certificate": {
			"client_id: tls\nauth_method: tls_client_auth\ntls_client_certificate: other.pem\ntls_client_key: other-key.pem\n", token("tls"), 3, "invalid_client",
		},
		"wrong key": {
			"client_id: pkjwt-RS256\nauth_method: private_key_jwt\nprivate_key: tls-key.pem\n", token("pkjwt-RS256"), 3,
			"invalid_client",
		},
		"wrong amr":       {"client_id: public\namr_list: [hwk]\n", token("public"), 5, "id_token.amr"},
		"wrong algorithm": {"client_id: public\ntoken_signing_alg: [ES256]\n", token("public"), 5, "id_token.alg"},
		"wider scope": {
			"client_id: public\n", p.mint("public", map[string]any{"scope": "openid"}).RefreshToken, 3, "invalid_scope",
		},
		"no ID Token, wanted": {
			"client_id: public\nrequire_id_token: true\n",
			p.mint("public", map[string]any{"scope": "offline_access"}).RefreshToken, 5, "id_token.present",
		},
	} {
		var more []string
		if name == "wider scope" {
			more = []string{"--scope", "openid", "--scope", "email"}
		}
		code, d, stderr := p.refresh(c.config, c.token, more...)
		if code != c.code || d.Error == nil || d.Error.Code != c.error || d.Error.Hint == "" {
			t.Errorf("%s: exit %d, %+v\n%s", name, code, d.Error, stderr)
		}
	}
}

func TestInteropIDTokenAlgorithms(t *testing.T) {
	t.Parallel()
	p := startNPM(t, false)
	for _, alg := range []string{"PS256", "ES256", "EdDSA"} {
		client := "public-" + alg
		code, d, stderr := p.refresh("client_id: "+client+"\n",
			p.mint(client, map[string]any{"nonce": "n-0S6"}).RefreshToken)
		if code != 0 || !d.IDToken.Verified {
			t.Errorf("%s: exit %d\n%s", alg, code, stderr)
		}
		if !strings.Contains(stderr, "refresh.nonce_absent") {
			t.Errorf("%s: a nonce in a refreshed token is not remarked upon:\n%s", alg, stderr)
		}
	}
}
