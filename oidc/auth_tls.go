// tls_client_auth and self_signed_tls_client_auth: RFC 8705 section 2.

package oidc

// TLSClientAuth proves the client by a certificate of a public key
// infrastructure (RFC 8705 section 2.1). [Client.HTTP] has to show it.
func TLSClientAuth() ClientAuth { return mutualTLS("tls_client_auth") }

// SelfSignedTLSClientAuth proves the client by a certificate of its own making
// that it registered (RFC 8705 section 2.2). [Client.HTTP] has to show it.
func SelfSignedTLSClientAuth() ClientAuth { return mutualTLS("self_signed_tls_client_auth") }

// mutualTLS always sends client_id: the certificate does not name the client.
func mutualTLS(method string) ClientAuth {
	return ClientAuth{Method: method, MutualTLS: true}
}
