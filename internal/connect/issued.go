// Client assertions that others issue: files, variables and commands of the platform, and the ID
// tokens of GitHub Actions jobs. Each is read again for each request, and looked at before it is sent.

package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/httpclient"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/roundtrip"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

const issuedFile = "client_assertion.file"

// The variables of a GitHub Actions job that may get an ID token.
const (
	gitHubURL   = "ACTIONS_ID_TOKEN_REQUEST_URL"
	gitHubToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// issuedMethod is a method that sends what others issued.
func issuedMethod(
	of func(oidc.IssuedAssertion) oidc.ClientAuth,
) func(context.Context, *run.Run, *Setup) (oidc.ClientAuth, error) {
	return func(_ context.Context, r *run.Run, s *Setup) (oidc.ClientAuth, error) {
		i := &issued{run: r, setup: s}
		return of(oidc.IssuedAssertion{Get: i.get, OmitClientID: omitsClientID(s.Config)}), nil
	}
}

// issued gets assertions from where the configuration says.
type issued struct {
	run    *run.Run
	setup  *Setup
	warned sync.Once
}

// source names where assertions come from, for messages.
func source(cfg *config.Config) string {
	switch i := cfg.Issued; {
	case i.File != "":
		return i.File
	case i.Env != "":
		return "the environment variable " + i.Env
	case len(i.Command) > 0:
		return "the command " + i.Command[0]
	}
	return "GitHub Actions"
}

// get returns the assertion for a request.
func (i *issued) get(t *oidc.AuthTarget) (string, error) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit.Assertion,
		fmt.Errorf("no client assertion within %s: %w", limit.Assertion, context.DeadlineExceeded))
	defer cancel()
	text, err := i.read(ctx, t)
	if err != nil {
		return "", err
	}
	i.run.Learn(strings.Fields(text)...)
	assertion, err := wire.Secret(text)
	if err == nil {
		i.run.Learn(assertion)
		err = run.CheckToken(assertion)
	}
	var token *oidc.IDToken
	if err == nil {
		token, err = oidc.DecodeIDToken(assertion)
	}
	if err != nil {
		return "", failure.Config("%s: this is no client assertion: %w", i.from(), err).
			Try("it has to be a signed JWT, and nothing else; it was not sent")
	}
	return assertion, i.look(token, t)
}

// from names where assertions come from, and where that was configured.
func (i *issued) from() string {
	for _, key := range []string{issuedFile, "client_assertion.env", "client_assertion.command"} {
		if _, set := i.setup.Origin[key]; set {
			return Origin(i.setup.Config, key) + ": " + source(i.setup.Config)
		}
	}
	return Origin(i.setup.Config, "client_assertion.github")
}

// look refuses an assertion that expired, and warns of one that is meant for somebody else.
func (i *issued) look(token *oidc.IDToken, t *oidc.AuthTarget) error {
	if !token.Expiry.IsZero() && !t.Now.Before(token.Expiry) {
		return failure.Config("%s: the client assertion expired %s ago, at %s: it was not sent", i.from(),
			t.Now.Sub(token.Expiry).Round(time.Second), token.Expiry.UTC().Format(time.RFC3339)).
			Try("the platform has to issue a new one before each expires; is this machine's clock right?")
	}
	expected := []string{i.setup.Issued.Audience}
	if expected[0] == "" {
		expected = []string{i.audience(t), t.Provider.Issuer, t.URL, t.Provider.TokenEndpoint}
	}
	if !slices.ContainsFunc(token.Audience, func(aud string) bool { return slices.Contains(expected, aud) }) {
		i.warned.Do(func() {
			i.run.Warn("the client assertion from %s is for %q, and %q was expected; if the provider wants it so, "+
				"set client_assertion.audience (or --client-assertion-audience)",
				source(i.setup.Config), strings.Join(token.Audience, " "), expected[0])
		})
	}
	return nil
}

// audience is whom an assertion for a request is for.
func (i *issued) audience(t *oidc.AuthTarget) string {
	if audience := i.setup.Issued.Audience; audience != "" {
		return audience
	}
	return Assertion(i.setup.Config).AudienceFor(t)
}

// read reads an assertion from where it comes from.
func (i *issued) read(ctx context.Context, t *oidc.AuthTarget) (string, error) {
	c := i.setup.Issued
	switch {
	case c.File != "":
		data, err := i.file(ctx)
		if err != nil {
			return "", failure.Config("%s: %w", Origin(i.setup.Config, issuedFile), err)
		}
		return string(data), nil
	case c.Env != "":
		value := i.run.Env.Getenv(c.Env)
		if value == "" {
			return "", failure.Config("%s: the environment variable %s is not set",
				Origin(i.setup.Config, "client_assertion.env"), c.Env).
				Try("a GitLab job sets it if the job has id_tokens with this name")
		}
		return value, nil
	case len(c.Command) > 0:
		data, err := run.Capture(ctx, c.Command, limit.Token)
		if err != nil {
			return "", failure.Config("%s: the command %s failed: %w",
				Origin(i.setup.Config, "client_assertion.command"), c.Command[0], err)
		}
		return string(data), nil
	}
	return i.gitHub(ctx, i.audience(t))
}

// file reads the file: again each time, unless it is a pipe.
func (i *issued) file(ctx context.Context) ([]byte, error) {
	path := Path(i.setup.Config, issuedFile, i.setup.Issued.File)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return i.setup.Credentials.read(ctx, issuedFile, i.setup.Issued.File)
	}
	return run.ReadFile(ctx, path)
}

// gitHub gets the ID token of the GitHub Actions job. The request goes to GitHub, so it has
// neither the extra headers nor the certificates of the provider.
func (i *issued) gitHub(ctx context.Context, audience string) (string, error) {
	request, err := i.gitHubRequest(ctx, audience)
	if err != nil {
		return "", err
	}
	env := i.run.Env
	o := httpclient.Options{
		Proxy: env.Proxy, Timeout: limit.Assertion,
		SystemRoots: env.Getenv("SSL_CERT_FILE") != "" || env.Getenv("SSL_CERT_DIR") != "",
		Header:      http.Header{"User-Agent": {"oidc-client/" + env.Build.Name()}},
	}
	client := httpclient.New(o)
	client.Transport = i.run.Recorder.Over(client.Transport)
	defer client.CloseIdleConnections()
	res, err := roundtrip.Do(client, request, limit.Token)
	const who = "GitHub's ID token service"
	switch {
	case err != nil:
		return "", failure.Errorf(failure.KindNetwork, "%s: %w", who, err).Try("nothing was sent to the provider")
	case res.Status == http.StatusTooManyRequests || res.Status >= http.StatusInternalServerError:
		return "", failure.Errorf(failure.KindNetwork, "%s: HTTP status %d", who, res.Status).
			Try("nothing was sent to the provider; run the job again")
	case res.Status != http.StatusOK:
		return "", failure.Errorf(failure.KindProtocol, "%s: HTTP status %d", who, res.Status).
			Try("the job needs `permissions: id-token: write`; nothing was sent to the provider")
	}
	return gitHubValue(res.Body, who)
}

// gitHubRequest is the request for the ID token of the job.
func (i *issued) gitHubRequest(ctx context.Context, audience string) (*http.Request, error) {
	where := Origin(i.setup.Config, "client_assertion.github")
	address, bearer := i.run.Env.Getenv(gitHubURL), i.run.Env.Getenv(gitHubToken)
	if address == "" || bearer == "" {
		return nil, failure.Config("%s: %s and %s are not set", where, gitHubURL, gitHubToken).
			Try("a GitHub Actions job has them with `permissions: id-token: write`; elsewhere client_assertion takes " +
				"a file, an env or a command")
	}
	i.run.Learn(bearer)
	u, err := url.Parse(address)
	if err != nil || !wire.Secure(u) {
		return nil, failure.Config("%s: %s is not an https URL", where, gitHubURL)
	}
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(
		call.WithEndpoint(ctx, "github_id_token"), http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, failure.Config("%s: %s is not an https URL", where, gitHubURL)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Accept", "application/json")
	return request, nil
}

// gitHubValue reads the ID token in a response.
func gitHubValue(body []byte, who string) (string, error) {
	var value string
	err := errors.New("the response is too long")
	if len(body) <= limit.Token {
		var doc *strictjson.Object
		if doc, err = strictjson.Parse(body); err == nil {
			value, err = doc.String("value")
		}
	}
	if err == nil && value == "" {
		err = errors.New("no value")
	}
	if err != nil {
		return "", failure.Errorf(failure.KindProtocol, "%s: %w", who, err).Try("nothing was sent to the provider")
	}
	return value, nil
}
