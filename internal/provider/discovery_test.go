package provider

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestMetadataIsTrue(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) { o.Registration, o.Password, o.SAML = true, true, true })
	for name, want := range map[string]string{
		"response_types_supported":                                        "code,code id_token,code token,code id_token token,id_token,id_token token",
		"response_modes_supported":                                        "query,fragment,form_post,jwt,query.jwt,fragment.jwt,form_post.jwt",
		"request_object_signing_alg_values_supported":                     "HS256,HS384,HS512,RS256,PS256,ES256,EdDSA",
		"request_object_encryption_alg_values_supported":                  "RSA-OAEP-256,ECDH-ES",
		"authorization_signing_alg_values_supported":                      "RS256,ES256,EdDSA,PS256",
		"authorization_encryption_alg_values_supported":                   "RSA-OAEP-256,ECDH-ES",
		"id_token_encryption_alg_values_supported":                        "RSA-OAEP-256,ECDH-ES",
		"introspection_signing_alg_values_supported":                      "RS256,ES256",
		"introspection_encryption_alg_values_supported":                   "RSA-OAEP-256,ECDH-ES",
		"backchannel_token_delivery_modes_supported":                      "poll,ping",
		"backchannel_authentication_request_signing_alg_values_supported": "ES256",
		"authorization_details_types_supported":                           "payment,account",
		"prompt_values_supported":                                         "none,login",
		"acr_values_supported":                                            "1,2",
		"grant_types_supported":                                           "authorization_code,implicit,refresh_token,client_credentials,password," + grantCIBA + ",urn:ietf:params:oauth:grant-type:jwt-bearer,urn:ietf:params:oauth:grant-type:saml2-bearer,urn:ietf:params:oauth:grant-type:token-exchange,urn:ietf:params:oauth:grant-type:device_code",
		"protected_resources":                                             p.op.Issuer + "/resource",
	} {
		there, _ := p.metadata[name].([]any)
		for value := range strings.SplitSeq(want, ",") {
			if !slices.Contains(there, any(value)) {
				t.Errorf("%s lacks %s: %v", name, value, there)
			}
		}
	}
	for name, want := range map[string]any{
		"claims_parameter_supported": true, "request_parameter_supported": true,
		"request_uri_parameter_supported": false,
		"backchannel_logout_supported":    true, "backchannel_logout_session_supported": true,
		"frontchannel_logout_supported": true, "frontchannel_logout_session_supported": true,
		"authorization_response_iss_parameter_supported": true,
		"registration_endpoint":                          p.op.Issuer + "/register",
		"backchannel_authentication_endpoint":            p.op.Issuer + "/bc-authorize",
	} {
		if p.metadata[name] != want {
			t.Errorf("%s: %v, want %v", name, p.metadata[name], want)
		}
	}
	if _, m := p.get(p.op.Issuer+"/.well-known/oauth-authorization-server", ""); !reflect.DeepEqual(m, p.metadata) {
		t.Errorf("RFC 8414: %v", m)
	}
	for name, uri := range p.metadata {
		if strings.HasSuffix(name, "_endpoint") {
			if res, _ := p.get(text(uri), ""); res.StatusCode == http.StatusNotFound {
				t.Errorf("%s is not there", name)
			}
		}
	}
}

func TestFileKnowsTheRegistration(t *testing.T) {
	t.Parallel()
	o, err := ReadFile([]byte(`
poll_interval: 1s
approve_after: 2s
password: true
saml: true
dpop_nonces: true
registration: true
registration_token: t
fapi2: security
pkce_optional: true
no_silent_login: true
clients:
  - client_id: a
    grant_types: [password]
    response_types: [code, id_token]
    request_object_signing_alg: ES256
    require_signed_request_object: true
    authorization_signed_response_alg: ES256
    authorization_encrypted_response_alg: ECDH-ES
    authorization_encrypted_response_enc: A256GCM
    introspection_signed_response_alg: ES256
    introspection_encrypted_response_alg: ECDH-ES
    introspection_encrypted_response_enc: A256GCM
    dpop_bound_access_tokens: true
    tls_client_certificate_bound_access_tokens: true
    authorization_details_types: [payment]
    backchannel_token_delivery_mode: ping
    backchannel_client_notification_endpoint: https://rp.example/ping
    backchannel_authentication_request_signing_alg: ES256
    backchannel_logout_uri: https://rp.example/back
    frontchannel_logout_uri: https://rp.example/front
    backchannel_logout_session_required: true
`), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := o.Clients[0]
	if !o.Password || !o.SAML || !o.DPoPNonces || !o.Registration || o.RegistrationToken != "t" ||
		o.FAPI2 != "security" || o.PollInterval == 0 || o.ApproveAfter == 0 || !o.PKCEOptional || !o.NoSilentLogin {
		t.Errorf("%+v", o)
	}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && i > v.NumField()-20 {
			t.Errorf("%s was not read", name)
		}
	}
	if c.DeliveryMode != "ping" || c.FrontchannelLogoutURI == "" || !c.DPoPBound {
		t.Errorf("%+v", c)
	}
}
