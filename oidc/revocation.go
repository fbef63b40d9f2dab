// Token revocation: RFC 7009.

package oidc

import (
	"context"
	"net/http"
	"net/url"
)

// Revoke revokes a token (RFC 7009 section 2). hint is what it
// is, "access_token" or "refresh_token"; "" if that is not known. A provider that
// revokes a refresh token revokes the access tokens of the same grant too.
//
// A token that the provider does not know counts as revoked (section 2.2). The
// error is an [*Error] if the provider refused, and a [*TransportError] or
// [*ProtocolError] if there is no usable response.
func (c *Client) Revoke(ctx context.Context, token, hint string) error {
	form := url.Values{"token": {token}}
	if hint != "" {
		form.Set("token_type_hint", hint)
	}
	answer, err := c.ask(ctx, question{endpoint: revocationEndpoint, metadata: "revocation_endpoint", form: form})
	if err != nil {
		return err
	}
	if answer.status != http.StatusOK {
		return answer.refused()
	}
	return nil // what else it says does not matter (section 2.2)
}
