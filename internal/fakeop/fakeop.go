// Package fakeop is an OpenID Provider for tests, whose every answer can be
// spoilt and every request counted. It shares no code with package oidc.
package fakeop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// An OP is a running provider. Its fields may be changed between requests,
// under Lock while there may be any.
type OP struct {
	sync.Mutex
	*httptest.Server

	Key *ecdsa.PrivateKey // signs, by ES256
	KID string

	Metadata, Claims, Tokens, UserInfo map[string]any
	Keys                               []any                       // further keys of the JWK Set
	Handlers                           map[string]http.HandlerFunc // instead of the answer at a path

	asked map[string]int
	forms []url.Values
	open  atomic.Int32 // connections
}

// Open is how many connections there are.
func (op *OP) Open() int { return int(op.open.Load()) }

// The client and the refresh token that a new OP's answers are for.
const (
	ClientID     = "cli"
	RefreshToken = "old-refresh-token"
	Rotated      = "new-refresh-token"
)

// Start starts a provider over HTTP.
func Start() *OP { return start((*httptest.Server).Start) }

// StartTLS starts a provider over TLS, HTTP/2 included if h2.
func StartTLS(h2 bool) *OP {
	return start(func(s *httptest.Server) {
		s.EnableHTTP2 = h2
		s.StartTLS()
	})
}

func start(how func(*httptest.Server)) *OP {
	op := &OP{Key: NewKey(), KID: "k1", asked: map[string]int{}, Handlers: map[string]http.HandlerFunc{}}
	op.Server = httptest.NewUnstartedServer(http.HandlerFunc(op.serve))
	op.Config.ErrorLog = log.New(io.Discard, "", 0)
	op.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			op.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			op.open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	how(op.Server)
	issuer := op.URL
	op.Metadata = map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks",
		"authorization_endpoint": issuer + "/auth", "userinfo_endpoint": issuer + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		"code_challenge_methods_supported":      []string{"S256"},
	}
	now := time.Now().Unix()
	op.Claims = map[string]any{
		"iss": issuer, "sub": "u", "aud": ClientID, "iat": now, "exp": now + 300,
		"amr": []string{"pwd"},
	}
	op.Tokens = map[string]any{
		"access_token": "the-access-token", "token_type": "Bearer", "refresh_token": Rotated,
		"expires_in": 300,
	}
	op.UserInfo = map[string]any{"sub": "u", "name": "You"}
	return op
}

// NewKey makes a P-256 key.
func NewKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // no randomness
	}
	return key
}

// Sign makes a JWT of claims; kid is left out of its header if it is "".
func Sign(key *ecdsa.PrivateKey, kid string, claims map[string]any) string {
	options := &jose.SignerOptions{}
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		panic(err) // a key of NewKey signs
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // claims are plain values
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// PublicJWK is a key as a JWK Set publishes it.
func PublicJWK(key *ecdsa.PrivateKey, kid string) any {
	return jose.JSONWebKey{Key: &key.PublicKey, KeyID: kid}
}

// Handle makes a handler answer what is asked for at a path, nil none. It may be called while the
// provider is in use.
func (op *OP) Handle(path string, handler http.HandlerFunc) {
	op.Lock()
	defer op.Unlock()
	op.Handlers[path] = handler
}

func (op *OP) serve(w http.ResponseWriter, r *http.Request) {
	readErr := r.ParseForm()
	if r.Method == http.MethodPost && errors.Is(readErr, io.ErrUnexpectedEOF) {
		return // half a request: nobody waits for an answer
	}
	op.Lock()
	op.asked[r.URL.Path]++
	if r.Method == http.MethodPost && readErr == nil {
		op.forms = append(op.forms, r.PostForm)
	}
	handler := op.Handlers[r.URL.Path]
	op.Unlock()
	if handler != nil {
		handler(w, r)
		return
	}
	op.Answer(w, r)
}

// Answer gives the answer that no handler stands in for.
func (op *OP) Answer(w http.ResponseWriter, r *http.Request) {
	op.Lock()
	defer op.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		JSON(w, op.Metadata)
	case "/jwks":
		JSON(w, map[string]any{"keys": append([]any{PublicJWK(op.Key, op.KID)}, op.Keys...)})
	case "/token":
		tokens := maps.Clone(op.Tokens)
		if _, set := tokens["id_token"]; !set && op.Claims != nil {
			tokens["id_token"] = Sign(op.Key, op.KID, op.Claims)
		}
		JSON(w, tokens)
	case "/userinfo":
		JSON(w, op.UserInfo)
	default:
		http.NotFound(w, r)
	}
}

// JSON answers with a JSON document.
func JSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v) // a client that hung up is no error here
}

// Says is an answer of status, headers and body.
func Says(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Asked returns how often a path was asked for.
func (op *OP) Asked(path string) int {
	op.Lock()
	defer op.Unlock()
	return op.asked[path]
}

// Forms returns the forms that were sent, in order.
func (op *OP) Forms() []url.Values {
	op.Lock()
	defer op.Unlock()
	return op.forms
}
