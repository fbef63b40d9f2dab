// The members of a registration that a client of the file may have besides those that the
// provider has fields for.

package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
	"go.yaml.in/yaml/v3"
)

// defaultACRs is a member that is a list, and text to the library.
const defaultACRs = "default_acr_values"

// joined returns the texts of a list, with spaces between them.
func joined(list []any) string {
	var words []string
	for _, v := range list {
		words = append(words, text(v))
	}
	return strings.Join(words, " ")
}

// libraryMembers are members that the library honors.
var libraryMembers = []string{
	"application_type", "client_name", "contacts", "default_max_age", "jwks_uri", "logo_uri", "policy_uri",
	"tls_client_auth_san_dns", "tls_client_auth_san_ip", "token_endpoint_auth_signing_alg", "tos_uri",
}

// plainMembers are members that tell people or other programs something, that come in the
// response to a registration, or that ask for what the provider does for every client.
var plainMembers = []string{
	"backchannel_logout_session_required", "client_id_issued_at", "client_secret_expires_at", "client_uri",
	"frontchannel_logout_session_required", "initiate_login_uri", "registration_access_token",
	"registration_client_uri", "request_object_encryption_alg", "request_object_encryption_enc",
	"require_auth_time", "sector_identifier_uri", "software_id", "software_statement", "software_version",
}

// missingMembers are members that ask for what the provider cannot do, unless they have the
// value that asks for nothing.
var missingMembers = map[string]any{
	"backchannel_user_code_parameter": false, "claims_redirect_uris": nil, "request_uris": nil,
	"subject_type": "public", "tls_client_auth_san_email": "", "tls_client_auth_san_uri": "",
}

// addMembers gives the library's client the members that have no field.
func (c Client) addMembers(client *goidc.Client) error {
	known := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.More)) {
		value := c.More[name]
		base, _, _ := strings.Cut(name, "#")
		nothing, missing := missingMembers[base]
		list, _ := value.([]any)
		switch {
		case base == defaultACRs:
			client.DefaultACRValues = joined(list)
		case missing && value != nothing && (list == nil || len(list) > 0):
			return fmt.Errorf("%s: the provider cannot do that", name)
		case missing:
		case slices.Contains(libraryMembers, name):
			known[name] = value
		case isMember(name):
			client.CustomAttributes[name] = value
		default:
			return fmt.Errorf("%s is no member of a registration", name)
		}
	}
	data, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &client.ClientMeta)
}

// UnmarshalYAML reads a client. A registration calls its auth_method
// token_endpoint_auth_method, and its jwks may be an object instead of text.
func (c *Client) UnmarshalYAML(node *yaml.Node) error {
	type member Client // without this method
	if node.Kind != yaml.MappingNode {
		return node.Decode((*member)(c))
	}
	own := *node
	own.Content = slices.Clone(node.Content)
	for i := 0; i+1 < len(own.Content); i += 2 {
		name, value := own.Content[i], own.Content[i+1]
		switch {
		case name.Value == "token_endpoint_auth_method":
			renamed := *name
			renamed.Value = "auth_method"
			own.Content[i] = &renamed
		case name.Value == "jwks" && value.Kind == yaml.MappingNode:
			var set map[string]any
			if err := value.Decode(&set); err != nil {
				return err
			}
			data, err := json.Marshal(set)
			if err != nil {
				return err
			}
			own.Content[i+1] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(data), Line: value.Line}
		}
	}
	if err := own.Decode((*member)(c)); err != nil {
		return err
	}
	for _, key := range node.Content {
		if _, more := c.More[key.Value]; more && !isMember(key.Value) {
			return fmt.Errorf("line %d: field %s not found of a client", key.Line, key.Value)
		}
	}
	return nil
}

// isMember reports whether a name is that of a member of a registration that has no field. A
// language may follow it.
func isMember(name string) bool {
	base, _, _ := strings.Cut(name, "#")
	_, missing := missingMembers[base]
	return missing || base == defaultACRs || slices.Contains(libraryMembers, base) ||
		slices.Contains(plainMembers, base)
}
