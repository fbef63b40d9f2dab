// Authorization responses: OAuth 2.0 Multiple Response Type Encoding Practices,
// OAuth 2.0 Form Post Response Mode, OpenID Connect Core 1.0 sections 3.2 and
// 3.3, JWT Secured Authorization Response Mode (JARM), RFC 9207.

package provider

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

func (p *Provider) responses() []oidcprovider.Option {
	algorithms := p.signatures()
	types := responseTypes()
	if p.options.FAPI2 != "" {
		types = types[:1]
	}
	return []oidcprovider.Option{
		oidcprovider.WithAuthCodeGrant(p.store, types...),
		oidcprovider.WithFormPostResponseMode(),
		oidcprovider.WithIssuerResponseParameter(),
		oidcprovider.WithJARM(algorithms[0], algorithms[1:]...),
		// For the metadata, and for clients that register themselves: the library
		// is never told that a client wants encryption, see encryption.go.
		oidcprovider.WithJARMEncryption(encryptionAlgs()[0], encryptionAlgs()[1:]...),
		oidcprovider.WithJARMContentEncryptionAlgs(contentAlgs()[0], contentAlgs()[1:]...),
	}
}

func encryptionAlgs() []goidc.KeyEncryptionAlgorithm {
	return []goidc.KeyEncryptionAlgorithm{"RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}
}

func contentAlgs() []goidc.ContentEncryptionAlgorithm {
	return []goidc.ContentEncryptionAlgorithm{goidc.A128CBC_HS256, goidc.A256CBC_HS512, goidc.A128GCM, goidc.A256GCM}
}

// A reply is an authorization response that is about to be sent, in any of the
// response modes.
type reply struct {
	values url.Values
	put    func(url.Values) // puts others in their place
}

// reply finds the authorization response in an answer, nil if it is none.
func (a *answer) reply() *reply {
	if !strings.HasPrefix(a.request.URL.Path, "/authorize") {
		return nil
	}
	location := a.header.Get("Location")
	if location == "" {
		return a.formPost()
	}
	base, fragment, inFragment := strings.Cut(location, "#")
	separator := "#"
	if !inFragment {
		base, fragment, _ = strings.Cut(location, "?")
		separator = "?"
	}
	values, err := url.ParseQuery(fragment)
	if err != nil {
		return nil
	}
	return &reply{values, func(v url.Values) {
		a.header.Set("Location", base+separator+v.Encode())
		a.body = nil // a link to the old one
	}}
}

var (
	formAction = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`id="auth-response" method="post" action="([^"]*)"`) })
	formInput  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`) })
)

// formPost reads the library's page, and puts ours in its place.
func (a *answer) formPost() *reply {
	action := formAction().FindSubmatch(a.body)
	if action == nil {
		return nil
	}
	values := url.Values{}
	for _, input := range formInput().FindAllSubmatch(a.body, -1) {
		values.Set(html.UnescapeString(string(input[1])), html.UnescapeString(string(input[2])))
	}
	to := html.UnescapeString(string(action[1]))
	return &reply{values, func(v url.Values) {
		var page bytes.Buffer
		form := struct {
			Action string
			Values url.Values
		}{to, v}
		if err := pages().ExecuteTemplate(&page, "form_post", form); err != nil {
			a.op.report(a.request.Context(), err)
			return
		}
		a.body = page.Bytes()
	}}
}

// completeResponses adds what the library leaves out of authorization responses.
func (p *Provider) completeResponses(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/authorize") {
			next.ServeHTTP(w, r)
			return
		}
		a := p.answerOf(next, r)
		if reply := a.reply(); reply != nil {
			if jarm := p.parse(reply.values.Get("response")); jarm != nil {
				p.complete(jarm.claims)
				p.signAsRegistered(jarm)
				reply.values.Set("response", jarm.String())
			} else {
				members := map[string]any{}
				for name := range reply.values {
					members[name] = reply.values.Get(name)
				}
				p.complete(members)
				for name, value := range members {
					reply.values.Set(name, fmt.Sprint(value))
				}
			}
			reply.put(reply.values)
		}
		a.deliver(w)
	})
}

// signAsRegistered signs a JARM response by the algorithm of the client.
func (p *Provider) signAsRegistered(t *token) {
	c := p.client(text(t.claims["aud"]))
	if c == nil || jarmAlg(c) == "" {
		return
	}
	alg := string(jarmAlg(c))
	t.header["alg"], t.header["kid"] = alg, p.keyFor(alg).KeyID
}

// answerOf is what next answers.
func (p *Provider) answerOf(next http.Handler, r *http.Request) *answer {
	a := &answer{op: p, request: r, status: http.StatusOK, header: http.Header{}}
	next.ServeHTTP(a, r)
	return a
}

// complete adds expires_in to an access token (RFC 6749 section 4.2.2), names the
// error of a response_type as RFC 6749 section 4.1.2.1 does, and corrects the hashes of an ID Token by EdDSA: with Ed25519 they are by SHA-512,
// while the library takes SHA-256.
func (p *Provider) complete(m map[string]any) {
	if text(m["access_token"]) != "" {
		m["expires_in"] = json.Number(fmt.Sprint(orElse(p.options.AccessTokenLifetime, defaultAccessToken)))
	}
	if m["error"] == "invalid_request" && m["error_description"] == "invalid response_type" {
		m["error"] = "unsupported_response_type"
	}
	t := p.parse(text(m["id_token"]))
	if t == nil || t.header["alg"] != "EdDSA" {
		return
	}
	for hash, of := range map[string]string{"at_hash": "access_token", "c_hash": "code", "s_hash": "state"} {
		if t.claims[hash] != nil {
			digest := sha512.Sum512([]byte(text(m[of])))
			t.claims[hash] = b64(digest[:len(digest)/2])
		}
	}
	m["id_token"] = t.String()
}

// sealResponse encrypts the ID Token in an authorization response, and the
// response itself if it is a JWT.
func (a *answer) sealResponse() {
	reply := a.reply()
	if reply == nil || a.plain {
		return
	}
	jarm := a.op.parse(reply.values.Get("response"))
	if jarm == nil {
		if sealed := a.sealFor("token", reply.values.Get("id_token")); sealed != "" {
			reply.values.Set("id_token", sealed)
			reply.put(reply.values)
		}
		return
	}
	came := reply.values.Get("response") // a fault may have signed it
	response := came
	if sealed := a.sealFor("token", text(jarm.claims["id_token"])); sealed != "" {
		jarm.claims["id_token"] = sealed
		response = jarm.String()
	}
	if sealed := a.sealFor("authorization", response); sealed != "" {
		response = sealed
	}
	if response != came {
		reply.values.Set("response", response)
		reply.put(reply.values)
	}
}

// sealFor encrypts a JWT as the client that it is for has registered; "" if it
// has not, or if there is no JWT.
func (a *answer) sealFor(endpoint, compact string) string {
	t := a.op.parse(compact)
	if t == nil {
		return ""
	}
	e := a.op.encryptionFor(endpoint, text(t.claims["aud"]))
	if e == nil {
		return ""
	}
	sealed, err := e.seal(compact, nil)
	if err != nil {
		a.op.report(a.request.Context(), err)
	}
	return sealed
}
