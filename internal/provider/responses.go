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

// authorizationResponses are completed after the library has made them.
type authorizationResponses struct{ *Provider }

func (a authorizationResponses) settings() []oidcprovider.Option {
	algorithms := a.options.signatures()
	types := responseTypes()
	if a.options.FAPI2 != "" {
		types = types[:1]
	}
	return []oidcprovider.Option{
		oidcprovider.WithAuthCodeGrant(a.store, types...),
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
	return []goidc.KeyEncryptionAlgorithm{
		"RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW",
		"ECDH-ES+A256KW",
	}
}

func contentAlgs() []goidc.ContentEncryptionAlgorithm {
	return []goidc.ContentEncryptionAlgorithm{goidc.A128CBC_HS256, goidc.A256CBC_HS512, goidc.A128GCM, goidc.A256GCM}
}

// An AuthorizationResponse is what goes back to a client through the browser, in any
// of the response modes.
type AuthorizationResponse struct {
	Values url.Values
	Put    func(url.Values) // puts others in their place
}

// Authorization returns the authorization response in a response, nil if there is
// none.
func (res *Response) Authorization() *AuthorizationResponse {
	if !strings.HasPrefix(res.Request.URL.Path, "/authorize") {
		return nil
	}
	location := res.Header.Get("Location")
	if location == "" {
		return res.formPost()
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
	return &AuthorizationResponse{values, func(v url.Values) {
		res.Header.Set("Location", base+separator+v.Encode())
		res.Body = nil // a link to the old one
	}}
}

var (
	formAction = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`id="auth-response" method="post" action="([^"]*)"`)
	})
	formInput = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`)
	})
)

// formPost reads the library's page. Put puts ours in its place.
func (res *Response) formPost() *AuthorizationResponse {
	action := formAction().FindSubmatch(res.Body)
	if action == nil {
		return nil
	}
	values := url.Values{}
	for _, input := range formInput().FindAllSubmatch(res.Body, -1) {
		values.Set(html.UnescapeString(string(input[1])), html.UnescapeString(string(input[2])))
	}
	to := html.UnescapeString(string(action[1]))
	return &AuthorizationResponse{values, func(v url.Values) {
		var page bytes.Buffer
		form := struct {
			Action string
			Values url.Values
		}{to, v}
		if err := pages().ExecuteTemplate(&page, "form_post", form); err != nil {
			panic(err) // the page is a constant of this program, and a buffer takes what it is given
		}
		res.Body = page.Bytes()
	}}
}

// completeResponses adds what the library leaves out of authorization responses.
func (a authorizationResponses) completeResponses(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/authorize") {
			next.ServeHTTP(w, r)
			return
		}
		res := responseOf(next, r)
		if back := res.Authorization(); back != nil {
			if jarm := ParseJWT(back.Values.Get("response")); jarm != nil {
				a.complete(jarm.Claims)
				describe(r.Context(), jarm.Claims)
				a.signAsRegistered(jarm)
				back.Values.Set("response", a.sign(jarm))
			} else {
				members := map[string]any{}
				for name := range back.Values {
					members[name] = back.Values.Get(name)
				}
				a.complete(members)
				describe(r.Context(), members)
				for name, value := range members {
					back.Values.Set(name, fmt.Sprint(value))
				}
			}
			back.Put(back.Values)
		}
		res.Send(w)
	})
}

// signAsRegistered has a JARM response signed by the algorithm of the client.
func (a authorizationResponses) signAsRegistered(t *JWT) {
	c := a.clients.find(text(t.Claims["aud"]))
	if c == nil || jarmAlg(c) == "" {
		return
	}
	alg := string(jarmAlg(c))
	t.Header["alg"], t.Header["kid"] = alg, a.Key(alg).KeyID
}

// complete adds expires_in to an access token (RFC 6749 section 4.2.2), names the
// error of a response_type as RFC 6749 section 4.1.2.1 does, and corrects the hashes of an ID Token by EdDSA:
// with Ed25519 they are by SHA-512, while the library takes SHA-256.
func (a authorizationResponses) complete(m map[string]any) {
	if text(m["access_token"]) != "" {
		m["expires_in"] = json.Number(fmt.Sprint(orElse(a.options.AccessTokenLifetime, defaultAccessToken)))
	}
	if m["error"] == "invalid_request" && m["error_description"] == "invalid response_type" {
		m["error"] = "unsupported_response_type"
	}
	t := ParseJWT(text(m["id_token"]))
	if t == nil || t.Header["alg"] != "EdDSA" {
		return
	}
	for hash, of := range map[string]string{"at_hash": "access_token", "c_hash": "code", "s_hash": "state"} {
		if t.Claims[hash] != nil {
			digest := sha512.Sum512([]byte(text(m[of])))
			t.Claims[hash] = encodeBase64(digest[:len(digest)/2])
		}
	}
	m["id_token"] = a.sign(t)
}
