// What the configuration explains of an error: which credentials were used, which
// issuer came, and that no file was read.

package connect

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// credentialsHint says which credentials were used, and which the provider allows.
func (s *Setup) credentialsHint(method string, provider *oidc.Provider) string {
	text := fmt.Sprintf(" (the method %q was used", method)
	from := func(key string) string { return ", " + key + " is from " + s.Origin[key].String() }
	switch {
	case method == "none" && s.ClientSecret != "":
		text += ", and client_secret, which is from " + s.Origin["client_secret"].String() + ", was not sent"
	case method == "none":
		text += ", since there is no client_secret"
	case method == "private_key_jwt" && s.PrivateKey != "":
		text += from("private_key")
	case strings.HasSuffix(method, "tls_client_auth"):
		text += from("tls_client_certificate")
	case s.ClientSecret != "":
		text += from("client_secret")
		if s.PrivateKey != "" {
			text += ", private_key from " + s.Origin["private_key"].String() +
				" was not asked for: --auth-method private_key_jwt does"
		}
	}
	if len(provider.TokenEndpointAuthMethods) > 0 {
		text += "; the provider allows " + strings.Join(provider.TokenEndpointAuthMethods, ", ")
	}
	return text + ")"
}

// adviseWaive names the flags that accept what is broken, if all of it can be waived, and if the profile does
// not forbid that.
func (s *Setup) adviseWaive(err error, f *failure.Failure) {
	var broken *check.Error
	if s.Profile != "" || !errors.As(err, &broken) {
		return
	}
	var flags []string
	for _, result := range broken.Results {
		switch {
		case !result.Broken():
		case result.Essential:
			return
		default:
			flags = append(flags, "--waive "+result.ID)
		}
	}
	if len(flags) == 0 {
		return
	}
	text := strings.Join(flags, " ")
	if s.ofSession { // whose commands have no such flag
		text = "a login with " + text
	}
	run.Advise(f, text+" accepts this; nothing counts as verified then")
}

// AdviseBound says of a refusal that the access token is bound to a client certificate, and that
// none is configured.
func (s *Setup) AdviseBound(r *run.Run, token string) {
	if s.TLSClientCertificate != "" || confirmation(token, "x5t#S256") == "" {
		return
	}
	r.Advise("bound token", func(err error, f *failure.Failure) {
		var refusal *oidc.Error
		if errors.As(err, &refusal) && (refusal.Endpoint == "userinfo" || refusal.Endpoint == "resource") {
			f.Hint = "the access token is bound to a client certificate, and none was shown: --pem-cert and " +
				"--pem-key (tls_client_certificate and tls_client_key)"
		}
	})
}

// adviseIssuer names the issuer to set, if the one that came is another one.
func (s *Setup) adviseIssuer(err error, f *failure.Failure) {
	var broken *check.Error
	other := func(r check.Result) bool { return r.ID == "discovery.issuer" && r.Broken() }
	if s.provider != nil && errors.As(err, &broken) && slices.ContainsFunc(broken.Results, other) {
		run.Advise(f, issuerHint(s.provider))
	}
}

func issuerHint(provider *oidc.Provider) string {
	switch {
	case provider.Issuer == "":
		return "the provider's metadata must name its issuer"
	case strings.Contains(provider.Issuer, "{"):
		return "the issuer of a multi-tenant provider is a template: set issuer to that of your tenant, " +
			"with its id in the place of " + templatePart(provider.Issuer)
	}
	return fmt.Sprintf("if this is the provider you mean, set issuer: %q; "+
		"if it is known by another name from here, set expected_issuer", provider.Issuer)
}

func templatePart(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "{")
	name, _, _ := strings.Cut(rest, "}")
	return "{" + name + "}"
}

// adviseConfig says where the keys are explained, and that a file nobody named was
// not read.
func adviseConfig(err error, f *failure.Failure, read bool) {
	var problems config.Problems
	if !errors.As(err, &problems) || f.Kind != failure.KindConfig {
		return
	}
	missing := func(p config.Problem) bool { return p.Key == "" }
	switch _, err := os.Stat("config.yaml"); {
	case read || !slices.ContainsFunc(problems, missing):
		run.Advise(f, "`oidc-client config schema` tells all keys, `oidc-client config validate FILE` checks a file")
	case err == nil:
		run.Advise(f, "no configuration file was read; config.yaml is in this folder: -c config.yaml reads it")
	default:
		run.Advise(
			f,
			"no configuration file was read; -c FILE names one, and `oidc-client config init` writes one to start with",
		)
	}
}
