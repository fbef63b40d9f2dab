package optest

import "github.com/oidc-client/oidc-client/internal/provider/fault"

// A Finding says what the relying party did about one fault.
type Finding struct {
	Fault   Fault
	Verdict Verdict
	Why     string // one sentence
	Source  string // the section of the standard that it goes by
}

// A Verdict on a relying party.
type Verdict int

const (
	// Unknown means that its requests do not tell, or that it never met the fault.
	Unknown Verdict = iota
	// Correct means that it did what a correct relying party does.
	Correct
	// Wrong means that it did what a standard forbids: it went on where it must stop, or
	// stopped where it must go on.
	Wrong
	// Discouraged means that it did what a standard only advises against.
	Discouraged
)

// String returns "unknown", "correct", "wrong" or "discouraged".
func (v Verdict) String() string {
	switch v {
	case Correct:
		return "correct"
	case Wrong:
		return "wrong"
	case Discouraged:
		return "discouraged"
	default:
		return "unknown"
	}
}

// Judge says what the relying party did about each fault that the provider does, from the
// requests that it sent. It judges one relying party at a time, and a relying party that
// requests UserInfo once it has verified everything else: that is how the provider sees
// that it went on.
func (p *Provider) Judge() []Finding {
	var findings []Finding
	for _, f := range p.op.Judge().Findings {
		finding := Finding{Fault: Fault(f.Fault), Why: f.Why, Source: f.Source}
		switch {
		case f.Right == nil:
		case f.Wrong():
			finding.Verdict = Wrong
		case f.Discouraged():
			finding.Verdict = Discouraged
		default:
			finding.Verdict = Correct
		}
		findings = append(findings, finding)
	}
	return findings
}

// A Description says what a fault is about.
type Description struct {
	Name Fault
	Text string // what the provider does

	// Endpoint is the endpoint in whose response the fault shows, "backchannel_logout" or
	// "ciba_notification" if it is in what the provider sends to a client.
	Endpoint string

	// Command is the command of oidc-client that meets the fault: "client" for a login,
	// "refresh-token", "device", "ciba", "logout-receiver" and so on. A relying party meets
	// it by doing the same.
	Command string

	// Rules are the ids of the rules that the fault breaks, or of the reason that it is
	// rejected for: package oidc of this module returns them with oidc.Reason.
	Rules []string

	// Tolerated says that a correct relying party goes on. It rejects all other faults.
	Tolerated bool

	// Level says how binding that is: "required" by a standard, "recommended" by one, or the
	// relying party's own "choice". Source is the section of the standard.
	Level, Source string

	// Judged says that the requests of a relying party show what it did.
	Judged bool

	// Needs says what a relying party has to demand for the fault to matter, as lines of
	// oidc-client's configuration. Without it there is nothing wrong to see.
	Needs string

	// Previous says that the relying party has to compare the ID Token of a refresh with the
	// one before. The first ID Token that the provider issues is right then.
	Previous bool
}

// Faults returns all faults there are.
func Faults() []Description {
	var all []Description
	for _, f := range fault.Faults() {
		d := Description{
			Name: Fault(f.Name), Text: f.Text, Endpoint: f.At, Command: f.By, Rules: f.Breaks,
			Tolerated: f.Accept, Judged: !f.Unseen, Needs: f.Config, Previous: f.Previous,
			Level: string(f.Level), Source: f.Source,
		}
		if d.Command == "" {
			d.Command = "refresh-token"
		}
		all = append(all, d)
	}
	return all
}
