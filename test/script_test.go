// Package test holds what tests the program from outside: scripts over the real
// main, independent providers, and the house's own rules. It is a module of its
// own, so that nobody who installs the program downloads what only tests need.
package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/run"
)

func TestMain(m *testing.M) {
	testscript.Main(endings{m}, map[string]func(){"oidc-client": realMain, "browse": browseMain})
}

// realMain is the program's main.
func realMain() {
	os.Exit(cli.Process(run.Build{Version: "v0.0.0-test", Commit: "abc", Date: "2026-01-02"}, os.Args[1:]))
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "xdg"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"op": startFake, "provider": startProvider, "asked": asked, "reached": reached, "status": status,
			"mode": mode, "certificate": certificate, "await": await,
		},
	})
}

// fakes are the fake providers of the scripts, by work folder.
var fakes sync.Map

// startFake is "op [FAULT ...]": a fake provider in the background, its issuer
// in $ISSUER, and a config.yaml for it.
func startFake(ts *testscript.TestScript, _ bool, args []string) {
	op := fakeop.Start
	if len(args) > 0 && args[0] == "tls" {
		op = func() *fakeop.OP { return fakeop.StartTLS(true) }
		args = args[1:]
	}
	server := op()
	ts.Defer(server.Close)
	for _, name := range args {
		fault, ok := faults[name]
		if code, refuses := strings.CutPrefix(name, "error:"); refuses {
			fault, ok = oauthError(code), true
		}
		if !ok {
			ts.Fatalf("there is no fault %s", name)
		}
		fault(server)
	}
	ts.Setenv("ISSUER", server.URL)
	fakes.Store(ts.Getenv("WORK"), server)
	config := fmt.Sprintf("issuer: %s\nclient_id: %s\n", server.URL, fakeop.ClientID)
	ts.Check(os.WriteFile(ts.MkAbs("config.yaml"), []byte(config), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("old"), []byte(fakeop.RefreshToken+"\n"), 0o600))
	_ = os.Remove(ts.MkAbs(".old.lock")) // what it notes is about another provider's token
	if c := server.Certificate(); c != nil {
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}),
			0o600))
	}
}

// startProvider is "provider": the embedded provider in the background, its
// config.yaml and a refresh token in the file refresh-token.
func startProvider(ts *testscript.TestScript, _ bool, _ []string) {
	options := providerDefaults()
	options.Auto = true
	options.Clients = []provider.Client{{ID: "app", Secret: "a secret of the app's own, p@ss: word+%/=&?"}}
	op, err := provider.Start(options)
	ts.Check(err)
	ts.Defer(func() { _ = op.Close() })
	token, err := op.IssueRefreshToken("app", "alice", "")
	ts.Check(err)
	ts.Setenv("ISSUER", op.Issuer)
	ts.Check(os.WriteFile(ts.MkAbs("config.yaml"), op.ConfigFile(options.Clients[0]), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("refresh-token"), []byte(token+"\n"), 0o600))
}

// asked is "asked PATH N": the fake provider was asked for PATH N times.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	server, ok := fakes.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no fake provider")
	}
	if got := server.(*fakeop.OP).Asked(args[0]); got != want {
		ts.Fatalf("%s was asked %d times, not %d", args[0], got, want)
	}
}

// reached is "reached PATH": the fake provider is asked for PATH, within ten seconds.
func reached(ts *testscript.TestScript, _ bool, args []string) {
	server, ok := fakes.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no fake provider")
	}
	for range 1000 {
		if server.(*fakeop.OP).Asked(args[0]) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s was not asked", args[0])
}

// status is "status CODE PROGRAM [ARG ...]": the program ends with CODE.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		if _, scanErr := fmt.Sscanf(err.Error(), "exit status %d", &got); scanErr != nil {
			ts.Fatalf("%v", err)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// await is "await FILE": the file, or the socket, appears within ten seconds.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 1000 {
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil &&
			(info.Size() > 0 || info.Mode().Type() == os.ModeSocket) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s did not appear", args[0])
}

// mode is "mode OCTAL FILE": the file has that mode.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, not %s", args[1], got, args[0])
	}
}

// certificate is "certificate KIND": server.pem and server-key.pem for
// 127.0.0.1, of its own making: good, expired or of another name.
func certificate(ts *testscript.TestScript, _ bool, args []string) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	switch args[0] {
	case "expired":
		template.NotAfter = time.Now().Add(-24 * time.Hour)
	case "name":
		template.IPAddresses, template.DNSNames = nil, []string{"other.example"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("server.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		0o600))
	ts.Check(os.WriteFile(ts.MkAbs("server-key.pem"),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
}

var isJSON = map[string]string{"Content-Type": "application/json"}

const someTokens = `{"access_token":"the-access-token","token_type":"Bearer","refresh_token":"new-refresh-token"}`

// oauthError makes the token endpoint refuse with a code.
func oauthError(code string) func(*fakeop.OP) {
	return func(op *fakeop.OP) {
		op.Handle("/token", fakeop.Says(http.StatusBadRequest, isJSON,
			fmt.Sprintf(`{"error":%q,"error_description":"because\u001b[31m of \u202ereasons"}`, code)))
	}
}

// registers makes the provider register a client. It changes the secret whenever the
// registration is asked for.
func registers(op *fakeop.OP) {
	op.Metadata["registration_endpoint"] = op.URL + "/register"
	registered := func(secret string) string {
		return fmt.Sprintf(`{"client_id":"c1","client_secret":%q,"client_secret_expires_at":0,"registration_access_token":"canary-token","registration_client_uri":%q}`, secret, op.URL+"/registered")
	}
	op.Handle("/register", fakeop.Says(http.StatusCreated, isJSON, registered("canary-secret")))
	op.Handle("/registered", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fakeop.Says(http.StatusOK, isJSON, registered("canary-new-secret"))(w, r)
	})
}

// faults are what a script can ask of the fake provider.
var faults = map[string]func(*fakeop.OP){
	"issuer-slash":      func(op *fakeop.OP) { op.Metadata["issuer"] = op.URL + "/" },
	"issuer-template":   func(op *fakeop.OP) { op.Metadata["issuer"] = op.URL + "/{tenantid}/v2.0" },
	"no-token-endpoint": func(op *fakeop.OP) { delete(op.Metadata, "token_endpoint") },
	"http-endpoint":     func(op *fakeop.OP) { op.Metadata["token_endpoint"] = "http://op.example/token" },
	"registers":         registers,
	"no-userinfo":       func(op *fakeop.OP) { delete(op.Metadata, "userinfo_endpoint") },
	"no-id-token":       func(op *fakeop.OP) { op.Claims = nil },
	"no-refresh-token":  func(op *fakeop.OP) { delete(op.Tokens, "refresh_token") },
	"no-expires-in":     func(op *fakeop.OP) { delete(op.Tokens, "expires_in") },
	"no-amr":            func(op *fakeop.OP) { delete(op.Claims, "amr") },
	"string-amr":        func(op *fakeop.OP) { op.Claims["amr"] = "pwd" },
	"wrong-iss":         func(op *fakeop.OP) { op.Claims["iss"] = op.URL + "1" },
	"expired":           func(op *fakeop.OP) { op.Claims["exp"] = time.Now().Add(-6 * time.Minute).Unix() },
	"old-iat":           func(op *fakeop.OP) { op.Claims["iat"] = time.Now().Add(-7 * 24 * time.Hour).Unix() },
	"unknown-kid":       func(op *fakeop.OP) { op.Tokens["id_token"] = fakeop.Sign(op.Key, "other", op.Claims) },
	"several-keys": func(op *fakeop.OP) {
		op.Tokens["id_token"] = fakeop.Sign(op.Key, "", op.Claims)
		op.Keys = []any{fakeop.PublicJWK(fakeop.NewKey(), "k2")}
	},
	"junk-keys": func(op *fakeop.OP) {
		op.Keys = []any{map[string]any{"kty": "EC", "crv": "secp256k1", "kid": "k\x1b[31m1"}, 7}
	},
	"no-keys":      func(op *fakeop.OP) { op.Handle("/jwks", fakeop.Says(200, isJSON, `{"keys":[]}`)) },
	"userinfo-sub": func(op *fakeop.OP) { op.UserInfo["sub"] = "uinvalid" },
	"userinfo-401": func(op *fakeop.OP) {
		op.Handle("/userinfo", fakeop.Says(401,
			map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`}, ""))
	},
	"token-500": func(op *fakeop.OP) { op.Handle("/token", fakeop.Says(500, nil, "")) },
	"token-429": func(op *fakeop.OP) {
		op.Handle("/token", fakeop.Says(429, map[string]string{"Retry-After": "7"}, ""))
	},
	"token-html": func(op *fakeop.OP) { op.Handle("/token", fakeop.Says(200, nil, "<html>log in\x1b[2J</html>")) },
	"jwt-access-token": func(op *fakeop.OP) {
		claims := maps.Clone(op.Claims)
		claims["aud"], claims["scope"] = "https://api.example", "read"
		op.Tokens["access_token"] = fakeop.Sign(op.Key, op.KID, claims)
	},
	"id-token-as-access-token": func(op *fakeop.OP) {
		op.Tokens["access_token"] = fakeop.Sign(op.Key, op.KID, op.Claims)
	},
	"alg-none":  func(op *fakeop.OP) { op.Tokens["id_token"] = unsigned(op.Claims) },
	"token-201": func(op *fakeop.OP) { op.Handle("/token", fakeop.Says(201, isJSON, someTokens)) },
	"token-text": func(op *fakeop.OP) {
		op.Handle("/token", fakeop.Says(200, map[string]string{"Content-Type": "text/plain"}, someTokens))
	},
	"token-duplicate": func(op *fakeop.OP) {
		op.Handle("/token", fakeop.Says(200, isJSON, `{"x":1,"x":2,`+someTokens[1:]))
	},
	"token-blank": func(op *fakeop.OP) { op.Tokens["refresh_token"] = "\n" },
	"token-redirect": func(op *fakeop.OP) {
		op.Handle("/token", fakeop.Says(307, map[string]string{"Location": "/elsewhere"}, ""))
	},
	"token-closed": func(op *fakeop.OP) {
		op.Handle("/token", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	},
	"token-slow": func(op *fakeop.OP) {
		op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			op.Answer(w, r)
		})
	},
	"token-odd": func(op *fakeop.OP) { op.Tokens["refresh_token"] = "{3F2504E0-4F89-41D3-9A0C-0305E82C3301}" },
	"token-unsolicited": func(op *fakeop.OP) { // more than its Content-Length
		op.Handle("/token", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn,
				"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(someTokens))+
					"\r\n\r\n"+someTokens+" canary-after-the-answer")
			time.Sleep(300 * time.Millisecond)
		})
	},
	"token-hangs": func(op *fakeop.OP) {
		op.Handle("/token", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	},
	"discovery-hangs": func(op *fakeop.OP) {
		op.Handle("/.well-known/openid-configuration", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})
	},
	"discovery-redirect": func(op *fakeop.OP) {
		op.Handle("/.well-known/openid-configuration", fakeop.Says(302,
			map[string]string{"Location": "https://op.example/"}, ""))
	},
	"escapes": func(op *fakeop.OP) {
		op.UserInfo["name"] = "\x1b]0;pwned\x07\u202eevil\u009b"
		op.Claims["big"] = 9007199254740993
	},
	"late-clock": func(op *fakeop.OP) {
		op.Claims["exp"] = time.Now().Add(-10 * time.Minute).Unix()
		for _, path := range []string{"/token", "/jwks"} {
			op.Handle(path, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", time.Now().Add(-11*time.Minute).UTC().Format(http.TimeFormat))
				op.Answer(w, r)
			})
		}
	},
	"echo": func(op *fakeop.OP) { // repeats the secrets it was sent in its error
		op.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
			said := strings.NewReplacer(`"`, "", `\`,
				"").Replace(r.PostForm.Encode() + r.PostForm.Get("refresh_token") + r.Header.Get("Authorization"))
			fakeop.Says(400, isJSON, fmt.Sprintf(`{"error":"invalid_grant","error_description":%q}`, said))(w, r)
		})
	},
}

// unsigned is a JWT of alg none.
func unsigned(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // claims are plain values
	}
	return b64([]byte(`{"alg":"none"}`)) + "." + b64(payload) + "."
}
