// Showing results: tokens, claims, warnings and files.

package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// rotatedToken is the refresh token of the recorded response, "" if none came.
func (p *program) rotatedToken() string {
	doc, err := strictjson.Parse(p.run.TokenResponse)
	if err != nil {
		return ""
	}
	token, _ := doc.String("refresh_token") // of another type it is none
	return token
}

// warnings tells of recommendations that were not followed and rules that were
// waived.
func (p *program) warnings(results check.Results) {
	for _, r := range results {
		switch {
		case r.Waived && r.Held() && r.Outcome != check.NotApplicable && r.Level == check.Must:
			p.warn("%s is waived, so that nothing counts as verified; it would have held", r.ID)
		case r.Held():
		case r.Waived:
			p.warn("%s is waived: %s (%s)", r.ID, difference(r), r.Spec)
		case strings.HasPrefix(r.ID, "discovery.") && p.run.Command != "discover":
			// What is amiss with metadata is not what was asked; --explain shows it.
		case r.Level == check.Should && r.Outcome == check.Fail:
			p.warn("%s is not kept: %s (rule: %s %s)", r.ID, difference(r), r.Text, r.Spec)
		}
	}
}

func difference(r check.Result) string {
	switch {
	case r.Want != "" && r.Got != "":
		return fmt.Sprintf("want %s, got %s", r.Want, r.Got)
	case r.Note != "":
		return r.Note
	}
	return string(r.Outcome)
}

// showIDToken records an ID Token and shows its claims.
func (p *program) showIDToken(t *oidc.IDToken) {
	p.run.IDToken = &transcript.Token{Header: t.Header, Encryption: t.Encryption, Claims: t.JSON, Verified: t.Verified}
	p.showClaims("IDToken Claims", "IDTokenClaims", t.JSON, t.Verified)
}

// showClaims shows a token's claims, and whether anything vouches for them.
func (p *program) showClaims(title, key string, claims []byte, verified bool) {
	switch {
	case p.options.json():
	case verified:
		p.out.JSON(title, key, claims)
	default:
		p.out.Unverified(title, key, claims)
	}
}

// showUserInfo records UserInfo claims and shows them.
func (p *program) showUserInfo(info *oidc.UserInfo) {
	p.run.UserInfo = info.JSON
	if !p.options.json() {
		p.out.JSON("Userinfo Claims", "UserInfoClaims", info.JSON)
	}
}

// explain shows every rule that was checked, if asked to, once.
func (p *program) explain() {
	p.redactChecks()
	if p.options.explain && !p.options.json() && !p.explained && len(p.run.Checks) > 0 {
		p.explained = true
		p.out.Checks(p.run.Checks)
	}
}

// write writes a result file, if asked to.
func (p *program) write(name string, data []byte) error {
	if !p.options.output || data == nil {
		return nil
	}
	if err := durable.WriteFile(filepath.Join(p.options.outputDir, name), data); err != nil {
		return fmt.Errorf("result file: %w", err)
	}
	return nil
}
