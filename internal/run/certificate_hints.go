// Hints for certificates that do not verify: which link of the chain is missing, or wrong.

package run

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// certificateHint explains why a server's certificate was not accepted, "" if it was. setting
// names what says where the server is.
func certificateHint(err error, now time.Time, setting string) string {
	var (
		unverified *tls.CertificateVerificationError
		authority  x509.UnknownAuthorityError
		invalid    x509.CertificateInvalidError
		wrongName  x509.HostnameError
		chain      []*x509.Certificate
	)
	if errors.As(err, &unverified) {
		chain = unverified.UnverifiedCertificates
	}
	switch {
	case errors.As(err, &authority):
		return authorityHint(chain)
	case errors.As(err, &invalid):
		return invalidHint(invalid, chain, now)
	case errors.As(err, &wrongName):
		return nameHint(wrongName, setting)
	case unverified != nil:
		return "the server's certificate cannot be verified"
	}
	return ""
}

// authorityHint names the missing link of a chain, as the server sent it.
func authorityHint(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "the server's certificate is from an authority that this machine does not trust: if it is a private " +
			"one, give its certificate with --ca-cert FILE (key ca_cert)"
	}
	top := topOf(chain)
	issuer := subject(top.RawIssuer, top.Issuer.String())
	switch {
	case bytes.Equal(top.RawIssuer, top.RawSubject) && top.Equal(chain[0]):
		return "the server's certificate is self-signed: if it is the right one, save it and trust it with --ca-cert " +
			"FILE (key ca_cert)"
	case bytes.Equal(top.RawIssuer, top.RawSubject):
		return fmt.Sprintf("the server's certificate chain ends at %s, which this machine does not trust: if it is "+
			"the "+
			"right authority, give its certificate with --ca-cert FILE (key ca_cert)", issuer)
	}
	text := "the server sent only its own certificate, and not that of its issuer, " + issuer
	if len(chain) > 1 {
		text = "the certificate chain that the server sent lacks the certificate of " + issuer
	}
	if len(top.IssuingCertificateURL) > 0 {
		text += fmt.Sprintf(" (to be had at %.200q)", top.IssuingCertificateURL[0])
	}
	return text + ", which this machine does not know: give that certificate with --ca-cert FILE (key ca_cert), or " +
		"have the server send its whole chain"
}

// topOf follows the issuers in a chain, in whatever order it is, up to the last one that is there.
func topOf(chain []*x509.Certificate) *x509.Certificate {
	top := chain[0]
	for range chain {
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, top.RawIssuer) && !c.Equal(top)
		})
		if i < 0 || bytes.Equal(top.RawIssuer, top.RawSubject) {
			break
		}
		top = chain[i]
	}
	return top
}

// subject is a distinguished name for a message. It may be empty.
func subject(raw []byte, text string) string {
	if len(raw) == 0 || text == "" {
		return "an authority without a name"
	}
	return fmt.Sprintf("%.200q", text)
}

// invalidHint explains what is wrong with a certificate whose chain is complete.
func invalidHint(invalid x509.CertificateInvalidError, chain []*x509.Certificate, now time.Time) string {
	c, whose := invalid.Cert, "the server's certificate"
	if c != nil && len(chain) > 0 && !c.Equal(chain[0]) {
		whose = "the certificate of the authority " + subject(c.RawSubject, c.Subject.String())
	}
	switch {
	case invalid.Reason == x509.Expired && c == nil:
		return whose + " has expired or is not valid yet"
	case invalid.Reason == x509.Expired && now.Before(c.NotBefore):
		return fmt.Sprintf("%s is valid from %s on: is this machine's clock right?", whose,
			c.NotBefore.UTC().Format(time.RFC3339))
	case invalid.Reason == x509.Expired:
		return fmt.Sprintf("%s expired at %s: it has to be renewed there (or this machine's clock is wrong)", whose,
			c.NotAfter.UTC().Format(time.RFC3339))
	case invalid.Reason == x509.IncompatibleUsage:
		return whose + " is not for servers (extended key usage): it has to be replaced there"
	case invalid.Reason == x509.NotAuthorizedToSign:
		return whose +
			" may not issue certificates: with --ca-cert FILE, FILE has to hold the authority's certificate, " +
			"not the server's"
	}
	return whose + " cannot be used for this server: it has to be replaced there"
}

// nameHint says which names a certificate is for.
func nameHint(wrong x509.HostnameError, setting string) string {
	c := wrong.Certificate
	if len(c.DNSNames)+len(c.IPAddresses) == 0 && c.Subject.CommonName != "" {
		return fmt.Sprintf("the server's certificate has its host name (%.100q) in the common name only, where it no "+
			"longer counts: it needs a subject alternative name", c.Subject.CommonName)
	}
	return fmt.Sprintf("the certificate is for %s, not for %s: check %s", certificateNames(c), wrong.Host,
		setting)
}

func certificateNames(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name at all"
	}
	return ShortList(names)
}
