// The provider's endpoints by name, and whose each response is.

package provider

import "strings"

// EndpointName returns the name of the endpoint at a path, "" if there is none.
func EndpointName(path string) string {
	for _, below := range []string{"/authorize", "/register", resourcePath} {
		if strings.HasPrefix(path, below+"/") {
			path = below
		}
	}
	return endpointNames[path]
}

// endpointNames are the endpoints by their paths.
var endpointNames = map[string]string{
	openIDMetadata: "discovery", oauthMetadata: "discovery",
	"/jwks": "jwks", "/authorize": "authorization", "/token": "token", "/userinfo": "userinfo",
	"/par": "pushed_authorization_request", "/device_authorization": "device_authorization",
	"/introspect": "introspection", "/revoke": "revocation", "/logout": "end_session",
	"/bc-authorize": "backchannel_authentication", "/register": "registration",
	resourcePath: "resource", resourceMetadataPath: "resource_metadata",
}

// ClientOf returns the id of the client that the tokens or claims in a response are
// for, "" if it is not known.
func (p *Provider) ClientOf(res *Response) string {
	switch EndpointName(res.Request.URL.Path) {
	case "token":
		m, ok := DecodeObject(res.Body)
		if !ok || !res.OK() {
			return ""
		}
		if t := ParseJWT(text(m["id_token"])); t != nil {
			return text(t.Claims["aud"])
		}
		return clientID(res.Request)
	case "introspection":
		return clientID(res.Request)
	case "userinfo":
		return p.clientOfToken(res.Request)
	}
	return ""
}
