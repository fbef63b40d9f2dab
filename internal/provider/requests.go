// Authorization requests and what may be asked for in them: OpenID Connect Core
// 1.0 sections 3.1.2.1, 5.5 and 6, RFC 9101 (JAR), RFC 9126 (PAR), RFC 9396 (rich
// authorization requests), RFC 8707 (resource indicators).

package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

// authorizationRequests are looked at before the library sees them.
type authorizationRequests struct{ *Provider }

func (a authorizationRequests) settings() []oidcprovider.Option {
	jar, par := oidcprovider.WithJAR, oidcprovider.WithPAR
	if a.options.FAPI2 != "" {
		par = oidcprovider.WithPARRequired
	}
	if a.options.FAPI2 == messageSigning {
		jar = oidcprovider.WithJARRequired
	}
	algorithms := a.options.requestObjectAlgorithms()
	return []oidcprovider.Option{
		par(a.store),
		oidcprovider.WithPARSessionHandler(a.pushed),
		jar(algorithms[0], algorithms[1:]...),
		oidcprovider.WithJAREncryption(encryptionAlgs()[0], encryptionAlgs()[1:]...),
		oidcprovider.WithJARContentEncryptionAlgs(contentAlgs()[0], contentAlgs()[1:]...),
		oidcprovider.WithClaimsParameter(),
		oidcprovider.WithDisplayValues(goidc.DisplayValuePage, goidc.DisplayValuePopup, goidc.DisplayValueTouch,
			goidc.DisplayValueWAP),
		oidcprovider.WithRAR("payment", "account"),
		oidcprovider.WithRARDetailsComparator(grantedDetails),
		oidcprovider.WithResourceIndicators(a.resources()[0], a.resources()[1:]...),
	}
}

// resources are the values of the resource parameter: two that nobody has ever
// seen, and the provider's own.
func (p *Provider) resources() []string {
	return []string{"https://api.example.com", "https://api2.example.com", p.Issuer + resourcePath}
}

// grantedDetails lets a token request ask for some of the authorization details
// that were granted (RFC 9396 section 6.1).
func grantedDetails(_ context.Context, requested, granted []goidc.AuthDetail) error {
	for _, r := range requested {
		if !slices.ContainsFunc(granted, func(g goidc.AuthDetail) bool { return reflect.DeepEqual(r, g) }) {
			return goidc.NewError(goidc.ErrorCodeInvalidAuthDetails, "an authorization detail was not granted")
		}
	}
	return nil
}

// strictRequests holds authorization requests to the specifications where the
// library is lenient, and the other way round.
func (a authorizationRequests) strictRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		switch r.URL.Path {
		case "/authorize":
			err = a.strictAuthorization(r)
		case "/par", "/bc-authorize", "/device_authorization", "/token":
			if r.ParseForm() == nil {
				r.PostForm, err = strict(r.PostForm)
				a.openRequest(r.PostForm)
			}
		}
		if err != nil {
			a.options.report(r.Context(), err)
			a.refuseRequest(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseRequest refuses a request: with a page to whoever came with a browser.
func (a authorizationRequests) refuseRequest(w http.ResponseWriter, r *http.Request, err error) {
	if r.URL.Path == "/authorize" {
		_ = errorPage(a).render(w, r, goidc.NewError(goidc.ErrorCodeInvalidRequest, err.Error())) // it hung up
		return
	}
	refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
}

// strictAuthorization leaves what a request object or a pushed request replaces
// out of the request itself: RFC 9101 section 6.3 and RFC 9126 section 4 let the
// parameters beside them not be used, where the library merges them.
func (a authorizationRequests) strictAuthorization(r *http.Request) error {
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return err
		}
		values = r.PostForm
	}
	for _, only := range []string{"request_uri", "request"} {
		if values.Get(only) != "" {
			values = url.Values{"client_id": values["client_id"], only: values[only]}
			break
		}
	}
	values, err := strict(values)
	if err != nil {
		return err
	}
	a.openRequest(values)
	withoutCode(values)
	if r.Method == http.MethodPost {
		r.PostForm = values
	} else {
		r.URL.RawQuery = values.Encode()
	}
	return nil
}

// strict looks at parameters that are JSON, which the library ignores if they
// are none, and puts the words of response_type in order, which may not matter.
func strict(values url.Values) (url.Values, error) {
	for name, value := range values {
		if len(value) > 1 && name != "resource" && name != "audience" {
			return nil, errors.New("the parameter " + name + " is there more than once")
		}
	}
	var object map[string]any
	if claims := values.Get("claims"); claims != "" && json.Unmarshal([]byte(claims), &object) != nil {
		return nil, errors.New("the parameter claims is no JSON object")
	}
	var list []map[string]any
	if details := values.Get("authorization_details"); details != "" && json.Unmarshal([]byte(details), &list) != nil {
		values.Set("authorization_details", "[{}]") // for the library to refuse
	}
	if words := strings.Fields(values.Get("response_type")); len(words) > 1 {
		slices.Sort(words)
		values.Set("response_type", strings.Join(words, " "))
	}
	return values, nil
}

// openRequest decrypts an encrypted request object. The library could, but for
// ECDH-ES without key wrapping, where the second part of a JWE is empty.
func (a authorizationRequests) openRequest(values url.Values) {
	sealed, err := jose.ParseEncryptedCompact(values.Get("request"), encryptionAlgs(), contentAlgs())
	if err != nil {
		return
	}
	for _, k := range a.keys.Keys {
		if k.Use != "enc" || sealed.Header.KeyID != "" && sealed.Header.KeyID != k.KeyID {
			continue
		}
		if plain, err := sealed.Decrypt(k); err == nil {
			values.Set("request", string(plain))
			return
		}
	}
}

// withoutCode adds a code_challenge to requests that get no code, of which the
// library asks one all the same.
func withoutCode(values url.Values) {
	asked := values.Get("response_type")
	if t := ParseJWT(values.Get("request")); t != nil {
		asked = text(t.Claims["response_type"])
		if t.Claims["code_challenge"] != nil {
			return
		}
	}
	if asked != "" && !has(asked, "code") && values.Get("code_challenge") == "" && values.Get("request_uri") == "" {
		values.Set("code_challenge", rand.Text()+rand.Text())
		values.Set("code_challenge_method", "S256")
	}
}

// pushed looks at a pushed request. It has a challenge too if there will be no
// code.
func (a authorizationRequests) pushed(_ context.Context, as *goidc.AuthnSession, _ *goidc.Client) error {
	if as.ResponseType != "" && !as.ResponseType.Contains(goidc.ResponseTypeCode) && as.CodeChallenge == "" {
		as.CodeChallenge = rand.Text() + rand.Text()
	}
	if a.options.FAPI2 == messageSigning && !as.ResponseMode.IsJARM() {
		return goidc.NewError(goidc.ErrorCodeInvalidRequest, "the response_mode has to be one of JARM")
	}
	return nil
}

// refuse answers with an error of RFC 6749 section 5.2.
func refuse(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(EncodeJSON(map[string]any{"error": code, "error_description": description}))
}
