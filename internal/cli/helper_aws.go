// helper aws: credential_process of the AWS SDKs, by AssumeRoleWithWebIdentity of the
// Security Token Service.

package cli

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/httpclient"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/roundtrip"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// awsOptions are the flags of helper aws.
type awsOptions struct {
	role, sessionName, region, endpoint string
	lifetime                            time.Duration
}

func helperAWSCommand(p *program) *cobra.Command {
	var o awsOptions
	cmd := &cobra.Command{
		Use:   "aws NAME --role-arn ARN",
		Short: "Trade the ID Token for credentials of an AWS role",
		Long: `Trade the ID Token for credentials of an AWS role

For credential_process in ~/.aws/config. The role has to trust the provider
(sts:AssumeRoleWithWebIdentity).`,
		Example: `  [profile work]
  credential_process = oidc-client helper aws work --role-arn arn:aws:iam::123456789012:role/dev`,
		Args: counted(needs(1, "the NAME of a session")),
		RunE: func(cmd *cobra.Command, args []string) error { return helpAWS(p.run, cmd, &o, args[0]) },

		ValidArgsFunction: completeSessions(p),
	}
	f := cmd.Flags()
	f.StringVar(&o.role, "role-arn", "", "the role to assume")
	f.StringVar(&o.sessionName, "role-session-name", "oidc-client", "name of the session at AWS, for its logs")
	f.StringVar(&o.region, "region", "", "region whose STS is asked; by default AWS_REGION, or the global one")
	f.StringVar(&o.endpoint, "sts-endpoint", "", "URL of STS, if it is another")
	f.DurationVar(&o.lifetime, "duration", 0, "lifetime of the credentials, from 15m (default what AWS gives, an hour)")
	return cmd
}

func helpAWS(r *run.Run, cmd *cobra.Command, o *awsOptions, name string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	endpoint, err := stsEndpoint(r, o)
	if err != nil {
		return err
	}
	out, err := tokenOf(ctx, r, name, session.Need{IDToken: true})
	if err != nil {
		return err
	}
	credentials, err := assumeRole(ctx, r, endpoint, o, out.Value)
	if err != nil {
		return err
	}
	data, err := json.Marshal(credentials)
	if err == nil {
		r.PrintText(string(data))
	}
	return err
}

// stsEndpoint is where the Security Token Service is.
func stsEndpoint(r *run.Run, o *awsOptions) (string, error) {
	region := o.region
	if region == "" {
		region = r.Env.Getenv("AWS_REGION")
	}
	switch {
	case !strings.HasPrefix(o.role, "arn:"):
		return "", failure.Usage("--role-arn is missing, or no ARN")
	case o.lifetime != 0 && o.lifetime < 15*time.Minute:
		return "", failure.Usage("--duration is 15m at least")
	case o.endpoint != "" && !wire.SecureURL(o.endpoint):
		return "", failure.Usage("--sts-endpoint is not an https URL (http is allowed on the loopback address only)")
	case o.endpoint != "":
		return o.endpoint, nil
	case region == "":
		return "https://sts.amazonaws.com/", nil
	case strings.ContainsFunc(region, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	}):
		return "", failure.Usage("the region is of the characters a-z 0-9 -")
	}
	return "https://sts." + region + ".amazonaws.com/", nil
}

// awsCredentials are what credential_process has to print.
type awsCredentials struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId" xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

// An stsAnswer is the answer to AssumeRoleWithWebIdentity, good or bad.
type stsAnswer struct {
	Credentials awsCredentials `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	Error       struct{ Code, Message string }
}

// assumeRole asks STS. What is asked and answered is not recorded: its secrets have names that
// nothing here knows.
func assumeRole(ctx context.Context, r *run.Run, endpoint string, o *awsOptions,
	token string,
) (*awsCredentials, error) {
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {o.role},
		"RoleSessionName": {o.sessionName}, "WebIdentityToken": {token},
	}
	if o.lifetime > 0 {
		form.Set("DurationSeconds", fmt.Sprint(int(o.lifetime.Seconds())))
	}
	client := httpclient.New(httpclient.Options{Proxy: r.Env.Proxy})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := roundtrip.Do(client, req, limit.Body)
	if err != nil {
		failure := &oidc.TransportError{Endpoint: "sts", URL: endpoint, Err: err}
		if answer != nil {
			failure.Status = answer.Status
		}
		return nil, failure
	}
	return readSTS(r, endpoint, answer.Status, answer.Body)
}

func readSTS(r *run.Run, endpoint string, status int, body []byte) (*awsCredentials, error) {
	var a stsAnswer
	err := xml.Unmarshal(body, &a)
	c := &a.Credentials
	r.Learn(c.SecretAccessKey, c.SessionToken)
	switch {
	case err == nil && a.Error.Code != "":
		return nil, &oidc.Error{Endpoint: "sts", Status: status, Code: a.Error.Code, Description: a.Error.Message}
	case status == http.StatusOK && err == nil && c.AccessKeyID != "" && c.SecretAccessKey != "" &&
		c.SessionToken != "" && c.Expiration != "":
		c.Version = 1
		return c, nil
	case status >= http.StatusInternalServerError:
		return nil,
			&oidc.TransportError{
				Endpoint: "sts", URL: endpoint, Status: status,
				Err: fmt.Errorf("HTTP status %d", status),
			}
	}
	return nil,
		&oidc.ProtocolError{
			Endpoint: "sts", URL: endpoint, Status: status,
			Err: fmt.Errorf("the answer (HTTP status %d) has no credentials", status),
		}
}
