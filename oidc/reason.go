// Reasons: a stable id for every refusal.

package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// A ReasonText is the id of a reason with its text.
type ReasonText struct{ ID, Text string }

// Reasons returns the ids that [Reason] returns, except for those of [Rules] and the
// error codes of providers.
func Reasons() []ReasonText {
	list := make([]ReasonText, len(reason.Table))
	for i, row := range reason.Table {
		list[i] = ReasonText{string(row.ID), row.Text}
	}
	return list
}

// Reason returns a stable id for the cause of err, an error of this package: the id of
// the rule that was broken, the error code of the provider, or one of [Reasons]. It is
// "" for an error that has none.
func Reason(err error) string {
	var (
		broken    *check.Error
		refusal   *Error
		transport *TransportError
	)
	switch {
	case errors.As(err, &broken):
		return broken.First.ID
	case errors.As(err, &refusal) && refusal.Code != "":
		return refusal.Code
	case refusal != nil:
		return string(reason.ResponseStatus)
	case reason.Of(err) != "":
		return string(reason.Of(err))
	case errors.As(err, &transport):
		return string(transport.reason())
	}
	return ""
}

// wsaConnRefused is ECONNREFUSED as Windows numbers it.
const wsaConnRefused = syscall.Errno(10061)

// reason tells by the types of errors why there is no response.
func (e *TransportError) reason() reason.ID {
	var (
		name      *net.DNSError
		operation *net.OpError
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		notTLS    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch err := e.Err; {
	case e.Status == http.StatusTooManyRequests || e.Status >= 500:
		return reason.NetworkUnavailable
	case errors.As(err, &untrusted), errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid),
		errors.As(err, &notTLS), errors.Is(
			err, http.ErrSchemeMismatch,
		), errors.As(err, &alert), errors.As(err, &operation) && operation.Op == "remote error":
		return reason.NetworkTLS
	case errors.Is(err, context.DeadlineExceeded):
		return reason.NetworkTimeout
	case errors.As(err, &name):
		return reason.NetworkName
	case errors.As(err, &operation) && operation.Op == "dial", errors.Is(err, syscall.ECONNREFUSED),
		errors.Is(err, wsaConnRefused):
		return reason.NetworkConnect
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return reason.NetworkClosed
	}
	if e.Status != 0 { // there was a response, and it broke off
		return reason.NetworkClosed
	}
	return reason.NetworkOther
}
