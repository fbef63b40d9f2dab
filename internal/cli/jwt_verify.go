// jwt verify: RFC 7519 section 7.2, and the rules of each kind of token.

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// verifyOptions are the flags of jwt verify.
type verifyOptions struct {
	client            clientFlags
	token, jwks, as   string
	nonce, withAccess string
}

// A judge verifies one token of a kind.
type judge func(context.Context, string) (*oidc.JWT, error)

// kinds are what a token can be verified as.
var kinds = []string{"id_token", "access_token", "logout_token", "userinfo", "jarm", "jwt"}

func (p *program) jwtVerifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [-|@FILE]",
		Short: "Verify JWTs",
		Long: `Verify JWTs

Verifies a token by all rules of its kind, with the keys of the issuer or of --jwks.
Without --as it is an ID Token if issuer and client_id are known, and any JWT if not:
then only signature and times are judged.

Several tokens on standard input, one a line, are verified in parallel; the answers
come in the order of the lines, and the exit code is 5 if one is bad.`,
		Example: `  pbpaste | oidc-client jwt verify -c config.yaml
  oidc-client jwt verify @access-token --issuer https://op.example.com --as access_token
  oidc-client jwt verify --jwks keys.json --format json < tokens.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.token != "" {
					return usage("the token is given twice")
				}
				o.token = args[0]
			}
			return p.verifyJWTs(cmd, &o)
		},
	}
	o.client.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	f.StringVar(&o.jwks, "jwks", "", "JWK Set to verify with: a file or a URL")
	f.StringVar(&o.as, "as", "", "what the token is: "+strings.Join(kinds, ", "))
	f.StringVar(&o.nonce, "nonce", "", "nonce that an ID Token must have")
	f.StringVar(&o.withAccess, "access-token", "", "access token that came with an ID Token, for its at_hash (- reads standard input, @FILE a file; or OIDC_ACCESS_TOKEN)")
	complete(cmd, "as", func() []string { return kinds })
	return cmd
}

func (p *program) verifyJWTs(cmd *cobra.Command, o *verifyOptions) error {
	ctx, cancel := p.bounded(cmd.Context())
	defer cancel()
	if o.as != "" && !slices.Contains(kinds, o.as) {
		return usage("--as is one of %s", strings.Join(kinds, ", "))
	}
	stream := o.token == "-" || o.token == "" && p.env.Getenv("OIDC_TOKEN") == ""
	var raw string
	var err error
	if !stream {
		if raw, err = p.required(ctx, "token", o.token, "OIDC_TOKEN"); err != nil {
			return err
		}
	}
	judge, err := p.newJudge(ctx, cmd, o)
	if err != nil {
		return err
	}
	if !stream {
		return p.verifyOne(ctx, judge, raw)
	}
	if p.stdinUsed != "" {
		return usage("--%s reads standard input already", p.stdinUsed)
	}
	return p.verifyLines(ctx, judge)
}

// newJudge makes what tokens are verified by.
func (p *program) newJudge(ctx context.Context, cmd *cobra.Command, o *verifyOptions) (judge, error) {
	require := []string{"issuer"}
	if o.jwks != "" {
		require = nil
	}
	cfg, httpClient, err := p.connect(ctx, cmd, &o.client, require...)
	if err != nil {
		return nil, err
	}
	kind := o.as
	if kind == "" {
		kind = "jwt"
		if cfg.Issuer != "" && cfg.ClientID != "" {
			kind = "id_token"
		}
	}
	if missing := missingFor(kind, cfg); missing != "" {
		return nil, usage("--as %s needs %s", kind, missing)
	}
	expect := oidc.Expectation{Nonce: o.nonce, Optional: true}
	access, err := p.secret(ctx, "access-token", o.withAccess, "OIDC_ACCESS_TOKEN")
	if err != nil {
		return nil, err
	}
	client, err := p.verifier(ctx, cfg, httpClient, o.jwks)
	if err != nil {
		return nil, err
	}
	return map[string]judge{
		"id_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			return idTokenAsJWT(ctx, client, raw, access, expect)
		},
		"logout_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			token, err := client.VerifyLogoutToken(ctx, raw, oidc.LogoutExpectation{})
			return &token.JWT, err
		},
		"access_token": client.VerifyAccessToken, "userinfo": client.VerifyUserInfo, "jarm": client.VerifyJARM, "jwt": client.VerifyJWT,
	}[kind], nil
}

// missingFor names what a kind of token is judged by and is not known.
func missingFor(kind string, cfg *config.Config) string {
	var missing []string
	if kind != "jwt" && cfg.Issuer == "" {
		missing = append(missing, "--issuer")
	}
	if !slices.Contains([]string{"jwt", "access_token"}, kind) && cfg.ClientID == "" {
		missing = append(missing, "--client-id")
	}
	return strings.Join(missing, " and ")
}

// idTokenAsJWT verifies an ID Token.
func idTokenAsJWT(ctx context.Context, client *oidc.Client, raw, access string, expect oidc.Expectation) (*oidc.JWT, error) {
	token, err := client.VerifyIDToken(ctx, raw, access, expect)
	if token == nil {
		var broken *check.Error
		jwt := &oidc.JWT{}
		if errors.As(err, &broken) {
			jwt.Checks = broken.Results
		}
		return jwt, err
	}
	return &oidc.JWT{Header: token.Header, Encryption: token.Encryption, JSON: token.JSON, Checks: token.Checks, Verified: token.Verified}, err
}

// verifier is a client that verifies, with the provider's keys or with those of a
// JWK Set.
func (p *program) verifier(ctx context.Context, cfg *config.Config, httpClient *http.Client, jwks string) (*oidc.Client, error) {
	policy, err := policy(cfg)
	if err != nil {
		return nil, err
	}
	client := &oidc.Client{ID: cfg.ClientID, HTTP: httpClient, Now: p.env.Now, MaxBody: cfg.HTTP.MaxResponseSize, Waive: cfg.Waive, Policy: policy}
	if jwks == "" {
		client.Provider, err = p.discover(ctx, cfg, httpClient)
		return client, err
	}
	p.run.Issuer = cfg.Issuer
	client.Provider = &oidc.Provider{Issuer: cfg.Issuer, IDTokenSigningAlgorithms: oidc.SignatureAlgorithms()}
	if oidc.Browsable(jwks) {
		client.Provider.JWKSURI = jwks
		client.Keys, err = oidc.Discovery{HTTP: httpClient, MaxBody: cfg.HTTP.MaxResponseSize}.Keys(ctx, client.Provider)
		return client, err
	}
	data, err := readFile(jwks)
	if err != nil {
		return nil, usage("--jwks: %v", err)
	}
	if client.Keys, err = oidc.ReadKeySet(data); err != nil {
		return nil, usage("--jwks: %v", err)
	}
	return client, nil
}

// verifyOne verifies a token and shows all of it.
func (p *program) verifyOne(ctx context.Context, judge judge, raw string) error {
	token, err := judge(ctx, strings.TrimPrefix(raw, "Bearer "))
	p.run.Checks = append(p.run.Checks, token.Checks...)
	p.warnings(token.Checks)
	if token.JSON != nil {
		p.run.Members.Add("jwt", (&transcript.Token{Header: token.Header, Encryption: token.Encryption, Claims: token.JSON, Verified: token.Verified && err == nil}).Document())
		if !p.options.json() {
			p.out.JSON("JWT Header", "Header", token.Header)
		}
		p.showClaims("JWT Claims", "Claims", token.JSON, token.Verified && err == nil)
	}
	p.explain()
	if err == nil {
		p.inform("the token is valid")
	}
	return err
}

// A verified is what came of one line.
type verified struct {
	line  int
	token *oidc.JWT
	err   error
}

// verifyLines verifies the tokens of standard input, one a line. One alone is shown
// whole.
func (p *program) verifyLines(ctx context.Context, judge judge) error {
	scanner := bufio.NewScanner(p.env.Stdin)
	scanner.Buffer(make([]byte, 0, 64<<10), limit.Token+2)
	first, err := nextLine(ctx, scanner)
	if err != nil {
		return err
	}
	second, err := nextLine(ctx, scanner)
	switch {
	case first == "":
		return usage("there is no token: standard input was empty")
	case err == nil && second == "":
		return p.verifyOne(ctx, judge, first)
	case err != nil:
		return err
	}
	// A token leaves a few kilobytes behind and nothing else: collecting them so
	// often as a small heap asks for costs more than their room.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	report := &report{p: p, out: bufio.NewWriter(p.env.Stdout)}
	report.begin()
	err = parallel(ctx, lines(scanner, first, second), judge, report.add)
	if readErr := scanner.Err(); err == nil && readErr != nil {
		err = usage("standard input: %v", readErr)
	}
	return report.end(ctx, err)
}

// nextLine is the next line that is not empty, "" at the end. It gives up when ctx
// ends: nobody may ever type one.
func nextLine(ctx context.Context, scanner *bufio.Scanner) (string, error) {
	return read(ctx, "standard input", func() ([]byte, error) {
		for scanner.Scan() {
			if line := strings.TrimSpace(scanner.Text()); line != "" {
				return []byte(line), nil
			}
		}
		return nil, scanner.Err()
	})
}

// lines are the tokens of a stream, of which two were read ahead.
func lines(scanner *bufio.Scanner, ahead ...string) func() (string, bool) {
	return func() (string, bool) {
		if len(ahead) > 0 {
			line := ahead[0]
			ahead = ahead[1:]
			return line, true
		}
		for scanner.Scan() {
			if line := strings.TrimSpace(scanner.Text()); line != "" {
				return line, true
			}
		}
		return "", false
	}
}

// parallel judges the tokens of next on all processors, and hands what came of them
// to done in their order. So many are under way at a time that none waits for the
// slowest, and no more.
func parallel(ctx context.Context, next func() (string, bool), judge judge, done func(verified) error) error {
	const batch = 64
	type job struct {
		tokens  []string
		first   int
		results chan []verified
	}
	workers := runtime.GOMAXPROCS(0)
	jobs, order := make(chan job, workers), make(chan job, 4*workers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range workers {
		go func() {
			for j := range jobs {
				results := make([]verified, len(j.tokens))
				for i, raw := range j.tokens {
					token, err := judge(ctx, raw)
					results[i] = verified{j.first + i, token, err}
				}
				j.results <- results
			}
		}()
	}
	go func() {
		defer close(order)
		defer close(jobs)
		for line := 1; ; {
			j := job{first: line, results: make(chan []verified, 1)}
			for len(j.tokens) < batch {
				raw, ok := next()
				if !ok {
					break
				}
				j.tokens = append(j.tokens, raw)
			}
			if len(j.tokens) == 0 {
				return
			}
			line += len(j.tokens)
			select {
			case order <- j:
				jobs <- j
			case <-ctx.Done():
				return
			}
		}
	}()
	for j := range order {
		for _, v := range <-j.results {
			if err := done(v); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return context.Cause(ctx)
}

// A report shows what came of a stream, as it comes.
type report struct {
	p          *program
	out        *bufio.Writer
	valid, bad int
	first      error // that a token was bad
}

func (r *report) begin() {
	if r.p.options.json() {
		head, _ := transcript.Compact(r.p.run.Command) // a string
		fmt.Fprintf(r.out, "{\"schema\":%d,\"command\":%s,\"tokens\":[", transcript.Version, head)
	}
}

// add shows one result. A key that cannot be had ends the stream.
func (r *report) add(v verified) error {
	var transport *oidc.TransportError
	var protocol *oidc.ProtocolError
	if errors.As(v.err, &transport) || errors.As(v.err, &protocol) {
		return v.err
	}
	if v.err != nil {
		r.bad++
		if r.first == nil {
			r.first = v.err
		}
	} else {
		r.valid++
	}
	if !r.p.options.json() {
		return r.addText(v)
	}
	var d strictjson.Ordered
	d.Add("line", v.line)
	d.Add("verified", v.err == nil && v.token.Verified)
	if v.err != nil {
		d.Add("code", oidc.Reason(v.err))
		d.Add("message", r.p.redactor.Text(v.err.Error()))
	}
	text, err := transcript.Compact(d)
	if err != nil {
		return err
	}
	separator := ",\n  "
	if r.valid+r.bad == 1 {
		separator = "\n  "
	}
	_, err = r.out.WriteString(separator + text)
	return err
}

func (r *report) addText(v verified) error {
	text := "valid"
	if v.err != nil {
		text = "bad    " + transcript.Escape(v.err.Error())
	}
	_, err := fmt.Fprintf(r.out, "%d\t%s\n", v.line, text)
	return err
}

// end says how many there were. The exit code is that of a broken rule if one token
// was bad.
func (r *report) end(ctx context.Context, err error) error {
	if err == nil && r.bad > 0 {
		err = fmt.Errorf("%d of %d tokens are bad: %w", r.bad, r.valid+r.bad, r.first)
	}
	var failure *transcript.Failure
	if err != nil {
		failure = r.p.failure(ctx, err)
		failure.Headline = ""
	}
	if r.p.options.json() {
		var d strictjson.Ordered
		d.Add("valid", r.valid)
		d.Add("bad", r.bad)
		tail, _ := transcript.Compact(d) // of two numbers
		fmt.Fprintf(r.out, "\n],\"summary\":%s", tail)
		if failure != nil {
			text, _ := transcript.Compact(failure) // of strings and a number
			fmt.Fprintf(r.out, ",\"error\":%s", text)
		}
		_, _ = io.WriteString(r.out, "}\n") // what fails shows when it is flushed
	}
	if flushErr := r.out.Flush(); flushErr != nil {
		return fmt.Errorf("writing to standard output: %w", flushErr)
	}
	if failure == nil {
		r.p.inform("%d tokens are valid", r.valid)
		return &doneError{0}
	}
	r.p.err.Failure(failure, nil)
	return &doneError{exitCode(failure)}
}
