// helper aws: credential_process of the AWS SDKs, by AssumeRoleWithWebIdentity of the
// Security Token Service.

package cli

import (
	"cmp"
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
(sts:AssumeRoleWithWebIdentity). Its ARN says which partition it is in: those of China,
of the governments and of the European sovereign cloud need a region of theirs.`,
		Example: `  [profile work]
  credential_process = oidc-client helper aws work --role-arn arn:aws:iam::123456789012:role/dev`,
		Args: counted(needs(1, "the NAME of a session")),
		RunE: func(cmd *cobra.Command, args []string) error { return helpAWS(p.run, cmd, &o, args[0]) },

		ValidArgsFunction: completeSessions(p),
	}
	f := cmd.Flags()
	f.StringVar(&o.role, "role-arn", "", "the role to assume")
	f.StringVar(&o.sessionName, "role-session-name", "oidc-client", "name of the session at AWS, for its logs")
	f.StringVar(&o.region, "region", "",
		"region whose STS is asked; by default AWS_REGION or AWS_DEFAULT_REGION, or else the global STS")
	f.StringVar(&o.endpoint, "sts-endpoint", "",
		"URL of STS, if it is another; by default AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL, as for the AWS CLI")
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

// stsEndpoint is the URL of the Security Token Service that is asked.
func stsEndpoint(r *run.Run, o *awsOptions) (string, error) {
	partition, err := o.check()
	if err != nil {
		return "", err
	}
	if endpoint, from := o.ownEndpoint(r.Env.Getenv); endpoint != "" {
		if !wire.SecureURL(endpoint) {
			return "", failure.Usage("%s is not an https URL (http is allowed on the loopback address only)", from)
		}
		return endpoint, nil
	}
	region := cmp.Or(o.region, r.Env.Getenv("AWS_REGION"), r.Env.Getenv("AWS_DEFAULT_REGION"))
	switch {
	case region == "" && partition == "aws":
		return "https://sts.amazonaws.com/", nil
	case region == "":
		return "", failure.Usage("the role is in the partition %s, which has no global STS: --region or AWS_REGION "+
			"names a region of it", partition)
	case strings.ContainsFunc(region, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	}):
		return "", failure.Usage("the region is of the characters a-z 0-9 -")
	}
	at := partitionOf(region)
	if at.name != partition {
		return "", failure.Usage("the region %s is in the partition %s, and the role is in %s: no STS there knows the "+
			"role", region, at.name, partition)
	}
	return "https://sts." + region + "." + at.domain + "/", nil
}

// check judges the flags, and returns the partition that the role is in.
func (o *awsOptions) check() (partition string, err error) {
	arn := strings.SplitN(o.role, ":", 6) // arn:PARTITION:iam::ACCOUNT:role/NAME
	switch {
	case len(arn) != 6 || arn[0] != "arn" || arn[1] == "" || arn[2] != "iam" || arn[3] != "" || arn[4] == "" ||
		!strings.HasPrefix(arn[5], "role/"):
		return "", failure.Usage("--role-arn is missing, or is not the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME")
	case o.lifetime != 0 && o.lifetime < 15*time.Minute:
		return "", failure.Usage("--duration is 15m at least")
	case !isRoleSessionName(o.sessionName):
		return "", failure.Usage("--role-session-name is 2 to 64 of the characters a-z A-Z 0-9 _ + = , . @ -")
	}
	return arn[1], nil
}

// isRoleSessionName reports whether STS accepts a name of a session.
func isRoleSessionName(name string) bool {
	return len(name) >= 2 && len(name) <= 64 && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			!strings.ContainsRune("_+=,.@-", c)
	})
}

// ownEndpoint is the URL of STS that the user names, and where: by the flag, or by the variables
// that the AWS SDKs read. It is "" if none is named.
func (o *awsOptions) ownEndpoint(getenv func(string) string) (endpoint, from string) {
	if o.endpoint != "" {
		return o.endpoint, "--sts-endpoint"
	}
	if strings.EqualFold(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return "", ""
	}
	for _, name := range []string{"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"} {
		if endpoint := getenv(name); endpoint != "" {
			return endpoint, name
		}
	}
	return "", ""
}

// An awsPartition is a part of AWS with accounts of its own: how its regions begin, its name in an
// ARN, and the domain of its services.
type awsPartition struct{ prefix, name, domain string }

// partitionOf is the partition that a region is in: aws, unless the region says another.
func partitionOf(region string) awsPartition {
	for _, p := range []awsPartition{
		{"cn-", "aws-cn", "amazonaws.com.cn"},
		{"us-gov-", "aws-us-gov", "amazonaws.com"},
		{"eusc-", "aws-eusc", "amazonaws.eu"},
		{"us-iso-", "aws-iso", "c2s.ic.gov"},
		{"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
		{"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
		{"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p
		}
	}
	return awsPartition{"", "aws", "amazonaws.com"}
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
