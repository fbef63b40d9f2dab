// tls_client_auth and self_signed_tls_client_auth: RFC 8705 section 2.

package oidc

// TLSClientAuth authenticates the client with a certificate of a public key
// infrastructure (RFC 8705 section 2.1), which [Client.HTTP] has to present.
func TLSClientAuth() ClientAuth { return mutualTLS("tls_client_auth") }

// SelfSignedTLSClientAuth authenticates the client with a self-signed certificate that
// it registered (RFC 8705 section 2.2), and which [Client.HTTP] has to present.
func SelfSignedTLSClientAuth() ClientAuth { return mutualTLS("self_signed_tls_client_auth") }

// mutualTLS always sends client_id: the certificate does not name the client.
func mutualTLS(method string) ClientAuth {
	return ClientAuth{Method: method, MutualTLS: true}
}
